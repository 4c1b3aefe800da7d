"""Values of a configuration that look like the slip of a unit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torkivity.config.sections import RunConfig
from torkivity_engine.film.typical import likely_slip

__all__ = ["unusual_values"]

_SECTIONS = ("film", "heavy_metal", "ferromagnet")


def unusual_values(
    config: RunConfig, varied: Mapping[str, Iterable[object]] | None = None
) -> list[str]:
    """A line for each value that is likely a slip.

    Parameters
    ----------
    config : RunConfig
    varied : mapping of str to values, optional
        Values in place of the configuration's by key ("heavy_metal.thickness"), as in a sweep;
        the first unusual one is named.

    Returns
    -------
    list of str
    """
    values: dict[str, Iterable[object]] = {
        f"{section}.{name}": (value,)
        for section in _SECTIONS
        for name, value in getattr(config, section)
    }
    lines = []
    for key, candidates in {**values, **(varied or {})}.items():
        for value in candidates:
            slip = isinstance(value, float) and likely_slip(key.rpartition(".")[2], value)
            if slip:
                lines.append(f"{key} = {value:g}: {slip}")
                break
    return lines
