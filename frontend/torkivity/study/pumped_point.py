"""One point of a study of spin pumping: a film by one model, one of its magnets turning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from torkivity.catalogue import MODELS
from torkivity.study.case import Case
from torkivity.study.point import ferromagnet_level
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.diffusion.pumping import drift_diffusion_pumping
from torkivity_engine.pumped import PumpingSolution
from torkivity_engine.pumping import spin_pumping
from torkivity_engine.record import PUMPING_VARIABLES
from torkivity_hpc.grid import Axis, Dimension, Value
from torkivity_meshes import SphericalMesh

__all__ = ["PumpingRecord", "pumping_record", "solve_pumping", "turning_dimension"]

_CERTIFICATE = "certificate_"


def solve_pumping(case: Case, model: str, magnet: str | None = None) -> PumpingSolution:
    """What a magnet of a film pumps.

    Parameters
    ----------
    case : Case
    model : str
        One of `torkivity.catalogue.MODELS` that pumps.
    magnet : str, optional
        Name of the layer; not needed where there is one magnet.

    Returns
    -------
    PumpingSolution

    Raises
    ------
    InputError, PhysicsError, CapacityError
        As `spin_pumping` and `drift_diffusion_pumping` do.
    """
    tolerance = case.tolerance
    if MODELS[model].parameters is not None:
        level = ferromagnet_level(case)
        if tolerance is None:
            mesh = case.mesh()
        else:
            # Its interfaces are those of the torques.
            found = solve_drift_diffusion(case.film, ferromagnet=level, rtol=tolerance).refinement
            assert found is not None
            mesh = SphericalMesh(found.n_polar, found.n_azimuth, found.polar_rule)
        return drift_diffusion_pumping(case.film, mesh, magnet=magnet, ferromagnet=level)
    return spin_pumping(
        case.film,
        case.mesh() if tolerance is None else None,
        rtol=None if tolerance is None else tolerance.rtol,
        magnet=magnet,
        method=case.settings.solver.method,
        memory_limit=case.memory_limit,
    )


def pumping_record(solution: PumpingSolution) -> dict[str, ArrayLike]:
    """Numbers by the names of `torkivity_engine.record.PUMPING_VARIABLES`."""
    interfaces = solution.interfaces
    certificates = {
        name: solution.certificates.get(name.removeprefix(_CERTIFICATE), np.nan)
        for name in PUMPING_VARIABLES
        if name.startswith(_CERTIFICATE)
    }
    return {
        "turning_axis": solution.axes,
        "pumped_spin_current_minus": np.array([r.spin_current_minus for r in interfaces]),
        "pumped_spin_current_plus": np.array([r.spin_current_plus for r in interfaces]),
        "pumped_torque_interface": np.array([r.torque for r in interfaces]),
        "pumped_torque_exchange": np.array(list(solution.torques.values())),
        "pumped_torque_bulk": solution.bulk_torque,
        "pumped_sheet_current": solution.sheet_current,
        "effective_mixing_conductance": solution.effective_mixing_conductance,
        **certificates,
    }


def turning_dimension(magnets: tuple[str, ...]) -> Dimension:
    """Magnets that turn as a dimension of a study."""
    return Dimension("turning", Axis(magnets, "", "magnet that turns"), {"turning": magnets})


@dataclass
class PumpingRecord:
    """From the values of a point to its record.

    It travels to other processes, where films are made anew.

    Attributes
    ----------
    case : Case
        What all points have in common.
    """

    case: Case
    _last: tuple[dict[str, Value], Case] | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last": None}

    def __call__(self, values: Mapping[str, Value]) -> dict[str, ArrayLike]:
        """Record of a point: values of film and settings by path, of "model" and "turning"."""
        varied = {n: value for n, value in values.items() if n not in ("model", "turning")}
        if self._last is None or self._last[0] != varied:
            self._last = varied, self.case.varied(varied)
        return pumping_record(
            solve_pumping(self._last[1], str(values["model"]), str(values["turning"]))
        )
