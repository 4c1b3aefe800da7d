"""torkivity fit: output, figures, and errors in one line."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from fit_cases import (
    FITTED,
    RHO,
    THICKNESS,
    microscopic,
    microscopic_curves,
    phenomenological_curves,
    synthetic,
    two_phases,
)
from torkivity.figures import fit_figure
from torkivity.fit.curves import fit_curves
from torkivity.fit.fit import PhenomenologicalModel, fit_torques
from torkivity.fit.settings import load_fit_settings

pytest.importorskip("lmfit")


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Callable[..., tuple[int, str, str]]
) -> Callable[..., tuple[int, str, str]]:
    """``torkivity fit`` in an empty folder: exit status, output, messages."""
    monkeypatch.chdir(tmp_path)
    return partial(call, "fit")


def test_command(command: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    assert command("--example")[0] == 0
    assert {path.name for path in tmp_path.iterdir()} == {"ir_cofeb.csv", "ir_cofeb.toml"}
    example = ("ir_cofeb.csv", "--config", "ir_cofeb.toml")
    status, text, _ = command(*example, "--no-profile", "-o", "fit.json", "--figure", "fit.svg")
    assert status == 0
    assert "spin_diffusion_length" in text
    assert "wrote fit.json and fit.svg" in text
    assert json.loads(Path("fit.json").read_text())["success"] is True
    assert Path("fit.svg").read_text().startswith("<?xml")
    status, text, _ = command(*example, "--no-profile", "--vary", "mixing_conductance_real")
    assert status == 0
    assert "warnings" in text
    Path("two.csv").write_text("thickness [nm],damping_like [1]\n1,0.1\n2,0.2\n")
    Path("nan.csv").write_text("thickness [nm],damping_like [1]\n1,nan\n2,0.2\n")
    Path("rho.csv").write_text(
        "thickness [nm],damping_like [1],resistivity [uOhm cm]\n1,0.1,20\n2,0.2,20\n3,0.2,20\n"
    )
    for arguments, expected in (
        (("--example",), "exists already"),
        ((), "Missing argument"),
        ((*example, "-o", "fit.json"), "exists already"),
        ((*example, "--figure", "fit.svg"), "exists already"),
        ((*example, "--figure", "fit.jpg"), "must be one of png, pdf, svg"),
        ((*example, "-o", "ir_cofeb.csv", "--force"), "must be different files"),
        ((*example, "-o", "new.svg", "--figure", "new.svg"), "must be different files"),
        ((*example, "ir_cofeb.csv"), "must be different files"),
        ((*example, "--fix", "mixing_conductance_real"), "NAME=VALUE with a number"),
        ((*example, "--fix", "conductance=1"), "must be one of"),
        ((*example, "--model", "microscopic"), "[heavy_metal]"),
        (("ir_cofeb.csv",), "of some torques only"),
        (("missing.csv",), "missing.csv: no such file"),
        (("two.csv", "--resistivity", "2e-7"), "at least 3"),
        (("two.csv", "--resistivity", "-1"), "resistivity = -1.0: must be positive"),
        (("rho.csv", "--resistivity", "2e-7"), "for rho, which has a column of it"),
        (("nan.csv", "--resistivity", "2e-7"), "line 2, column 'damping_like [1]'"),
    ):
        status, text, message = command(*arguments)
        assert (status, text) == (2, ""), arguments
        assert expected in message
        errors = [line for line in message.splitlines() if "error" in line]
        assert len(errors) == 1
    assert {path.name for path in tmp_path.glob("*.svg")} == {"fit.svg"}


def test_force_replaces_what_is_there_or_leaves_it(
    command: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    assert command("--example")[0] == 0
    names = ("fit.json", "fit.svg", "fit.csv", "fit.tex")
    example = ("ir_cofeb.csv", "--config", "ir_cofeb.toml", "--no-profile", "--no-outliers")
    outputs = ("-o", "fit.json", "--figure", "fit.svg", "--curves", "fit.csv", "--latex", "fit.tex")
    for name in names:
        Path(name).write_text(f"old {name}")
    before = set(tmp_path.iterdir())
    # Refused, or failing half-way: what was there stays, and nothing else is left behind.
    status, _, message = command(*example, *outputs)
    assert (status, "exists already" in message) == (2, True)
    status, _, message = command(*example, *outputs, "--force", "--fix", "nothing=1")
    assert (status, "must be one of" in message) == (2, True)
    assert [Path(name).read_text() for name in names] == [f"old {name}" for name in names]
    assert set(tmp_path.iterdir()) == before
    assert command(*example, *outputs, "--force")[0] == 0
    assert set(tmp_path.iterdir()) == before
    json_text, svg, csv, latex = (Path(name).read_text() for name in names)
    assert json.loads(json_text)["success"] is True
    assert svg.startswith("<?xml")
    assert csv.startswith("data,component,quantity,")
    assert latex.startswith("\\begin{tabular}")
    assert latex.endswith("\\end{tabular}\n")
    assert "spin diffusion length & $" in latex


def test_choice_of_points(command: Callable[..., tuple[int, str, str]]) -> None:
    assert command("--example")[0] == 0
    run = ("ir_cofeb.csv", "--config", "ir_cofeb.toml", "--no-profile", "-o", "fit.json", "--force")
    assert command(*run, "--where", "t > 2", "--where", "thickness<=10")[0] == 0
    points = json.loads(Path("fit.json").read_text())["points"]
    assert all(2.0 < point["thickness"] <= 10.0 for point in points)
    line = points[0]["line"]
    assert command(*run, "--exclude", str(line))[0] == 0
    left = {point["line"] for point in json.loads(Path("fit.json").read_text())["points"]}
    assert line not in left
    assert left >= {point["line"] for point in points[1:]} - {line}
    for options, expected in (
        (("--where", "rho < 1"), "must be like 't < 4'"),
        (("--exclude", "1"), "line 1 of ir_cofeb has no data"),
        (("--fix", "spin_hall_conductivity=3", "--vary", "spin_hall_conductivity"), "twice"),
        (("--fix", "mixing_conductance_real=-1"), "must not be negative"),
    ):
        status, out, message = command(*run, *options)
        assert (status, out) == (2, ""), options
        assert expected in message
        assert "Traceback" not in message


def write_csv(name: str, header: str, rows: Sequence[Sequence[float]]) -> None:
    lines = [header, *(",".join(f"{value:.8g}" for value in row) for row in rows)]
    Path(name).write_text("\n".join(lines) + "\n")


def fitted(name: str = "fit.json") -> dict[str, float]:
    parameters = json.loads(Path(name).read_text())["parameters"]
    return {key: entry["value"] for key, entry in parameters.items()}


def test_command_by_angle(command: Callable[..., tuple[int, str, str]]) -> None:
    """One film, m turned in the plane: an amplitude times abs(m x y_p) = cos(phi)."""
    angles = np.arange(0.0, 90.0, 15.0)
    rows = [(90.0, phi, 1.3 * np.cos(np.radians(phi))) for phi in angles]
    write_csv("scan.csv", "theta [deg],phi [deg],damping_like [1e5 (hbar/2e)/(Ohm m)]", rows)
    Path("scan.toml").write_text(
        "[fit]\nthickness = 5.0\nresistivity = 2e-7\n[fit.errors]\ndamping_like = 0.01\n"
        "[fit.parameters]\nspin_diffusion_length = 1.6\nmixing_conductance_real = 0.6\n"
        "spin_hall_conductivity = {}\n"
    )
    run = ("scan.csv", "--config", "scan.toml", "-o", "fit.json", "--force")
    status, _, message = command(*run, "--figure", "scan.png")
    assert status == 0, message
    # By hand: x = 5/1.6, G~ = 2 l G rho = 0.384, torque = G~/(tanh x + G~) (1 - sech x) sigma_SH.
    x, conductance = 5.0 / 1.6, 2.0 * 1.6e-9 * 0.6e15 * 2e-7
    share = conductance / (np.tanh(x) + conductance) * (1.0 - 1.0 / np.cosh(x))
    assert fitted()["spin_hall_conductivity"] == pytest.approx(1.3 / share, rel=1e-5)
    Path("scan.toml").write_text(Path("scan.toml").read_text().replace("thickness = 5.0\n", ""))
    status, _, message = command(*run)
    assert status == 2
    assert "no column 'thickness [nm]'; if all films have the same" in message


def test_command_with_two_stackings(command: Callable[..., tuple[int, str, str]]) -> None:
    x, conductance = THICKNESS / 1.6, 2.0 * 1.6e-9 * 0.6e15 * 2e-7
    share = conductance / (np.tanh(x) + conductance) * (1.0 - 1.0 / np.cosh(x))
    # 32.910598 mT per unit efficiency for M_s t = 1e-3 A; 2e5 * 2e-7 is the spin Hall angle.
    field = 32.910598 * 0.04 * share
    header = "thickness [nm],damping_like [mT/(1e11 A/m^2)]"
    write_csv("below.csv", header, list(zip(THICKNESS, field, strict=True)))
    write_csv("above.csv", header, list(zip(THICKNESS, -0.5 * field, strict=True)))
    text = (
        "[fit]\nresistivity = 2e-7\nsaturation_magnetization = 1e6\nferromagnet_thickness = 1.0\n"
        "separate = ['spin_hall_conductivity']\n[fit.errors]\ndamping_like = 0.01\n"
        "[fit.files.'above.csv']\nheavy_metal = 'above'\nferromagnet_thickness = 2.0\n"
        "[fit.parameters]\nmixing_conductance_real = 0.6\n"
    )
    Path("two.toml").write_text(text)
    run = ("below.csv", "above.csv", "--config", "two.toml", "-o", "fit.json", "--force")
    status, out, message = command(*run, "--no-profile", "--figure", "two.pdf")
    assert status == 0, message
    assert "data sets: 1 below, 2 above" in out
    found = fitted()
    assert found["spin_diffusion_length"] == pytest.approx(1.6, rel=1e-4)
    assert found["spin_hall_conductivity_1"] == pytest.approx(2.0, rel=1e-4)
    assert found["spin_hall_conductivity_2"] == pytest.approx(2.0, rel=1e-4)
    Path("two.toml").write_text(text.replace("above.csv", "abve.csv"))
    status, _, message = command(*run)
    assert status == 2
    assert "fit.files.abve.csv: must be one of the data files, below.csv, above.csv" in message


def test_figure_shows_data_fit_band_and_residuals() -> None:
    data = [
        synthetic(phenomenological_curves(), 2e3, np.random.default_rng(seed)) for seed in (1, 2)
    ]
    data[1] = replace(data[1], name="other", series=data[1].series[:1])
    fit = partial(
        fit_torques,
        model=PhenomenologicalModel(),
        parameters=FITTED,
        measurement=RHO,
        profile=False,
    )
    fit_without_outlier = fit(data)
    data[0].series[0].values[5] *= 0.5
    result = fit(data)
    figure = fit_figure(result, "title")
    upper, _, lower, _ = figure.axes
    assert upper.get_title("left") == "(a) damping-like"
    assert lower.get_xlabel() == "heavy-metal thickness (nm)"
    fits = (fit_curves(result), fit_curves(result, without_outliers=True))
    found = [{c.data: c for c in fit if c.component == "damping_like"} for fit in fits]
    drawn = [line.get_xydata() for line in upper.get_lines() if len(line.get_xdata()) > 2]
    expected = [curves[name] for name in ("synthetic", "other") for curves in found]
    for line, curve in zip(drawn, expected, strict=True):
        np.testing.assert_allclose(line, np.stack([curve.x, 1e-5 * curve.model]).T)
    clean = 1e-5 * phenomenological_curves(thickness=found[1]["other"].x)[0]
    np.testing.assert_allclose(1e-5 * found[1]["other"].model, clean, atol=0.02)
    assert fit_curves(fit_without_outlier, without_outliers=True) == ()
    points = {
        tuple(line.get_xydata()[0]) for line in upper.get_lines() if len(line.get_xdata()) == 1
    }
    left_over = {
        tuple(line.get_xydata()[0]) for line in lower.get_lines() if len(line.get_xdata()) == 1
    }
    rings = {
        tuple(line.get_xydata()[0])
        for axes in figure.axes
        for line in axes.get_lines()
        if line.get_markersize() == 10.0
    }
    (outlier,) = result.outliers
    places = ((outlier.thickness, outlier.measured * 1e-5), (outlier.thickness, outlier.residual))
    assert rings == set(places)
    heading = figure.get_suptitle().splitlines()
    assert heading[0] == "title"
    hall = result["spin_hall_conductivity"]
    assert rf"$\sigma_{{SH}}$ = ({hall.value:.3f} ± {hall.error:.3f})" in heading[1]
    assert r"$\chi^2$" in heading[-1]
    for point in result.points:
        if point.component == "damping_like":
            assert (point.thickness, point.measured * 1e-5) in points
            assert (point.thickness, point.residual) in left_over
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "synthetic",
        "other",
        "68 % band of the fit",
        "does not follow the others",
        "fit without these",
    ]


def test_figure_rings_only_what_is_far_itself() -> None:
    """A film of another phase whose field-like torque fits in, and a ring at the very edge."""
    data = two_phases(1, True)
    clean = two_phases(0, True)
    data = replace(data, series=(data.series[0], clean.series[1]))
    fit = partial(fit_torques, model=PhenomenologicalModel(), measurement=RHO, profile=False)
    result = fit(data, parameters=FITTED)
    figure = fit_figure(result)
    rings = [
        (axes, line)
        for axes in figure.axes
        for line in axes.get_lines()
        if line.get_markersize() == 10.0
    ]
    assert [axes.get_title("left") for axes, _ in rings] == ["(a) damping-like", ""]
    for axes, line in rings:
        assert axes.get_title("left") != "(b) field-like"
        assert not line.get_clip_on()
        assert line.get_xdata()[0] == 2.0


PAGES = {"fitting": ("pt.pdf", "ir_cofeb.png"), "measurements": ("joint.png", "joint.tex")}


@pytest.mark.parametrize(("name", "made"), PAGES.items())
def test_page(
    command: Callable[..., tuple[int, str, str]], name: str, made: tuple[str, ...]
) -> None:
    """Everything that the pages on fits tell to type, in order, and what they say it prints."""
    page = (Path(__file__).parents[3] / "docs" / f"{name}.md").read_text(encoding="utf-8")
    found = re.findall(r"^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert {language for language, _ in found} <= {"sh", "text", "toml", "python"}
    namespace: dict[str, object] = {}
    printed = ""
    for language, text in found:
        if language == "sh":
            for line in text.splitlines():
                program, _, *arguments = shlex.split(line)
                status, printed, message = command(*arguments)
                assert (program, status) == ("torkivity", 0), message
        elif language == "python":
            exec(compile(text, f"docs/{name}.md", "exec"), namespace)
        elif not text.startswith("# "):
            lines = iter(printed.splitlines())
            for wanted in text.splitlines():
                assert wanted == "..." or any(wanted == line for line in lines), wanted
        else:
            file = text.split("\n", 1)[0].removeprefix("# ")
            Path(file).write_text(text)
            if language == "toml":
                load_fit_settings(Path(file))
    assert all(Path(file).exists() for file in made)


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


def test_film_given_by_its_resistivity_is_fitted_at_it(tmp_path: Path, small_toml: str) -> None:
    by_length = "total_mean_free_path = 2.0853"
    path = tmp_path / "pt.toml"
    for given, name in (
        (by_length, "total_mean_free_path"),
        ("resistivity = 2.5e-7", "resistivity"),
    ):
        path.write_text(small_toml.replace(by_length, given) + "[fit]\nmodel = 'microscopic'\n")
        parameters = {p.name: p for p in load_fit_settings(path).build_model().parameters}
        assert name in parameters
        assert len({"total_mean_free_path", "resistivity"} & set(parameters)) == 1
    assert parameters["resistivity"].start == pytest.approx(25.0, rel=1e-12)
