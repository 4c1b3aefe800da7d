"""Options that several commands share, read by hand."""

from __future__ import annotations

import click
import pytest

from torkivity.commands.common import Duration, grid_values


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90.0),
        ("30m", 1800.0),
        ("30min", 1800.0),
        ("2h", 7200.0),
        ("1.5h", 5400.0),
        ("1d", 86400.0),
        ("1h30m", 5400.0),
        ("1d2h3m4s", 93784.0),
        # As batch systems write it: hours:minutes, hours:minutes:seconds.
        ("01:30", 5400.0),
        ("00:05", 300.0),
        ("01:30:00", 5400.0),
        ("01:02:03", 3723.0),
        ("100:00:00", 360000.0),
        (" 2H ", 7200.0),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "90", "h", "1:2", "1:2:3:4", "4 apples", "-5s", "5x"])
def test_no_times(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a time like 90s, 30m, 1h30m or 01:30:00"):
        Duration().convert(text, None, None)


def test_held_axes() -> None:
    given = ("rashba = 0.1", "sample=thick=old")
    assert grid_values(given) == {"rashba": "0.1", "sample": "thick=old"}
