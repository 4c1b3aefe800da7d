"""Measured speed, memory and accuracy of the solvers, beside what they are compared with.

Everything is measured in rounds in which the things compared run one after the other, and
quoted as the median over rounds, so that a drifting machine moves a ratio little. Nothing
here limits threads: start the program with `SINGLE_THREAD` in its environment, as
``python scripts/benchmark`` does, to compare core with core.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import accuracy
import b_matrix
import cold_slabs
import diffusion
import explore_latency
import fit_times
import layers
import methods
import polar_rules
import reduced
import scaling
import startup
import tensors
import tolerance
from measuring import Record
from torkivity.selftest.machine import machine_facts
from torkivity.tables import Table

__all__ = ["SECTIONS", "run_benchmark", "tables"]

#: Each has ``measure(quick)`` and ``table(record)``.
_MODULES = {
    "tensors": tensors,
    "b-matrix": b_matrix,
    "reduced": reduced,
    "layers": layers,
    "diffusion": diffusion,
    "methods": methods,
    "scaling": scaling,
    "polar-rules": polar_rules,
    "accuracy": accuracy,
    "rtol": tolerance,
    "fits": fit_times,
    "slabs": cold_slabs,
    "startup": startup,
    "explore": explore_latency,
}
SECTIONS = tuple(_MODULES)


def run_benchmark(
    sections: Sequence[str] = SECTIONS,
    *,
    quick: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Record:
    """Measure.

    Parameters
    ----------
    sections : sequence of str, optional
        Of `SECTIONS`.
    quick : bool, optional
        Small sizes and short times: shows that everything works, not how fast it is.
    progress : callable, optional
        Called with the name of each section before it starts.

    Returns
    -------
    dict
        "machine", "quick", and one entry per section; numbers, strings and lists only.
    """
    record: Record = {"machine": machine_facts(), "quick": quick}
    for section in sections:
        if progress is not None:
            progress(section)
        record[section] = _MODULES[section].measure(quick)
    return record


def tables(record: Record) -> dict[str, Table]:
    """What was measured, as tables.

    Parameters
    ----------
    record : dict
        From `run_benchmark`.

    Returns
    -------
    dict of str to Table
    """
    facts = tuple((key.replace("_", " "), str(value)) for key, value in record["machine"].items())
    found = {"machine": Table("Machine", ("", ""), facts)}
    for name, module in _MODULES.items():
        if name in record:
            found[name] = module.table(record[name])
    probes = [record["reduced"]["memory"]] if "reduced" in record else []
    probes += record.get("scaling", {}).get("memory", [])
    if any(probes):
        found["memory"] = reduced.memory_table(probes)
    return found
