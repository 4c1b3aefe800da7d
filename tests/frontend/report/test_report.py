"""Pages about result files: what is in them, without a browser."""

from __future__ import annotations

import base64
import json
import re
import sys
import tomllib
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray

from torkivity.catalogue import MODELS
from torkivity.compare.differences import compare_sweep
from torkivity.report.charts import Chart, on_dark
from torkivity.report.film import certificate_parts, state_words
from torkivity.report.fits import read_fit
from torkivity.report.grids import sweep_chart, thickness_chart, thinned
from torkivity.report.profiles import profile_sections
from torkivity.report.report import report_html
from torkivity.results.differences import percent_text
from torkivity.results.open import open_results
from torkivity.results.values import model_values
from torkivity_engine.errors import InputError

Call = Callable[..., Any]
KINDS = ("run.h5", "sweep.h5", "converge.h5", "stack.h5", "fit.json")
#: Elements without an end.
VOID = {"meta", "link", "img", "input", "br", "hr"}


class Outline(HTMLParser):
    """Elements of a page, its text outside of scripts, and whether all are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.text += data


def outline(html: str) -> Outline:
    found = Outline()
    found.feed(html)
    found.close()
    assert found.open == []
    return found


def payloads(html: str) -> list[dict[str, Any]]:
    """Numbers of the plots over grids."""
    found = re.findall(r'<script type="application/json">({"key".*?)</script>', html, re.DOTALL)
    return [json.loads(text) for text in found]


def unpacked(text: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(base64.b64decode(text), dtype="<f4")


@pytest.fixture(scope="module")
def pages(results: Path) -> dict[str, str]:
    return {name: report_html([results / name]) for name in KINDS}


@pytest.mark.parametrize("name", KINDS)
def test_page_is_whole_and_asks_nobody(pages: dict[str, str], name: str) -> None:
    html = pages[name]
    assert len(html.encode()) < 5e6
    page = outline(html)
    for tag, attributes in page.tags:
        for key in ("src", "href", "srcset", "data"):
            value = attributes.get(key)
            assert value is None or value.startswith(("data:", "#")), (tag, value)
        assert not any(key.startswith("on") for key in attributes)
    styles = "".join(re.findall(r"<style>(.*?)</style>", html, re.DOTALL))
    assert "url(" not in styles
    assert "@import" not in styles
    assert any(tag == "html" and a.get("lang") == "en" for tag, a in page.tags)


@pytest.mark.parametrize("name", KINDS)
def test_what_scrolls_or_is_drawn_has_words_and_the_keyboard(
    pages: dict[str, str], name: str
) -> None:
    for tag, attributes in outline(pages[name]).tags:
        if tag == "figure" or attributes.get("role") in ("img", "region"):
            assert attributes.get("aria-label"), (tag, attributes)
        if attributes.get("role") == "region":
            assert attributes.get("tabindex") == "0"


@pytest.mark.parametrize("name", ["run.h5", "sweep.h5", "converge.h5", "stack.h5"])
def test_configuration_reads_back(pages: dict[str, str], results: Path, name: str) -> None:
    page = outline(pages[name])
    (link,) = (a["href"] for tag, a in page.tags if tag == "a" and a.get("download"))
    assert link is not None
    saved = base64.b64decode(link.partition("base64,")[2]).decode()
    assert saved == open_results(results / name).attrs["config_toml"]
    assert tomllib.loads(saved)
    assert saved in page.text


def test_names_are_text(pages: dict[str, str]) -> None:
    """A layer and a group with the signs of HTML in their names."""
    page = outline(pages["sweep.h5"])
    assert not any(tag in ("img", "b", "i") for tag, _ in page.tags)
    assert "<img src=x onerror=alert(1)>" in page.text
    (found,) = payloads(pages["sweep.h5"])
    assert [a["names"][0] for a in found["axes"] if a["names"]] == ["</script><i>thin</i>"]
    assert "$$" not in json.dumps(found["axes"])


def test_numbers_of_a_run(pages: dict[str, str], results: Path) -> None:
    dataset = open_results(results / "run.h5")
    text = outline(pages["run.h5"]).text
    for model in dataset["model"].values:
        assert MODELS[model].title in text
        for source in dataset["source"].values:
            for component in ("damping_like", "field_like"):
                value = float(model_values(dataset, f"torque_total_{component}", model, source))
                assert f"{value:.5g}" in text
    assert "solved to rounding error" in text
    assert f"torkivity {dataset.attrs['torkivity_version']}" in text


def test_curves_of_a_run_are_those_of_the_file(pages: dict[str, str], results: Path) -> None:
    dataset = open_results(results / "run.h5")
    (found,) = payloads(pages["run.h5"])
    assert found["axes"][0]["positions"] == [2.0, 4.0, 10.0]
    for view, source in zip(found["views"], ("rashba", "spin_hall"), strict=True):
        for panel, component in zip(view["panels"], ("damping_like", "field_like"), strict=True):
            curve = dataset[f"curve_torque_total_{component}"].sel(curve_source=source)
            for model, packed in panel["lines"].items():
                exact = curve.sel(model=model).squeeze().values
                shown = unpacked(packed)
                np.testing.assert_allclose(shown / shown[0], exact / exact[0], rtol=1e-6)


def test_run_without_curves_has_no_plot_of_them(results: Path) -> None:
    html = report_html([results / "bare.h5"])
    assert "Against a thickness" not in html
    assert "Through the film" in html


def test_profile_is_that_of_the_solution(results: Path) -> None:
    """Of a sweep at its first point; each line ends at the currents of the interface."""
    dataset = open_results(results / "sweep.h5")
    (section,) = profile_sections(dataset, "d")
    (chart,) = section.parts
    assert isinstance(chart, Chart)
    lines = {line.name: line.data_source.data for line in chart.figures[0].renderers}
    assert set(lines) == {"x", "y", "z"}
    first = dataset.isel({name: 0 for name in dataset["status"].dims[:3]})
    first = first.sel(model="boltzmann").isel(source=0, interface=0)
    for spin, data in lines.items():
        z, y = np.array(data["x"]), np.array(data["y"])
        gap = int(np.flatnonzero(np.isnan(z))[0])
        assert z[gap - 1] == pytest.approx(0.0, abs=1e-12)
        ends = [float(first[f"spin_current_{side}"].sel(spin=spin)) for side in ("minus", "plus")]
        scale = 10.0 ** round(np.log10(abs(ends[0] / y[gap - 1]))) if ends[0] else 1.0
        np.testing.assert_allclose(scale * y[[gap - 1, gap + 1]], ends, rtol=1e-8, atol=1e-8)


def test_what_takes_long_has_no_profile(results: Path) -> None:
    dataset = open_results(results / "run.h5")
    text = dataset.attrs["config_toml"].replace('method = "reduced"', 'method = "dense"')
    assert profile_sections(dataset.assign_attrs(config_toml=text), "d") == []
    assert profile_sections(dataset.sel(model=["drift_diffusion"]), "d") == []


def test_each_interface_and_magnet_of_a_stack(pages: dict[str, str]) -> None:
    text = outline(pages["stack.h5"]).text
    for place in ("Co1|Pt", "Pt|Co2", "magnet, Co1", "magnet, Co2"):
        assert place in text


def test_sweep_is_laid_out_as_the_file(pages: dict[str, str], results: Path) -> None:
    """Every number of every view, to single precision and a power of ten."""
    dataset = open_results(results / "sweep.h5")
    (found,) = payloads(pages["sweep.h5"])
    shape = [len(axis["positions"]) for axis in found["axes"]]
    assert shape == list(dataset["status"].shape[: len(shape)])
    for view, name in zip(
        found["views"], ("torque_total", "torque_interface", "torque_ferromagnet"), strict=False
    ):
        for panel in view["panels"]:
            for model, packed in panel["lines"].items():
                component = panel["title"].replace("-", "_")
                exact = model_values(dataset, f"{name}_{component}", model, "all").values
                shown = unpacked(packed).reshape(shape)
                scale = 10.0 ** round(float(np.log10(np.abs(exact).max() / np.abs(shown).max())))
                np.testing.assert_allclose(scale * shown, exact, rtol=1e-6, atol=1e-6 * scale)


def test_comparison_says_what_compare_says(pages: dict[str, str], results: Path) -> None:
    comparison = compare_sweep(open_results(results / "sweep.h5"))
    text = outline(pages["sweep.h5"]).text
    statistics = comparison.statistics["drift_diffusion", "total", "damping_like"]
    assert percent_text(statistics.median) in text
    assert f"{100.0 * statistics.within:.1f} %" in text
    assert f"{comparison.counts['compared']} of {comparison.counts['all']} points" in text


def with_certificate(dataset: xarray.Dataset, size: float) -> xarray.Dataset:
    """The same file with another worst residual, at its last point."""
    changed = dataset["certificate_residual"].copy(deep=True)
    changed.values[..., :, 0, 0] = size  # Boltzmann, the only source
    return dataset.assign(certificate_residual=changed)


@pytest.mark.parametrize(
    ("size", "words"),
    [(1e-14, "to rounding error"), (1e-7, "more than rounding"), (1e-3, "Caution")],
)
def test_certificates_in_words(results: Path, size: float, words: str) -> None:
    dataset = with_certificate(open_results(results / "sweep.h5"), size)
    text = "".join(certificate_parts(dataset))
    assert words in text
    assert f"<td>{size:.1e}</td>" in text


def test_certificates_where_nothing_flows(results: Path) -> None:
    """Noise over noise says nothing: such points are left out, and the page says so."""
    dataset = open_results(results / "sweep.h5").copy(deep=True)
    for side in ("minus", "plus"):
        dataset[f"spin_current_{side}"].values[0, 0, 0] = 1e-10
    dataset["certificate_charge_defect"].values[0, 0, 0] = 0.6
    text = "".join(certificate_parts(dataset))
    assert "to rounding error" in text
    assert "left out" in text


def test_failed_and_missing_points_are_told(results: Path) -> None:
    dataset = open_results(results / "sweep.h5").copy(deep=True)
    dataset["status"].values[0] = 0
    dataset["status"].values[1, 0, 0, 0, 0] = 2
    dataset["message"].values[1, 0, 0, 0, 0] = 0
    dataset["messages"] = dataset["messages"].astype("U20")
    dataset["messages"].values[0] = "no <film>"
    text = "".join(state_words(dataset))
    whole, row = dataset["status"].size, dataset["status"].values[0].size
    assert f"Of {whole} points" in text
    assert f"{whole - row - 1} are done, 1 failed and {row} are missing" in text
    assert "1 x no &lt;film&gt;" in text


def test_convergence_study(pages: dict[str, str], results: Path) -> None:
    text = outline(pages["converge.h5"]).text
    found = open_results(results / "converge.h5")
    assert f"uncertainty of the extrapolation: {float(found['mesh_uncertainty']):.1e}" in text
    assert "n_polar" in text
    assert "first point of the sweep" not in text


def test_fit(pages: dict[str, str], results: Path) -> None:
    fit = json.loads((results / "fit.json").read_text())
    text = outline(pages["fit.json"]).text
    for name, entry in fit["parameters"].items():
        assert name.replace("_", " ") in text
        assert f"{entry['value']:.5g}" in text
    assert "torkivity fit" in text
    assert (results / "ir_cofeb.toml").read_text() in text


def test_curves_of_a_fit_pass_its_points(results: Path) -> None:
    """The curve in the file between neighbouring grid points is the model at each point."""
    fit = read_fit(results / "fit.json")
    for point in fit.points:
        (curve,) = (c for c in fit.curves if c.component == point.component)
        there = np.interp(point.thickness, curve.x, curve.model)
        assert there == pytest.approx(point.model, rel=2e-3, abs=1e-4 * abs(max(curve.model)))
        assert point.error_bar is not None
        side = point.error_bar[point.measured < point.model]
        assert point.residual == pytest.approx((point.measured - point.model) / side)


def test_several_files_are_one_page(results: Path) -> None:
    html = report_html([results / name for name in KINDS])
    page = outline(html)
    assert [tag for tag, _ in page.tags].count("h2") == len(KINDS)
    keys = [a["data-key"] for _, a in page.tags if "data-key" in a]
    assert len(set(keys)) == len(keys)


def big_sweep(sizes: dict[str, int]) -> xarray.Dataset:
    """A sweep of one model whose torques say where they are."""
    axes = {name: np.linspace(1.0, 2.0, size) for name, size in sizes.items()}
    dims = (*axes, "model", "source")
    shape = (*sizes.values(), 1, 1)
    product = np.ones(shape)
    for i, values in enumerate(axes.values()):
        product = product * values.reshape([-1 if j == i else 1 for j in range(len(shape))])
    torque = (*dims, "interface", "spin"), np.broadcast_to(product[..., None, None], (*shape, 1, 3))
    parts = {f"torque_{part}": torque for part in ("total", "interface", "ferromagnet")}
    for name in list(parts):
        for component in ("damping_like", "field_like"):
            parts[f"{name}_{component}"] = (*dims, "interface"), product[..., None]  # type: ignore[assignment]
    coords = {**axes, "model": ["boltzmann"], "source": ["all"], "interface": ["a|b"]}
    coords |= {"spin": ["x", "y", "z"], "magnet": ["b"]}
    return xarray.Dataset(
        {**parts, "status": (dims, np.ones(shape, dtype=np.int8))},
        coords=coords,
        attrs={"kind": "sweep", "film": "a / b"},
    )


@pytest.mark.parametrize("most", [3, 100, 1000, 10**6])
def test_thinning(most: int) -> None:
    dataset = big_sweep({"a": 40, "b": 7, "c": 3})
    small, notes = thinned(dataset, most)
    assert small["status"].size <= max(most, 1)
    for name in ("a", "b", "c"):
        shown, whole = small[name].values, dataset[name].values
        assert shown[0] == whole[0]
        assert len(shown) in (1, len(whole)) or shown[-1] == whole[-1]
        assert (f"{name}: {len(shown)} of {len(whole)} values" in notes) == (
            len(shown) < len(whole)
        )
    assert (notes == []) == (most >= dataset["status"].size)


def test_large_sweep_is_thinned_and_says_so(
    tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = big_sweep({"a": 300, "b": 200, "c": 5})
    chart, notes = sweep_chart(dataset, "k")
    assert chart is not None
    assert len(notes) == 2
    assert len(json.dumps(chart.payload())) < 3e6
    for view in chart.views:
        for panel in view.panels:
            expected = np.ones(())
            for axis in chart.axes:
                expected = np.multiply.outer(expected, axis.positions)
            np.testing.assert_allclose(panel.lines["boltzmann"], expected)
    monkeypatch.setattr("torkivity.report.report.NUMBERS", 100)
    text = outline(report_html([results / "sweep.h5"])).text
    assert re.search(r"Thinned, .*\d of \d values.*sweep\.h5 has them", text)


def test_long_curve_of_a_run_is_thinned(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = open_results(results / "run.h5")
    long = dataset.isel({"curve_Pt.thickness": np.arange(3).repeat(500)})
    chart, notes = thickness_chart(long, "k", most=600)
    assert chart is not None
    assert notes == [f"curve_Pt.thickness: {len(chart.axes[0].positions)} of 1500 values"]
    kept = sum(line.size for v in chart.views for p in v.panels for line in p.lines.values())
    assert kept <= 2 * 600  # components
    monkeypatch.setattr("torkivity.report.report._MOST", 1.0)
    with pytest.raises(InputError, match=r"a page of 1\.\d MB, more than 1"):
        report_html([results / "run.h5"])


def test_colours_on_dark_are_light() -> None:
    for colour in ("#000000", "#14305c", "#c1600e", "#5f9e8f", "#b3001b"):
        assert max(int(on_dark(colour)[i : i + 2], 16) for i in (1, 3, 5)) > 150


def test_command_writes_one_page(call: Call, results: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    found = call("report", results / "run.h5", results / "fit.json", "-o", page, "--title", "<A&B>")
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith(f"wrote {page}, ")
    assert "<title>&lt;A&amp;B&gt;</title>" in page.read_text()
    again = call("report", results / "run.h5", "-o", page)
    assert again.returncode == 2
    assert "exists already" in again.stderr


def damaged(path: Path, change: Callable[[dict[str, Any]], object], fit: Path) -> Path:
    content = json.loads(fit.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


BAD_FITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "parameters": lambda fit: fit.pop("parameters"),
    "points.0.measured": lambda fit: fit["points"][0].update(measured="much"),
    "point of line": lambda fit: fit["points"][0].update(quantity="beauty"),
}


@pytest.mark.parametrize("what", BAD_FITS)
def test_no_fit(results: Path, tmp_path: Path, what: str) -> None:
    path = damaged(tmp_path / "bad.json", BAD_FITS[what], results / "fit.json")
    with pytest.raises(InputError, match=re.escape(what)) as error:
        report_html([path])
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_bad_input_is_one_line_and_writes_nothing(
    call: Call, results: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.h5").write_text("text")
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "half.json").write_text('{"model": ')
    run = results / "run.h5"
    for arguments, message in (
        ((tmp_path / "none.h5",), "no such file"),
        ((tmp_path / "none.json",), "no such file"),
        ((tmp_path / "text.h5",), "is not an HDF5 file"),
        ((tmp_path / "list.json",), "is not the JSON of 'torkivity fit'"),
        ((tmp_path / "half.json",), "is not the JSON of 'torkivity fit'"),
        ((results / "run.toml",), "give the result file"),
        ((run, "-o", tmp_path / "page.pdf"), "must be .html"),
        ((run, "-o", tmp_path / "no" / "page.html"), "there is no folder"),
        ((), "Missing argument 'FILE...'"),
    ):
        found = call("report", *arguments, cwd=tmp_path)
        assert found.returncode == 2, arguments
        assert message in found.stderr
        last = found.stderr.splitlines()[-1]
        assert last.startswith("torkivity: error: ")
    page = tmp_path / "page.html"
    page.symlink_to(run)
    before = run.read_bytes()
    assert call("report", run, "-o", page, "--force").returncode == 2
    assert run.read_bytes() == before
    assert {p.name for p in tmp_path.iterdir()} == {
        "text.h5",
        "list.json",
        "half.json",
        "page.html",
    }


def test_without_bokeh(
    call: Call, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "bokeh"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "bokeh", None)
    found = call("report", results / "run.h5", "-o", tmp_path / "page.html")
    assert found.returncode == 2
    assert "pip install 'torkivity[report]'" in found.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []
