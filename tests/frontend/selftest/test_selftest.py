"""The self-test: everything passes, and everything can fail."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from torkivity.cli import cli
from torkivity.selftest import checks as selftest_checks
from torkivity.selftest import selftest as module
from torkivity.selftest.selftest import (
    CHECKS,
    Check,
    CheckResult,
    SkippedError,
    run_checks,
    selftest_facts,
)

CHANGE = 2e-6
BY_NAME = {check.measure.__name__: check for check in CHECKS}
SLOW = {"sweep_on_ranks"}


def names(without: set[str]) -> list[Any]:
    return [
        pytest.param(name, marks=pytest.mark.slow if name in without else ()) for name in BY_NAME
    ]


def checked(name: str) -> CheckResult:
    return run_checks([BY_NAME[name]])[0]


@pytest.mark.parametrize("name", names(SLOW))
def test_passes(name: str) -> None:
    result = checked(name)
    assert result.verdict == "ok", result
    assert 0.0 <= result.error <= result.check.threshold


def scaled(solution: Any) -> Any:
    """A solution that is larger by CHANGE."""
    one = 1.0 + CHANGE
    return replace(
        solution,
        interfaces=tuple(
            replace(
                i,
                current_minus=one * i.current_minus,
                current_plus=one * i.current_plus,
                torque=one * i.torque,
            )
            for i in solution.interfaces
        ),
    )


def leaking(solution: Any) -> Any:
    """A solution with a little charge current."""
    (interface,) = solution.interfaces
    current = interface.current_minus.copy()
    current[3] += CHANGE * np.abs(interface.torque).max()
    return replace(solution, interfaces=(replace(interface, current_minus=current),))


def plus_scaled(solution: Any) -> Any:
    """A solution whose current behind the interface alone is wrong."""
    (interface,) = solution.interfaces
    wrong = (1.0 + CHANGE) * interface.current_plus
    return replace(solution, interfaces=(replace(interface, current_plus=wrong),))


def on(which: Callable[..., bool], change: Callable[[Any], Any] = scaled) -> Callable[..., Any]:
    """From a function to one whose result is changed where `which` holds of the arguments."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            result = function(*args, **options)
            return change(result) if which(*args, **options) else result

        return wrapped

    return wrap


def always(*_: Any, **__: Any) -> bool:
    return True


def argument(index: int | str, factor: float = 1.0 + CHANGE) -> Callable[..., Any]:
    """From a function to one that is called with one argument changed."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            if isinstance(index, str):
                options[index] *= factor
            else:
                args = (*args[:index], args[index] * factor, *args[index + 1 :])
            return function(*args, **options)

        return wrapped

    return wrap


def first_larger(pair: tuple[Any, Any]) -> tuple[Any, Any]:
    return (1.0 + CHANGE) * pair[0], pair[1]


def one_bit(contents: dict[str, Any]) -> dict[str, Any]:
    values = contents["torque_total"]
    values.flat[-1] = np.nextafter(values.flat[-1], np.inf)
    return contents


def last_bit(torque: Any) -> Any:
    return np.array([*torque[:2], np.nextafter(torque[2], np.inf)])


SABOTAGE: dict[str, tuple[str, Callable[..., Any]]] = {
    "unitarity": ("scattering_amplitudes", on(always, first_larger)),
    "reduced_against_dense": (
        "solve_boltzmann",
        on(lambda *_, method: method == "reduced"),
    ),
    "bulk_spin_hall": ("HeavyMetal", argument("spin_hall_angle")),
    "kept_kernels": ("pt_co_torque", on(always, last_bit)),
    "sweep_file": ("_contents", on(always, one_bit)),
    "sweep_on_ranks": ("_contents", on(lambda path: path.name == "ranks.h5", one_bit)),
}


@pytest.mark.parametrize("name", names(SLOW))
def test_fails(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative change of 2e-6, or of one bit in a file, is noticed."""
    what, wrap = SABOTAGE[name]
    monkeypatch.setattr(selftest_checks, what, wrap(getattr(selftest_checks, what)))
    result = checked(name)
    assert result.failed
    assert result.verdict == "FAILED"
    assert result.error > result.check.threshold


def one_number_changed(name: str, component: int | str) -> Callable[[Any], Any]:
    """From a solution to one with a single component changed at its first interface."""

    def change(solution: Any) -> Any:
        first, *others = solution.interfaces
        vector = getattr(first, name).copy()
        change = 3.0 * CHANGE * np.abs(first.torque_total).max()
        if component == "along m":  # no torque
            vector[:3] += change * first.m
        else:
            vector[component] += change
        return replace(solution, interfaces=(replace(first, **{name: vector}), *others))

    return change


@pytest.mark.parametrize("name", ["current_minus", "current_plus", "torque"])
@pytest.mark.parametrize("component", [0, 1, 2, "along m"])
def test_each_current_and_torque_counts(
    name: str, component: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two independent methods are compared in all that a solution holds."""
    wrap = on(lambda *_, method: method == "reduced", one_number_changed(name, component))
    monkeypatch.setattr(selftest_checks, "solve_boltzmann", wrap(selftest_checks.solve_boltzmann))
    assert checked("reduced_against_dense").failed


def test_every_check_can_fail() -> None:
    assert set(SABOTAGE) == set(BY_NAME)
    assert len(BY_NAME) == len(CHECKS)
    for check in CHECKS:
        assert check.reason


def broken() -> float:
    raise ZeroDivisionError("no\nnumber")


def absent() -> float:
    raise SkippedError("no such thing")


def test_verdicts() -> None:
    made = [
        Check("good", "x", lambda: 1e-9, 1e-8, "r"),
        Check("bad", "x", lambda: 1e-7, 1e-8, "r"),
        Check("undefined", "x", lambda: float("nan"), 1e-8, "r"),
        Check("broken", "x", broken, 1e-8, "r"),
        Check("absent", "x", absent, 1e-8, "r"),
    ]
    seen: list[CheckResult] = []
    results = run_checks(made, seen.append)
    assert seen == results
    assert [r.failed for r in results] == [False, True, True, True, False]
    assert [r.verdict for r in results] == [
        "ok", "FAILED", "FAILED", "FAILED: ZeroDivisionError: no number", "skipped: no such thing",
    ]  # fmt: skip


class TestRanks:
    """The check under mpiexec, with something else in the place of the launcher."""

    @pytest.fixture(autouse=True)
    def _launcher(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(selftest_checks.importlib.util, "find_spec", lambda name: name)
        monkeypatch.setattr(selftest_checks, "find_mpiexec", lambda: "mpiexec")

    def result(self, monkeypatch: pytest.MonkeyPatch, run: Callable[..., Any]) -> CheckResult:
        monkeypatch.setattr(selftest_checks.subprocess, "run", run)
        return checked("sweep_on_ranks")

    def test_same_file(self, monkeypatch: pytest.MonkeyPatch) -> None:
        commands = []

        def copy(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
            commands.append(command)
            target = Path(command[-1])
            target.write_bytes(target.with_name("alone.h5").read_bytes())
            return subprocess.CompletedProcess(command, 0, "", "")

        assert self.result(monkeypatch, copy).verdict == "ok"
        assert commands[0][:5] == ["mpiexec", "-n", "2", sys.executable, "-m"]

    def test_what_the_launcher_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        result = self.result(
            monkeypatch, lambda c, **_: subprocess.CompletedProcess(c, 2, "", "a\nno slots\n")
        )
        assert result.verdict == (
            "FAILED: RuntimeError: mpiexec -n 2: exit status 2, said: no slots"
        )

    def test_launcher_that_hangs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def hang(command: list[str], **options: Any) -> None:
            assert 0.0 < options["timeout"] < 600.0
            raise subprocess.TimeoutExpired(command, 1.0)

        assert "did not end in" in self.result(monkeypatch, hang).verdict

    @pytest.mark.parametrize(
        ("target", "verdict"),
        [
            ("find_mpiexec", "skipped: no mpiexec"),
            ("find_spec", "skipped: no mpi4py"),
            ("launched", "skipped: started by a launcher itself"),
        ],
    )
    def test_without_mpi(self, target: str, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
        if target == "find_mpiexec":
            monkeypatch.setattr(selftest_checks, "find_mpiexec", lambda: None)
        elif target == "find_spec":
            monkeypatch.setattr(selftest_checks.importlib.util, "find_spec", lambda name: None)
        else:
            monkeypatch.setenv("PMI_RANK", "0")
        assert checked("sweep_on_ranks").verdict == verdict
        assert not checked("sweep_on_ranks").failed


def test_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    few = (BY_NAME["unitarity"], BY_NAME["bulk_spin_hall"], Check("a", "b", absent, 1, "r"))
    bad = Check("wrong", "nothing", lambda: 0.5, 1e-3, "half is too much")
    monkeypatch.setattr(module.run_checks, "__defaults__", (few, lambda result: None))
    path = tmp_path / "checks.json"
    done = CliRunner().invoke(cli, ["selftest", "--json", str(path)], standalone_mode=False)
    assert done.return_value == 0, done.output
    assert "2 ok, 0 failed, 1 skipped in" in done.output
    assert "skipped: no such thing" in done.output
    facts = selftest_facts()
    assert {"cpu", "numpy", "numba", "h5py", "hdf5", "mpi4py", "mpiexec"} <= set(facts)
    record = json.loads(path.read_text())
    assert [check["verdict"] for check in record["checks"]] == [
        "ok", "ok", "skipped: no such thing",
    ]  # fmt: skip
    assert record["checks"][2]["error"] is None

    monkeypatch.setattr(module.run_checks, "__defaults__", ((*few, bad), lambda result: None))
    done = CliRunner().invoke(cli, ["selftest"], standalone_mode=False)
    assert done.return_value == 1
    assert "2 ok, 1 failed, 1 skipped in" in done.output
    assert "FAILED: wrong, against nothing; 1e-03 is allowed: half is too much" in done.output


def test_existing_output_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "checks.json"
    path.write_text("mine")
    done = subprocess.run(
        [sys.executable, "-m", "torkivity", "selftest", "--json", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--force" in done.stderr
    assert path.read_text() == "mine"


@pytest.mark.slow
def test_whole(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "torkivity", "selftest"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert " 0 failed" in done.stdout
    assert list(tmp_path.iterdir()) == []
