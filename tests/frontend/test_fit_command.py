"""torkivity fit: output, figures, and errors in one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fit_cases import THICKNESS, microscopic, microscopic_curves
from torkivity.cli import main

pytest.importorskip("lmfit")


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """The command line in an empty folder: exit status, output, messages."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["torkivity", "fit", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return call


def test_command(command: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    assert command("--example")[0] == 0
    assert {path.name for path in tmp_path.iterdir()} == {"ir_cofeb.csv", "ir_cofeb.toml"}
    example = ("ir_cofeb.csv", "--config", "ir_cofeb.toml")
    status, text, _ = command(*example, "--no-profile", "-o", "fit.json")
    assert status == 0
    assert "spin_diffusion_length" in text
    assert json.loads(Path("fit.json").read_text())["success"] is True
    status, text, _ = command(*example, "--no-profile", "--vary", "mixing_conductance_real")
    assert status == 0
    assert "warnings" in text
    Path("two.csv").write_text("thickness [nm],damping_like [1]\n1,0.1\n2,0.2\n")
    Path("nan.csv").write_text("thickness [nm],damping_like [1]\n1,nan\n2,0.2\n")
    for arguments, expected in (
        (("--example",), "exists already"),
        ((), "Missing argument"),
        ((*example, "-o", "fit.json"), "exists already"),
        ((*example, "-o", "ir_cofeb.csv", "--force"), "must be different files"),
        ((*example, "--fix", "mixing_conductance_real"), "NAME=VALUE with a number"),
        ((*example, "--fix", "conductance=1"), "must be one of"),
        ((*example, "--model", "microscopic"), "[heavy_metal]"),
        (("ir_cofeb.csv",), "of some torques only"),
        (("missing.csv",), "missing.csv: no such file"),
        (("two.csv", "--resistivity", "2e-7"), "at least 3"),
        (("nan.csv", "--resistivity", "2e-7"), "line 2, column 'damping_like [1]'"),
    ):
        status, text, message = command(*arguments)
        assert (status, text) == (2, ""), arguments
        assert expected in message
        errors = [line for line in message.splitlines() if "error" in line]
        assert len(errors) == 1


def test_command_with_a_film(command: Callable[..., tuple[int, str, str]], small_toml: str) -> None:
    curves = microscopic_curves(microscopic(), THICKNESS[::3])
    lines = ["thickness [nm],damping_like [1/(Ohm m)],damping_like_error [1/(Ohm m)]"]
    lines += [f"{t},{y / 2},1e3" for t, y in zip(THICKNESS[::3], curves[0], strict=True)]
    Path("pt.csv").write_text("\n".join(lines))
    small = small_toml.replace("[0.3, 0.2, 1.0]", "[0, 0, 1]").replace("azimuth = 8", "azimuth = 4")
    Path("pt.toml").write_text(
        small + "[fit]\nmodel = 'microscopic'\n[fit.parameters]\nrashba = { value = 0.1 }\n"
        "spin_hall_angle = 0.059\nspin_diffusion_length = 2.57\n"
    )
    status, _, message = command("pt.csv", "--config", "pt.toml", "-o", "fit.json")
    assert status == 0, message
    found = json.loads(Path("fit.json").read_text())["parameters"]["rashba"]
    assert found["value"] == pytest.approx(0.085, abs=1e-4)
