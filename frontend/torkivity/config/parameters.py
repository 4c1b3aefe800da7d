"""Parameters of a film that may vary, from the sections of the configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from pydantic import BaseModel

from torkivity.config.sections import RunConfig

__all__ = ["LAYER_SECTIONS", "FilmParameter", "parameters"]

#: Sections whose values go into the responses of layers, the expensive shared part of points.
LAYER_SECTIONS = ("heavy_metal", "ferromagnet", "surfaces", "mesh")


#: Sections that vary; the name of a dimension keeps the section only where it is needed.
_SECTIONS = {
    "film": "",
    "heavy_metal": "heavy_metal_",
    "interface": "",
    "ferromagnet": "ferromagnet_",
    "surfaces": "",
    "mesh": "",
    "drift_diffusion": "drift_diffusion_",
}


_FIXED = {"film.magnetization", "heavy_metal.name", "ferromagnet.name", "mesh.file"}


@dataclass(frozen=True)
class FilmParameter:
    """Something that may vary.

    Attributes
    ----------
    key : str
        As in the TOML file, section and key.
    name : str
        Of the dimension or variable in the result file.
    kind : type
        float, int or str.
    units, long_name : str
    """

    key: str
    name: str
    kind: type
    units: str
    long_name: str


def parameters() -> dict[str, FilmParameter]:
    """All parameters that may vary, by key."""
    return {p.key: p for section, prefix in _SECTIONS.items() for p in _section(section, prefix)}


def _section(section: str, prefix: str) -> Iterator[FilmParameter]:
    model = RunConfig.model_fields[section].annotation
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    if section == "film":
        for angle, meaning in (("theta", "polar angle of m from z"), ("phi", "azimuth of m")):
            key = f"film.magnetization_angles_deg.{angle}"
            yield FilmParameter(key, angle, float, "degree", meaning)
    for name, field in model.model_fields.items():
        key = f"{section}.{name}"
        if key in _FIXED or name == "magnetization_angles_deg":
            continue
        kinds = {field.annotation, *get_args(field.annotation)}
        kind = next((kind for kind in (float, int) if kind in kinds), str)
        meaning = field.description or name
        yield FilmParameter(key, prefix + name, kind, _units(name, kind), meaning)


def _units(name: str, kind: type) -> str:
    if kind is not float:
        return ""
    if name.endswith("_deg"):
        return "degree"
    if name == "fermi_wavevector":
        return "1/nm"
    if name == "resistivity":
        return "Ohm m"
    if name.endswith(("thickness", "length")) or "mean_free_path" in name:
        return "nm"
    return "1"
