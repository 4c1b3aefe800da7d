"""A handful of kills; scripts/stress_kill.py has many."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from torkivity_hpc.running.launcher import find_mpiexec

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "stress_kill.py"

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("mpi4py") is None or find_mpiexec() is None,
        reason="no mpiexec or no mpi4py: pip install '.[mpi]' brings both",
    ),
]


def _script() -> Any:
    specification = importlib.util.spec_from_file_location("stress_kill", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses look themselves up
    specification.loader.exec_module(module)
    return module


def kill(folder: Path, kills: int, ranks: int) -> None:
    """All kills hit the phase that they were meant for, sweeps at work in the middle of it."""
    trials = _script().stress(folder, kills=kills, ranks=ranks, seed=5, tell=False)
    assert trials.violations == []
    phases = Counter(kill.phase for kill in trials.kills)
    assert phases == {"creating": kills, "running": kills, "extending": kills}
    running = [kill for kill in trials.kills if kill.phase == "running"]
    assert all(0.1 <= kill.share <= 0.9 and kill.new > 0 for kill in running)
    victims = {kill.victim for kill in running}
    assert len(victims) == min(kills, 4 if ranks > 1 else 3)


@pytest.mark.parametrize(("ranks", "kills"), [(1, 1), (2, 4)])
def test_kills_lose_nothing(tmp_path: Path, ranks: int, kills: int) -> None:
    kill(tmp_path, kills, ranks)


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_many_kills_lose_nothing(tmp_path: Path, ranks: int) -> None:
    kill(tmp_path, 15, ranks)
