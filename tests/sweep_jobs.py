"""Sweeps of points that take no time, for tests of the machinery; also run under mpiexec."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.record import Variable
from torkivity_hpc.files.sweepfile import SweepSpec
from torkivity_hpc.grid import Axis, Dimension, Grid, Value
from torkivity_hpc.running.manager import StopRequest
from torkivity_hpc.running.session import CrewMaker, SweepPlan, run_plan, with_crew

VARIABLES = {
    "torque": Variable(("spin",), "1/(Ohm m)", "torque"),
    "product": Variable((), "nm", "product"),
    "flag": Variable((), "1", "whether it is so"),
}


def dimension(name: str, values: int | tuple[Value, ...], **others: tuple[Value, ...]) -> Dimension:
    along = tuple(map(float, range(values))) if isinstance(values, int) else values
    return Dimension(name, Axis(along, "nm", f"axis {name}"), {name: along, **others})  # type: ignore[arg-type]


def spec(*dimensions: Dimension, **physics: object) -> SweepSpec:
    return SweepSpec(
        Grid(dimensions), VARIABLES, {"law": 1, **physics}, {"title": "test"}, frozenset({"flag"})
    )


def evaluate(values: Mapping[str, Value]) -> dict[str, ArrayLike]:
    a, b = float(values["a"]), float(values["b"])
    if b == 3.0:
        raise ArithmeticError(f"no film has b = {b:g}")
    return {"torque": [a, b, np.sin(a * b)], "product": a * b, "flag": float(a > b)}


def paced(values: Mapping[str, Value]) -> dict[str, ArrayLike]:
    time.sleep(2e-3)
    return evaluate(values)


def long_point(values: Mapping[str, Value]) -> dict[str, ArrayLike]:
    if values["a"] == 1.0 and values["b"] == 39.0:
        time.sleep(60.0)
    return paced(values)


def mistaken(values: Mapping[str, Value]) -> dict[str, ArrayLike]:
    if values["a"] >= 2.0 and os.environ.get("FAIL_ON", "any") in ("any", own_rank()):
        raise RuntimeError("a mistake in the program")
    return paced(values)


def dying(values: Mapping[str, Value]) -> dict[str, ArrayLike]:
    if values["a"] >= 2.0 and own_rank() == os.environ["FAIL_ON"]:
        os.kill(os.getpid(), 9)
    return paced(values)


def own_rank() -> str:
    return os.environ.get("PMI_RANK", "0")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--shape", type=int, nargs=2, default=(20, 30))
    parser.add_argument("--evaluate", default="evaluate")
    parser.add_argument("--time-limit", type=float, default=float("inf"))
    given = parser.parse_args()
    a, b = given.shape
    plan = SweepPlan(spec(dimension("a", a), dimension("b", b)), globals()[given.evaluate], ("a",))

    def body(make_crew: CrewMaker) -> int:
        stop = StopRequest(deadline=time.monotonic() + given.time_limit)
        outcome = run_plan(plan, given.path, make_crew, stop=stop)
        print(outcome.stopped)
        return 3 if outcome.missing else 0

    sys.exit(with_crew(body))


if __name__ == "__main__":
    main()
