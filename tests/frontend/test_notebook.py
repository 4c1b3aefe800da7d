"""In a notebook progress is one line that is replaced; elsewhere nothing is said."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from torkivity import sweep
from torkivity.config.text import parse_config
from torkivity.fit.progress import FitProgress
from torkivity.notebook import notebook_teller
from torkivity_hpc.running.progress import seconds_between_lines


class Handle:
    def __init__(self, shown: list[Any]) -> None:
        self.shown = shown

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown[-1] = data


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Outputs of a cell, shown by what IPython calls its functions."""
    shown: list[Any] = []

    def display(data: dict[str, str], *, raw: bool, display_id: bool) -> Handle:
        assert raw
        assert display_id
        shown.append(data)
        return Handle(shown)

    module, inner = ModuleType("IPython"), ModuleType("IPython.display")
    module.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    inner.display = display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", inner)
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    return shown


def test_nothing_is_said_in_a_script(small_toml: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert notebook_teller() is None
    sweep(parse_config(small_toml, "film.toml").film, {"interface.exchange": [0.1, 0.2]})
    assert capsys.readouterr() == ("", "")


def test_a_terminal_is_no_notebook(notebook: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", SimpleNamespace)
    assert notebook_teller() is None


def test_one_line_that_is_replaced(notebook: list[Any]) -> None:
    tell = notebook_teller()
    assert tell is not None
    tell("1 of 2")
    tell("2 of <2>")
    (last,) = notebook
    assert last["text/plain"] == "2 of <2>"
    assert last["text/html"] == '<div role="status">2 of &lt;2&gt;</div>'
    assert seconds_between_lines() == 1.0


def test_sweeps_and_fits_say_it(notebook: list[Any], small_toml: str) -> None:
    film = parse_config(small_toml, "film.toml").film
    sweep(film, {"interface.exchange": [0.1, 0.2]})
    (last,) = notebook
    assert last["text/plain"] == "2 points done, 0 failed"
    told: list[str] = []
    sweep(film, {"interface.exchange": [0.1, 0.2]}, progress=told.append)
    assert told
    assert len(notebook) == 1
    FitProgress(interval=0.0).tick()
    assert "best fit: 1 evaluations" in notebook[-1]["text/plain"]
