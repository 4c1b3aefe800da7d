"""Measured speed, memory and accuracy of the solvers, beside what they are compared with.

Everything is measured in rounds in which the things compared run one after the other, and
quoted as the median over rounds, so that a drifting machine moves a ratio little. Nothing
here limits threads: start the program with `SINGLE_THREAD` in its environment, as
``scripts/benchmark.py`` does, to compare core with core.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from torkivity.analysis.benchmark import (
    accuracy,
    b_matrix,
    methods,
    reduced,
    scaling,
    startup,
    tensors,
)
from torkivity.analysis.benchmark.measuring import Record, machine_facts, number, python_output
from torkivity.tables import Table

__all__ = ["SECTIONS", "SPEED_SECTIONS", "measure_speed", "run_benchmark", "speed_table", "tables"]

#: Each has ``measure(quick)`` and ``table(record)``.
_MODULES = {
    "tensors": tensors,
    "b-matrix": b_matrix,
    "reduced": reduced,
    "methods": methods,
    "scaling": scaling,
    "accuracy": accuracy,
    "startup": startup,
}
SECTIONS = tuple(_MODULES)

#: What tells a machine's speed in about a minute.
SPEED_SECTIONS = ("tensors", "reduced", "startup")

#: Of docs/performance.md, by the rows of `speed_table`.
_REFERENCE_MACHINE = "two-core x86-64 virtual machine"
_REFERENCE = {
    "million interface-tensor points/s": 125.0,
    "Boltzmann points/s, SphericalMesh(32, 32)": 470.0,
    "Boltzmann points/s, SphericalMesh(64, 64)": 190.0,
    "s for torkivity --help": 0.07,
    "s for torkivity run, with the figure": 3.7,
}


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


_SPEED = """
import json
from torkivity.analysis import benchmark
print(json.dumps(benchmark.run_benchmark(benchmark.SPEED_SECTIONS)))
"""


def measure_speed() -> Record:
    """`SPEED_SECTIONS` of the benchmark in a process of its own, one thread to each library.

    Returns
    -------
    dict
        As from `run_benchmark`.

    Raises
    ------
    subprocess.CalledProcessError
        If that process fails.
    """
    record: Record = json.loads(python_output("-c", _SPEED))
    return record


def speed_table(record: Record) -> Table:
    """Speed of a machine beside that of the machine in docs/performance.md.

    Parameters
    ----------
    record : dict
        From `measure_speed`.

    Returns
    -------
    Table
    """
    small, large = record["reduced"]["cases"]
    here = (
        record["tensors"]["points_per_second"]["kernel"] / 1e6,
        small["points_per_second"],
        large["points_per_second"],
        record["startup"]["seconds"]["help"],
        record["startup"]["seconds"]["run"],
    )
    return Table(
        "Speed, one core",
        ("", "here", _REFERENCE_MACHINE),
        tuple(
            (name, number(value), number(reference))
            for value, (name, reference) in zip(here, _REFERENCE.items(), strict=True)
        ),
    )
