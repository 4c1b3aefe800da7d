"""The scripts that write tables."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

import torkivity

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts" / "amplitudes"


def run(monkeypatch: pytest.MonkeyPatch, name: str, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(SCRIPTS / name), run_name="__main__")


def test_tight_binding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run(monkeypatch, "tight_binding.py", "-o", tmp_path / "a.h5", "-n", 4, "--m", 1, 0, 0)
    found = torkivity.read_amplitudes(tmp_path / "a.h5")
    assert found.magnetization == (1.0, 0.0, 0.0)
    assert len(found.weights) == 16


def test_free_electrons(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, small_toml: str) -> None:
    film = tmp_path / "film.toml"
    film.write_text(small_toml.replace("spin_hall_angle = 0.059", ""))
    run(monkeypatch, "free_electrons.py", film, "-o", tmp_path / "t", "--n-polar", 4)
    interface = torkivity.read_amplitudes(tmp_path / "t" / "Pt_Co.h5")
    stack = _film(film)
    table = torkivity.Stack(stack.layers, (interface,))
    mesh = torkivity.SphericalMesh(4, 12)
    exact = torkivity.interface_tensors(stack, mesh).conductivity
    found = torkivity.interface_tensors(table).conductivity
    np.testing.assert_allclose(found, exact, atol=1e-12 * np.abs(exact).max())


def _film(path: Path) -> torkivity.Stack:
    from torkivity.config.text import load_config
    from torkivity_engine.film.stack import as_stack

    return as_stack(load_config(path).film)
