"""Whether an MPI launcher started this process, and whether it fits the MPI library.

MPI is imported only under a launcher. One that belongs to another MPI library than mpi4py
uses starts N processes that each believe to be alone; they must not all do the same work.
"""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torkivity_engine.errors import InputError

__all__ = ["Launch", "detect_launch", "find_mpiexec", "start_mpi"]

#: Environment variables by which launchers tell size and rank: Hydra (MPICH, Intel, MVAPICH),
#: Open MPI, Slurm's srun.
_SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
_RANKS = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK", "PMIX_RANK")


@dataclass(frozen=True)
class Launch:
    """What a launcher says.

    Attributes
    ----------
    size : int or None
        None if it does not say.
    rank : int
    """

    size: int | None
    rank: int


def detect_launch() -> Launch | None:
    """What the launcher of this process says, or None if there is none."""
    # Inside a step SLURM_PROCID is the rank; in a batch script it is 0 as well.
    step = "SLURM_STEP_NUM_TASKS" in os.environ
    ranks = [_number(name) for name in (*_RANKS, *(("SLURM_PROCID",) if step else ()))]
    sizes = [_number(name) for name in _SIZES]
    known = [size for size in sizes if size is not None]
    rank = next((rank for rank in ranks if rank is not None), None)
    if rank is None and not known:
        return None
    return Launch(max(known) if known else None, rank or 0)


def _number(name: str) -> int | None:
    try:
        return int(os.environ[name])
    except (KeyError, ValueError):
        return None


def find_mpiexec() -> str | None:
    """The launcher that came with the environment's own MPI library, else the site's."""
    own = Path(sys.executable).with_name("mpiexec")
    return str(own) if own.exists() else shutil.which("mpiexec")


def start_mpi(launch: Launch) -> Any:
    """The communicator of all processes, or None for a launch of a single one.

    Parameters
    ----------
    launch : Launch

    Returns
    -------
    mpi4py.MPI.Comm or None

    Raises
    ------
    InputError
        Without mpi4py, without an MPI library, or with one that is not the launcher's.
    """
    if launch.size == 1:
        return None
    what = "a launcher" if launch.size is None else f"{launch.size} processes"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a launcher that does not fit: said below
        library, comm = _world(what)
    alone = comm.Get_size() == 1 and (launch.size or launch.rank + 1) > 1
    if alone or (launch.size is not None and launch.size != comm.Get_size()):
        raise InputError(
            "mpiexec",
            what,
            f"mpi4py's MPI library ({library}) sees {comm.Get_size()}: the launcher belongs to "
            "another MPI library; use the mpiexec (or srun --mpi option) of that one",
        )
    return comm


def _world(what: str) -> tuple[str, Any]:
    """Name of the MPI library, and all of its processes."""
    try:
        import mpi4py

        # What the library would abort on is to be looked for before.
        mpi4py.rc.initialize, mpi4py.rc.finalize = False, True
        from mpi4py import MPI
    except ModuleNotFoundError:
        raise InputError(
            "mpiexec",
            what,
            "mpi4py is not installed: pip install 'torkivity[mpi]', or 'torkivity[cluster]' where "
            "the site has its own MPI library",
        ) from None
    except (ImportError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            "mpiexec", what, f"mpi4py finds no usable MPI library ({reason})"
        ) from None
    text = MPI.Get_library_version()
    library = text.split("\n")[0].split(",")[0].strip(" \0")
    if not MPI.Is_initialized():
        problem = _fatal(MPI.get_vendor()[0], text)
        if problem:
            raise InputError("mpiexec", what, f"mpi4py's MPI library ({library}) {problem}")
        MPI.Init_thread(MPI.THREAD_MULTIPLE)
    return library, MPI.COMM_WORLD


def _fatal(vendor: str, library: str) -> str:
    """What the library would abort the program for when it is initialised; empty if unknown."""
    foreign = next((name for name in ("PMIX_RANK", "PMIX_NAMESPACE") if name in os.environ), "")
    if foreign and vendor == "MPICH" and "pmix" not in library.lower():
        if _number("PMI_SIZE") is not None:
            return f"would stumble over {foreign}, left by a launcher around its own; unset it"
        return (
            f"does not speak PMIx, which the launcher does ({foreign} is set): use the mpiexec "
            "(or srun --mpi option) of that library, or the MPI library of the launcher"
        )
    descriptor = _number("PMI_FD")
    try:
        if descriptor is not None:
            os.fstat(descriptor)
    except OSError:
        return f"finds no launcher at PMI_FD={descriptor}: it has ended; unset PMI_RANK, PMI_FD"
    return ""
