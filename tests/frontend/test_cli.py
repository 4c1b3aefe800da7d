"""The command line as a user meets it: exit status, one line per error, nothing left behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import torkivity

Call = Callable[..., Any]


def error_line(result: Any, status: int) -> str:
    """The only error line of a failed call."""
    assert result.returncode == status, result.stderr
    assert result.stdout == ""
    lines = [x for x in result.stderr.splitlines() if not x.startswith("torkivity: ")]
    assert lines == []
    errors = [x for x in result.stderr.splitlines() if x.startswith("torkivity: error: ")]
    assert len(errors) == 1
    assert result.stderr.splitlines()[-1] == errors[0]
    return errors[0].removeprefix("torkivity: error: ")


@pytest.fixture
def film(tmp_path: Path, small_toml: str) -> Path:
    path = tmp_path / "film.toml"
    path.write_text(small_toml)
    return path


def test_help_and_version(call: Call, tmp_path: Path) -> None:
    result = call("--help", cwd=tmp_path)
    assert result.returncode == 0
    assert "torkivity run film.toml -o film.h5" in result.stdout
    assert call("--version", cwd=tmp_path).stdout == f"torkivity, version {torkivity.__version__}\n"
    for command in ("init", "run", "info"):
        assert "Example" in call(command, "-h", cwd=tmp_path).stdout


def test_init(call: Call, tmp_path: Path) -> None:
    assert "pt-co" in call("init", "--list", cwd=tmp_path).stdout
    assert list(tmp_path.iterdir()) == []
    assert call("init", cwd=tmp_path).returncode == 0
    written = (tmp_path / "film.toml").read_text()
    assert "Pt/Co" in written
    message = error_line(call("init", cwd=tmp_path), 2)
    assert "film.toml" in message
    assert "--force" in message
    assert call("init", "--force", "--preset", "weak-spin-flip", cwd=tmp_path).returncode == 0
    assert (tmp_path / "film.toml").read_text() != written


def test_main_job(call: Call, tmp_path: Path, film: Path) -> None:
    result = call("run", "film.toml", "-o", "a.h5", "--figure", "a.pdf", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "damping-like" in result.stdout
    assert "wrote a.h5 and a.pdf" in result.stdout
    # No warnings of any library either.
    assert all(line.startswith("torkivity: ") for line in result.stderr.splitlines())
    assert {path.name for path in tmp_path.iterdir()} == {"film.toml", "a.h5", "a.pdf"}
    assert "config" in call("info", "a.h5", cwd=tmp_path).stdout

    old = (tmp_path / "a.h5").read_bytes()
    message = error_line(call("run", "film.toml", "-o", "a.h5", cwd=tmp_path), 2)
    assert message == "output = 'a.h5': exists already; --force overwrites it"
    assert (tmp_path / "a.h5").read_bytes() == old

    result = call("run", "film.toml", "-o", "a.h5", "--force", "--no-figure", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"film.toml", "a.h5", "a.pdf"}
    assert "heavy_metal_thickness" not in torkivity.open_results(tmp_path / "a.h5").dims


def test_no_torque_frame(call: Call, tmp_path: Path, film: Path, small_toml: str) -> None:
    film.write_text(small_toml.replace("[0.3, 0.2, 1.0]", "[0, 1, 0]"))
    for request in (["--components", "torque-frame"], ["--figure", "a.png"]):
        message = error_line(call("run", "film.toml", *request, cwd=tmp_path), 2)
        assert "do not exist for m parallel to z x E" in message
    assert list(tmp_path.iterdir()) == [film]
    result = call("run", "film.toml", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "along z" in result.stdout
    assert "directions do not exist; the" in result.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"film.toml", "film.h5"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "missing.toml"], "missing.toml: no such file"),
        (["run", "film.toml", "-o", "no/such/film.h5"], "there is no folder 'no/such'"),
        (["run", "film.toml", "-o", "film.toml/film.h5"], "there is no folder 'film.toml'"),
        (["run", "film.toml", "-o", "."], "is a folder"),
        (["run", "film.toml", "--figure", "no/a.png"], "there is no folder 'no'"),
        (["run", "film.toml", "--figure", "a.bmp"], "must be one of png, pdf, svg"),
        (["run", "film.toml", "--figure", "a.png", "--no-figure"], "exclude each other"),
        (["run", "film.toml", "--method", "fast"], "'fast' is not one of"),
        (["run", "film.toml", "--memory", "-1"], "-1"),
        (["run", "film.toml", "--method", "dense", "--memory", "0.001"], "needs"),
        (["run", "film.toml", "--memory", "nan"], "must be a finite number of GB"),
        (["run", "film.toml", "-o", "film.toml", "--force"], "must be different files"),
        (["run", "film.toml", "-o", "a.png", "--figure", "a.png"], "must be different files"),
        (["run"], "Missing argument 'CONFIG'"),
        (["init", "--preset", "unobtainium"], "must be one of pt-co"),
        (["init", "no/such/film.toml"], "there is no folder 'no/such'"),
        (["info", "missing.h5"], "no such file"),
        (["info", "film.toml"], "is not an HDF5 file"),
        (["compute"], "No such command 'compute'"),
        (["run", "film.toml", "--colour"], "--colour"),
    ],
)
def test_wrong_calls(
    call: Call, tmp_path: Path, film: Path, arguments: list[str], expected: str
) -> None:
    assert expected in error_line(call(*arguments, cwd=tmp_path), 2)
    assert list(tmp_path.iterdir()) == [film]


def test_wrong_file(call: Call, tmp_path: Path, film: Path, small_toml: str) -> None:
    film.write_text(small_toml.replace("rashba =", "rashb ="))
    message = error_line(call("run", "film.toml", cwd=tmp_path), 2)
    assert message == "film.toml: interface.rashb: unknown key; did you mean rashba?"
    assert list(tmp_path.iterdir()) == [film]


def test_physically_impossible(call: Call, tmp_path: Path, film: Path, small_toml: str) -> None:
    film.write_text(
        small_toml.replace(
            "total_mean_free_path = 2.0853\nspin_diffusion_length = 2.57",
            "mean_free_path = 2.0\nspin_flip_length = 2.1",
        )
    )
    # Drift-diffusion has no answer there, and says so; the Boltzmann equation has one.
    result = call("run", "film.toml", "--no-figure", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "none (no diffusive regime" in result.stdout
    (tmp_path / "film.h5").unlink()
    # Where nothing relaxes spins there is nothing to compare.
    lossless = small_toml.replace(
        "total_mean_free_path = 2.0853\nspin_diffusion_length = 2.57",
        "mean_free_path = 2.0\nspin_flip_length = inf",
    ).replace("spin_flip_length = 1000.0", "spin_flip_length = inf")
    lossless = lossless.replace("rashba = 0.085", "rashba = 0.0")
    film.write_text(lossless.replace("spin_hall_angle = 0.059", "spin_hall_angle = 0.0"))
    message = error_line(call("run", "film.toml", cwd=tmp_path), 1)
    assert "leaves a spin accumulation undetermined" in message
    assert list(tmp_path.iterdir()) == [film]


def test_empty_mesh_file(call: Call, tmp_path: Path, film: Path, small_toml: str) -> None:
    film.write_text(
        small_toml.replace(
            "n_polar = 4\nn_azimuth = 8", 'file = "mesh.txt"\n[solver]\nmethod = "dense"'
        )
    )
    (tmp_path / "mesh.txt").write_text("# kx ky kz weight\n")
    assert "mesh" in error_line(call("run", "film.toml", cwd=tmp_path), 2)
