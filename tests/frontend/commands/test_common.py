"""Times as people write them."""

from __future__ import annotations

import click
import pytest

from torkivity.commands.common import Duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90.0),
        ("1.5s", 1.5),
        ("30m", 1800.0),
        ("30min", 1800.0),
        ("1h30m", 5400.0),
        (" 1H30M ", 5400.0),
        ("2d", 172800.0),
        ("1d12h", 129600.0),
        ("01:30", 5400.0),  # hours and minutes
        ("01:30:00", 5400.0),
        ("00:01:30", 90.0),
        ("100:00", 360000.0),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "90", "1h 30", "1:2:3:4", "01:3", "-5m", "m", "1e3s", ":30"])
def test_no_times(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a time like 90s"):
        Duration().convert(text, None, None)
