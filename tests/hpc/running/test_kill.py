"""A handful of kills; scripts/stress_kill.py has many."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from torkivity_hpc.running.launcher import find_mpiexec

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "stress_kill.py"

pytestmark = [
    pytest.mark.xdist_group("processes"),
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
    specification.loader.exec_module(module)
    return module


def test_kills_lose_nothing(tmp_path: Path) -> None:
    """One of each phase; who is killed goes in turn."""
    assert _script().stress(tmp_path, kills=1, ranks=2, seed=5) == 0


@pytest.mark.slow
def test_many_kills_lose_nothing(tmp_path: Path) -> None:
    assert _script().stress(tmp_path, kills=10, ranks=3, seed=6) == 0
