"""The TOML file of a fit: its [fit] table, and for the microscopic model the film around it."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from torkivity.analysis.fit import Measurement, ParameterSetting
from torkivity.config import ConfigError, build_film, build_mesh, check_config
from torkivity_engine.errors import InputError

if TYPE_CHECKING:
    from torkivity.analysis.fit_models import TorqueModel

__all__ = ["FitSettings", "load_fit_settings", "parse_setting"]

_MODELS = ("phenomenological", "microscopic")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Parameter(_Section):
    value: float | None = Field(None, allow_inf_nan=False)
    vary: bool = True
    min: float | None = None
    max: float | None = None
    expression: str | None = None


class _Fit(_Section):
    model: Literal["phenomenological", "microscopic"] = "phenomenological"
    resistivity: float | None = None
    resistivity_surface: float = Field(0.0, allow_inf_nan=False)
    saturation_magnetization: float | None = None
    ferromagnet_thickness: float | None = None
    heavy_metal: Literal["below", "above"] = "below"
    separate: list[str] = []
    columns: dict[str, str] = {}
    errors: dict[str, float] = {}
    parameters: dict[str, float | _Parameter] = {}


@dataclass(frozen=True)
class FitSettings:
    """What a fit is told beside the data.

    Attributes
    ----------
    model_name : {"phenomenological", "microscopic"}
    measurement : Measurement
    parameters : dict of str to float or ParameterSetting
    separate : tuple of str
    columns, errors : dict
        As in `torkivity.analysis.fit_data.read_torque_data`.
    path : Path or None
        The file, which has the film of the microscopic model.
    film : dict
        Its tables.
    """

    model_name: str = "phenomenological"
    measurement: Measurement = field(default_factory=Measurement)
    parameters: dict[str, float | ParameterSetting] = field(default_factory=dict)
    separate: tuple[str, ...] = ()
    columns: dict[str, str] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    path: Path | None = None
    film: dict[str, Any] = field(default_factory=dict)

    def updated(
        self,
        model: str | None,
        resistivity: float | None,
        parameters: Mapping[str, float | ParameterSetting],
    ) -> FitSettings:
        """Settings with what the command line says in place of the file."""
        known = self.measurement
        if resistivity is not None:
            known = replace(known, resistivity=resistivity, resistivity_surface=0.0)
        return replace(
            self,
            model_name=model or self.model_name,
            measurement=known,
            parameters={**self.parameters, **parameters},
        )

    def build_model(self) -> TorqueModel:
        """The model, with the film and mesh of the file if it needs one.

        Raises
        ------
        ConfigError
        """
        from torkivity.analysis.fit_models import MicroscopicModel, PhenomenologicalModel

        if self.model_name == "phenomenological":
            return PhenomenologicalModel()
        if self.path is None or not self.film:
            raise InputError(
                "--model",
                self.model_name,
                "needs a film to start from: --config with [heavy_metal], [interface] and "
                "[ferromagnet] as in 'torkivity init'",
            )
        config = check_config(self.film, str(self.path))
        mesh = build_mesh(config, self.path) if "mesh" in self.film else None
        if mesh is not None and mesh.rings is None:
            raise ConfigError(str(self.path), "mesh.file: this model needs azimuthal rings")
        return MicroscopicModel(build_film(config, str(self.path)), mesh)


def load_fit_settings(path: Path) -> FitSettings:
    """Read and check the configuration of a fit.

    Parameters
    ----------
    path : Path

    Returns
    -------
    FitSettings

    Raises
    ------
    ConfigError
        With file, key and value in one line.
    """
    file = str(path)
    try:
        data = tomllib.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        raise ConfigError(file, "no such file; 'torkivity fit --example' writes one") from None
    except OSError as error:
        raise ConfigError(file, f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigError(file, "is not a TOML file (not UTF-8 text)") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(file, f"is not valid TOML: {error}") from None
    film = {key: value for key, value in data.items() if key != "fit"}
    try:
        section = _Fit.model_validate(data.get("fit", {}))
    except ValidationError as error:
        raise ConfigError(file, _problem(error)) from None
    for name, entry in section.errors.items():
        if not (math.isfinite(entry) and entry > 0.0):
            raise ConfigError(file, f"fit.errors.{name} = {entry!r}: must be a positive number")
    return FitSettings(
        model_name=section.model,
        measurement=Measurement(
            resistivity=section.resistivity,
            resistivity_surface=section.resistivity_surface,
            saturation_magnetization=section.saturation_magnetization,
            ferromagnet_thickness=section.ferromagnet_thickness,
            heavy_metal_above=section.heavy_metal == "above",
        ),
        parameters={
            name: entry
            if not isinstance(entry, _Parameter)
            else ParameterSetting(entry.value, entry.vary, entry.min, entry.max, entry.expression)
            for name, entry in section.parameters.items()
        },
        separate=tuple(section.separate),
        columns=section.columns,
        errors=section.errors,
        path=path,
        film=film,
    )


def _problem(error: ValidationError) -> str:
    """One line for the first problem."""
    first = min(error.errors(), key=lambda entry: entry["type"] != "extra_forbidden")
    where = ".".join(
        str(part) for part in ("fit", *first["loc"]) if part not in ("float", "_Parameter")
    )
    if first["type"] == "extra_forbidden":
        return f"{where}: unknown key"
    message = first["msg"].replace("Input should be", "must be").replace("'", '"')
    if first["loc"][0] == "parameters":
        message = "must be a number (fixed) or { value, vary, min, max, expression }"
    return f"{where} = {first['input']!r}: {message}"


def parse_setting(text: str) -> tuple[str, ParameterSetting]:
    """Parameter to fit from NAME, NAME=START or NAME=START:MIN:MAX.

    Raises
    ------
    InputError
        If it is something else.
    """
    name, _, numbers = text.partition("=")
    parts = numbers.split(":") if numbers else []
    try:
        values = [float(part) if part else None for part in parts]
    except ValueError:
        values = [None] * 2
    if len(values) not in (0, 1, 3) or not name:
        raise InputError("--vary", text, "must be NAME, NAME=START or NAME=START:MIN:MAX")
    start, least, most = (*values, None, None, None)[:3]
    return name, ParameterSetting(start, True, least, most)
