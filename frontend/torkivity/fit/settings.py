"""The TOML file of a fit: its [fit] table, and for the microscopic model the film around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from torkivity.catalogue import FIT_MODELS
from torkivity.config.build import build_mesh
from torkivity.config.errors import ConfigError
from torkivity.config.text import check_config, override, read_toml
from torkivity.fit.data import TorqueData, read_torque_data
from torkivity.fit.request import Measurement, ParameterSetting
from torkivity_engine.errors import InputError
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh

if TYPE_CHECKING:
    from torkivity.fit.models import TorqueModel

__all__ = [
    "FilmSettings",
    "FitSettings",
    "asked_parameters",
    "load_fit_settings",
    "parse_setting",
]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Parameter(_Section):
    value: float | None = Field(None, allow_inf_nan=False)
    vary: bool = True
    min: float | None = None
    max: float | None = None
    expression: str | None = None


class _Films(_Section):
    """What may differ between the data sets."""

    thickness: float | None = Field(None, gt=0.0, allow_inf_nan=False)
    resistivity: float | None = Field(None, gt=0.0, allow_inf_nan=False)
    resistivity_surface: float = Field(0.0, allow_inf_nan=False)
    saturation_magnetization: float | None = Field(None, gt=0.0, allow_inf_nan=False)
    ferromagnet_thickness: float | None = Field(None, gt=0.0, allow_inf_nan=False)
    heavy_metal: Literal["below", "above"] = "below"
    columns: dict[str, str] = {}
    errors: dict[str, Annotated[float, Field(gt=0.0, allow_inf_nan=False)]] = {}


class _Fit(_Films):
    model: Literal[FIT_MODELS] = "phenomenological"  # type: ignore[valid-type]
    layer: str | None = None
    magnet: str | None = None
    select: list[str] = []
    criterion: Literal["AICc", "BIC"] = "AICc"
    separate: list[str] = []
    parameters: dict[str, float | _Parameter] = {}
    files: dict[str, _Films] = {}


@dataclass(frozen=True)
class FilmSettings:
    """What a fit is told about the films of one data file.

    Attributes
    ----------
    measurement : Measurement
    thickness : float or None
        Of the heavy metal in nm, for a file without a column of it.
    columns, errors : dict
        As in `torkivity.fit.data.read_torque_data`.
    """

    measurement: Measurement = field(default_factory=Measurement)
    thickness: float | None = None
    columns: dict[str, str] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class FitSettings:
    """What a fit is told beside the data.

    Attributes
    ----------
    model_name : str
        Of `torkivity.catalogue.FIT_MODELS`.
    films : FilmSettings
        Of all files that are not among the next.
    files : dict of str to FilmSettings
        By name of the file.
    parameters : dict of str to float or ParameterSetting
    separate : tuple of str
    path : Path or None
        The file, which has the film of the microscopic model.
    film : dict
        Its tables.
    layer, magnet : str or None
        Whose thickness and torque the data have, for models that solve a film.
    select : tuple of str
        Parameters in question, see `torkivity.fit.selection.select_model`.
    criterion : {"AICc", "BIC"}
    """

    model_name: str = "phenomenological"
    films: FilmSettings = field(default_factory=FilmSettings)
    files: dict[str, FilmSettings] = field(default_factory=dict)
    parameters: dict[str, float | ParameterSetting] = field(default_factory=dict)
    separate: tuple[str, ...] = ()
    path: Path | None = None
    film: dict[str, Any] = field(default_factory=dict)
    layer: str | None = None
    magnet: str | None = None
    select: tuple[str, ...] = ()
    criterion: Literal["AICc", "BIC"] = "AICc"

    def updated(
        self,
        model: str | None,
        resistivity: float | None,
        parameters: Mapping[str, float | ParameterSetting],
        select: Sequence[str] = (),
        criterion: Literal["AICc", "BIC"] | None = None,
    ) -> FitSettings:
        """Settings with what the command line says in place of the file."""

        def known(films: FilmSettings) -> FilmSettings:
            if resistivity is None:
                return films
            facts = replace(films.measurement, resistivity=resistivity, resistivity_surface=0.0)
            return replace(films, measurement=facts)

        return replace(
            self,
            model_name=model or self.model_name,
            films=known(self.films),
            files={name: known(films) for name, films in self.files.items()},
            parameters={**self.parameters, **parameters},
            select=tuple(select) or self.select,
            criterion=criterion or self.criterion,
        )

    def data_files(self) -> tuple[Path, ...]:
        """The files under [fit.files], which lie beside the configuration."""
        folder = (self.path or Path()).parent
        return tuple(folder / name for name in self.files)

    def read(self, paths: Sequence[Path]) -> tuple[list[TorqueData], list[Measurement]]:
        """Data of files, and what is known about their films.

        Raises
        ------
        ConfigError
            With file, line and column in one line.
        """
        unknown = sorted(set(self.files) - {path.name for path in paths})
        if unknown:
            names = ", ".join(path.name for path in paths)
            raise ConfigError(
                str(self.path), f"fit.files.{unknown[0]}: must be one of the data files, {names}"
            )
        films = [self.files.get(path.name, self.films) for path in paths]
        try:
            data = [
                read_torque_data(path, own.columns, own.errors, own.thickness)
                for path, own in zip(paths, films, strict=True)
            ]
        except ModuleNotFoundError as error:
            raise ConfigError(", ".join(map(str, paths)), str(error)) from None
        if len({entry.name for entry in data}) < len(data):
            data = [replace(d, name=str(p)) for d, p in zip(data, paths, strict=True)]
        return data, [own.measurement for own in films]

    def unusual_values(self) -> list[str]:
        """A line for each value that is likely a slip, see `torkivity.study.unusual`."""
        from torkivity.study.case import Case
        from torkivity.study.unusual import unusual_values
        from torkivity_engine.film.quantity import RESISTIVITY

        films = {"fit": self.films, **{f"fit.files.{k}": v for k, v in self.files.items()}}
        lines = []
        for where, known in films.items():
            rho = known.measurement.resistivity
            slip = rho is not None and RESISTIVITY.slip(rho)
            if slip:
                lines.append(f"{where}.resistivity = {rho:g}: {slip}")
        if self.model_name != "phenomenological" and self.film:
            config = check_config(self.film, str(self.path))
            lines += unusual_values(Case.of(config, self.path or Path("film")))
        return lines

    def build_model(
        self, rtol: float | None = None, tell: Callable[[str], None] = lambda line: None
    ) -> TorqueModel:
        """The model, with the film and mesh of the file if it needs one.

        Parameters
        ----------
        rtol : float, optional
            In place of the file's mesh.
        tell : callable, optional
            Told in words which mesh a tolerance led to.

        Raises
        ------
        ConfigError
        """
        from torkivity.fit.film_model import FilmModel
        from torkivity.fit.models import MicroscopicModel
        from torkivity.fit.phenomenological import PhenomenologicalModel

        if self.model_name == "phenomenological":
            if rtol is not None:
                raise InputError("--rtol", rtol, f"the {self.model_name} model needs no mesh")
            return PhenomenologicalModel()
        if self.path is None or not self.film:
            raise InputError(
                "--model",
                self.model_name,
                "needs a film to start from: --config with [heavy_metal], [interface] and "
                "[ferromagnet] as in 'torkivity init'",
            )
        config = override(check_config(self.film, str(self.path)), rtol=rtol)
        film = config.film
        mesh = None
        if config.mesh.rtol is not None:
            mesh = _mesh_for(film, self.model_name, config.mesh.rtol, tell)
        elif "mesh" in self.film:
            mesh = build_mesh(config.mesh, self.path)
        if mesh is not None and mesh.rings is None:
            raise ConfigError(str(self.path), "mesh.file: this model needs azimuthal rings")
        if self.model_name in ("boltzmann", "drift_diffusion"):
            return FilmModel(
                *(film, mesh),
                solver="boltzmann" if self.model_name == "boltzmann" else "drift_diffusion",
                layer=self.layer,
                magnet=self.magnet,
                rtol=config.mesh.rtol,
            )
        if not isinstance(film, Bilayer):
            raise ConfigError(
                str(self.path), "layers: this model fits bilayers; --model boltzmann fits any film"
            )
        by_resistivity = "resistivity" in film.heavy_metal.leaves(film.fermi_wavevector)
        return MicroscopicModel(
            *(film, mesh),
            given="resistivity" if by_resistivity else "total_mean_free_path",
            rtol=config.mesh.rtol,
        )


def _mesh_for(
    film: Bilayer | Stack, model: str, rtol: float, tell: Callable[[str], None]
) -> FermiSurfaceMesh:
    from torkivity.fit.fit_mesh import mesh_of_fit

    found = mesh_of_fit([film], model, rtol)
    mesh = SphericalMesh(found.n_polar, found.n_azimuth, found.polar_rule)
    tell(f"{mesh.name}, mesh error {found.relative:.1e} for the film that the fit starts from")
    return mesh


def load_fit_settings(path: Path | str) -> FitSettings:
    """Read and check the configuration of a fit.

    Parameters
    ----------
    path : Path or str

    Returns
    -------
    FitSettings

    Raises
    ------
    ConfigError
        With file, key and value in one line.
    """
    file = str(path)
    data = read_toml(path, "no such file; 'torkivity fit --example' writes one")
    film = {key: value for key, value in data.items() if key != "fit"}
    try:
        section = _Fit.model_validate(data.get("fit", {}))
    except ValidationError as error:
        raise ConfigError(file, _problem(error)) from None
    own = {
        name: _film_settings(section.model_copy(update=films.model_dump(exclude_unset=True)))
        for name, films in section.files.items()
    }
    return FitSettings(
        model_name=section.model,
        films=_film_settings(section),
        files=own,
        parameters={
            name: entry
            if not isinstance(entry, _Parameter)
            else ParameterSetting(entry.value, entry.vary, entry.min, entry.max, entry.expression)
            for name, entry in section.parameters.items()
        },
        separate=tuple(section.separate),
        path=Path(path),
        film=film,
        layer=section.layer,
        magnet=section.magnet,
        select=tuple(section.select),
        criterion=section.criterion,
    )


def _film_settings(section: _Films) -> FilmSettings:
    return FilmSettings(
        measurement=Measurement(
            resistivity=section.resistivity,
            resistivity_surface=section.resistivity_surface,
            saturation_magnetization=section.saturation_magnetization,
            ferromagnet_thickness=section.ferromagnet_thickness,
            heavy_metal_above=section.heavy_metal == "above",
        ),
        thickness=section.thickness,
        columns=section.columns,
        errors=section.errors,
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


def asked_parameters(
    fixed: Sequence[str], varied: Sequence[str]
) -> dict[str, float | ParameterSetting]:
    """What the options ``--fix`` and ``--vary`` of a command line ask of the parameters.

    Parameters
    ----------
    fixed : sequence of str
        NAME=VALUE each.
    varied : sequence of str
        NAME, NAME=START or NAME=START:MIN:MAX each.

    Returns
    -------
    dict of str to float or ParameterSetting

    Raises
    ------
    InputError
        If they are something else, or speak of a parameter twice.
    """
    asked: dict[str, float | ParameterSetting] = {}
    options = [("--fix", text, _fixed(text)) for text in fixed]
    options += [("--vary", text, parse_setting(text)) for text in varied]
    for option, text, (name, setting) in options:
        if name in asked:
            raise InputError(option, text, f"must not speak of {name} twice: fix it or vary it")
        asked[name] = setting
    return asked


def _fixed(text: str) -> tuple[str, float | ParameterSetting]:
    name, _, number = (part.strip() for part in text.partition("="))
    try:
        value = float(number)
    except ValueError:
        name = ""
    if not name:
        raise InputError("--fix", text, "must be NAME=VALUE with a number")
    return name, value


def parse_setting(text: str) -> tuple[str, ParameterSetting]:
    """Parameter to fit from NAME, NAME=START or NAME=START:MIN:MAX.

    Raises
    ------
    InputError
        If it is something else.
    """
    name, _, numbers = (part.strip() for part in text.partition("="))
    parts = numbers.split(":") if numbers else []
    try:
        values = [float(part) if part else None for part in parts]
    except ValueError:
        values = [None] * 2
    if len(values) not in (0, 1, 3) or not name:
        raise InputError("--vary", text, "must be NAME, NAME=START or NAME=START:MIN:MAX")
    start, least, most = (*values, None, None, None)[:3]
    return name, ParameterSetting(start, True, least, most)
