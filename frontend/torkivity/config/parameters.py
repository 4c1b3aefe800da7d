"""Settings that may vary beside the film: of the mesh and of the drift-diffusion model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel

from torkivity.config.sections import Settings
from torkivity_engine.film.parameters import Parameter
from torkivity_engine.film.quantity import Quantity
from torkivity_hpc.grid import Value

S = TypeVar("S", bound=Settings)

__all__ = ["setting_parameters", "with_settings"]

#: Sections whose values are settings, and what in them names a file.
_SECTIONS = ("mesh", "drift_diffusion")
_FIXED = {"mesh.file"}


def setting_parameters(config: Settings) -> dict[str, Parameter]:
    """Settings by path, as `torkivity_engine.film.parameters.parameters` gives those of a film.

    Parameters
    ----------
    config : Settings

    Returns
    -------
    dict of str to Parameter
    """
    found = {}
    for name in _SECTIONS:
        section: BaseModel = getattr(config, name)
        for key, field in type(section).model_fields.items():
            path = f"{name}.{key}"
            if path in _FIXED:
                continue
            value = getattr(section, key)
            if value is None or (name == "mesh" and key not in config.mesh.table()):
                continue
            meaning = field.description or key
            quantity = Quantity("1", meaning) if isinstance(value, (int, float)) else None
            words = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
            found[path] = Parameter(path, value, quantity, words, about=meaning)
    return found


def with_settings(config: S, values: Mapping[str, Value]) -> S:
    """Configuration with other settings, by path; they are checked where they are used."""
    update: dict[str, Any] = {}
    for path, value in values.items():
        section, key = path.split(".")
        update.setdefault(section, {})[key] = value
    return config.model_copy(
        update={
            name: getattr(config, name).model_copy(update=changed)
            for name, changed in update.items()
        }
    )
