"""Compilation is announced once, and only if there is any."""

from __future__ import annotations

from numba import njit

from torkivity.commands.compilation import announce_compilation


def test_announcement() -> None:
    @njit
    def add(a: float, b: float) -> float:
        return a + b

    said: list[str] = []
    with announce_compilation(said.append):
        assert add(1.0, 2.0) == 3.0
    assert len(said) == 2
    assert said[0].startswith("compiling kernels")

    said.clear()
    with announce_compilation(said.append):
        add(2.0, 3.0)
    assert said == []
