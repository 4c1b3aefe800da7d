"""The TOML file that describes a run, checked and turned into the engine's objects.

Structure and types are checked here; what a value may be is checked where it is used, by the
engine's own classes, whose errors are given back with the file and the full key in front.
"""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from torkivity_engine.errors import InputError
from torkivity_engine.film.stack import (
    Bilayer,
    Ferromagnet,
    HeavyMetal,
    RashbaInterface,
    Surface,
)
from torkivity_engine.spin import direction
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh, load_mesh

__all__ = [
    "ConfigError",
    "Model",
    "RunConfig",
    "build_film",
    "build_mesh",
    "check_config",
    "load_config",
    "override",
    "preset_names",
    "preset_text",
    "read_text",
    "read_toml",
    "to_json",
    "to_toml",
]


class ConfigError(InputError):
    """Input error with the file it is in.

    Parameters
    ----------
    file : str
    problem : str
        What is wrong and what would be right, in one line.
    """

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(file, problem, "")
        self.args = (f"{file}: {problem}",)

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[type[ConfigError], tuple[str, str]]:  # type: ignore[override]
        return (type(self), (self.key, str(self.value)))


#: nm; closer where the curves bend.
_CURVE_THICKNESSES = (
    *(0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0, 3.5, 4.0, 4.5, 5.0),
    *(6.0, 7.0, 8.0, 9.0, 10.0, 12.0, 14.0, 16.0),
)


#: The names of `torkivity.study.film.MODEL_NAMES`, which takes long to import.
Model = Literal["boltzmann", "drift_diffusion", "drift_diffusion_half_space", "boundary_layer"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Angles(_Section):
    """Polar angle from z and azimuth from x."""

    theta: float
    phi: float


class FilmSection(_Section):
    """What concerns the film as a whole."""

    fermi_wavevector: float = Field(16.0, description="k_F in 1/nm")
    magnetization: list[float] | None = Field(None, description="direction of m, [x, y, z]")
    magnetization_angles_deg: Angles | None = Field(None, description="{ theta, phi } of m")
    field_direction_deg: float = Field(0.0, description="angle of the electric field from x")


class HeavyMetalSection(_Section):
    """The layer below the interface."""

    name: str = Field("HM", description="label")
    thickness: float = Field(description="thickness in nm")
    mean_free_path: float | None = Field(None, description="kinetic lambda_mf in nm")
    spin_flip_length: float | None = Field(None, description="kinetic lambda_sf in nm")
    total_mean_free_path: float | None = Field(None, description="lambda in nm")
    resistivity: float | None = Field(None, description="Ohm m")
    spin_diffusion_length: float | None = Field(None, description="l_sf in nm")
    spin_hall_angle: float = Field(0.0, description="theta_SH")


class InterfaceSection(_Section):
    """The interface at z = 0."""

    barrier: float = Field(description="u0, dimensionless")
    exchange: float = Field(description="u_ex, dimensionless")
    rashba: float = Field(description="u_R, dimensionless")


class FerromagnetSection(_Section):
    """The layer above the interface."""

    name: str = Field("FM", description="label")
    thickness: float = Field(description="thickness in nm")
    mean_free_path_majority: float = Field(description="nm")
    mean_free_path_minority: float = Field(description="nm")
    spin_flip_length: float = Field(description="kinetic lambda_sf in nm, inf for none")
    precession_length: float = Field(description="v_F hbar / 2J in nm, inf for none")
    dephasing_length: float | None = Field(None, description="l_phi in nm")


class SurfacesSection(_Section):
    """The outer faces."""

    left_specularity: float = Field(1.0, description="0 diffuse ... 1 specular")
    right_specularity: float = Field(1.0, description="0 diffuse ... 1 specular")


class MeshSection(_Section):
    """The Fermi-surface mesh."""

    n_polar: int = Field(32, description="polar angles per hemisphere")
    n_azimuth: int = Field(16, description="azimuthal angles")
    polar_rule: str = Field("gauss", description="gauss or graded")
    file: str | None = Field(None, description="file with columns kx ky kz weight")


class SolverSection(_Section):
    """How the Boltzmann equation is solved."""

    method: Literal["reduced", "dense"] = Field("reduced", description="reduced or dense")
    memory_gb: float | None = Field(None, gt=0.0, allow_inf_nan=False, description="limit in GB")


class DriftDiffusionSection(_Section):
    """Which drift-diffusion model."""

    ferromagnet: Literal["dephased", "finite"] = Field("dephased", description="dephased or finite")


class FigureSection(_Section):
    """The curves against heavy-metal thickness."""

    heavy_metal_thickness: list[float] = Field(
        list(_CURVE_THICKNESSES),
        min_length=2,
        description="increasing thicknesses in nm",
    )


class SweepSection(_Section):
    """Which parameters vary; what they may be is known in `torkivity.study.axes`."""

    models: list[Model] = Field(
        ["boltzmann"], min_length=1, description=f"one or more of {', '.join(get_args(Model))}"
    )
    source: Literal["all", "rashba", "spin_hall"] = Field(
        "all", description="all, rashba or spin_hall"
    )
    axes: dict[str, Any] = Field({}, description="values by parameter")
    zip: list[dict[str, Any]] = Field([], description="groups of parameters that vary together")


class ConvergeSection(_Section):
    """The meshes of a convergence study."""

    n_polar: list[int] = Field(
        [4, 8, 16, 32, 64], min_length=3, description="polar angles per hemisphere"
    )
    n_azimuth: list[int] = Field(
        [8, 16, 32, 64], min_length=3, description="azimuthal angles, at least three sizes"
    )
    tolerance: float = Field(
        1e-3, gt=0.0, lt=1.0, description="error beside the largest component of the total torque"
    )


class RunConfig(_Section):
    """One run: a bilayer, a mesh and how to solve; a sweep or a study of meshes around it."""

    film: FilmSection = FilmSection.model_construct()
    heavy_metal: HeavyMetalSection
    interface: InterfaceSection
    ferromagnet: FerromagnetSection
    surfaces: SurfacesSection = SurfacesSection.model_construct()
    mesh: MeshSection = MeshSection.model_construct()
    solver: SolverSection = SolverSection.model_construct()
    drift_diffusion: DriftDiffusionSection = DriftDiffusionSection.model_construct()
    figure: FigureSection = FigureSection.model_construct()
    sweep: SweepSection | None = None
    converge: ConvergeSection | None = None


@dataclass(frozen=True)
class _Source:
    """Where a config came from, to name it in errors."""

    file: str

    def error(self, key: str, value: Any, expected: str) -> ConfigError:
        return ConfigError(self.file, f"{key} = {_shorten(_literal(value))}: {expected}")

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Put file and section in front of what the engine refuses."""
        try:
            yield
        except ConfigError:
            raise
        except InputError as error:
            # k_F enters the heavy metal's lengths too, but there is one place to set it.
            owner = "film" if error.key in FilmSection.model_fields else name
            raise self.error(f"{owner}.{error.key}", error.value, error.expected) from None


def load_config(path: Path) -> RunConfig:
    """Read and check a configuration file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    RunConfig

    Raises
    ------
    ConfigError
        With file, key, value and what would be right, in one line.
    """
    data = read_toml(path, "no such file; 'torkivity init' writes one to start from")
    return check_config(data, str(path))


def read_text(path: Path, kind: str, missing: str = "no such file") -> str:
    """Content of a text file that a user wrote.

    Parameters
    ----------
    path : Path
    kind : str
        What it is to be, for errors: "TOML", "CSV".
    missing : str, optional
        What to say if it is not there.

    Raises
    ------
    ConfigError
    """
    file = str(path)
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise ConfigError(file, missing) from None
    except OSError as error:
        raise ConfigError(file, f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigError(file, f"is not a {kind} file (not UTF-8 text)") from None


def read_toml(path: Path, missing: str) -> dict[str, Any]:
    """Tables of a TOML file; parameters and errors as of `read_text`."""
    text = read_text(path, "TOML", missing)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), f"is not valid TOML: {error}") from None


def check_config(data: Mapping[str, Any], file: str) -> RunConfig:
    """Check the tables of a configuration.

    Parameters
    ----------
    data : mapping
        Parsed TOML.
    file : str
        Name for errors.

    Returns
    -------
    RunConfig

    Raises
    ------
    ConfigError
    """
    try:
        config = RunConfig.model_validate(data)
    except ValidationError as error:
        raise ConfigError(file, _problem(error)) from None
    # Everything the engine would refuse is refused on reading, not in the middle of a run.
    build_film(config, file)
    _check_mesh(config, _Source(file))
    _check_figure(config, _Source(file))
    return config


def build_film(config: RunConfig, file: str = "config") -> Bilayer:
    """Film of a configuration.

    Parameters
    ----------
    config : RunConfig
    file : str, optional
        Name for errors.

    Returns
    -------
    Bilayer

    Raises
    ------
    ConfigError
    """
    source = _Source(file)
    film, surfaces, interface = config.film, config.surfaces, config.interface
    with source.section("film"):
        magnetization = _magnetization(film, source)
    with source.section("interface"):
        rashba = RashbaInterface(interface.barrier, interface.exchange, interface.rashba)
    with source.section("ferromagnet"):
        ferromagnet = Ferromagnet(**config.ferromagnet.model_dump(exclude={"name"}))
    faces = []
    for side in ("left", "right"):
        try:
            faces.append(Surface(getattr(surfaces, f"{side}_specularity")))
        except InputError as error:
            raise source.error(
                f"surfaces.{side}_specularity", error.value, error.expected
            ) from None
    heavy_metal = _heavy_metal(config.heavy_metal, film.fermi_wavevector, source)
    with source.section("film"):
        return Bilayer(
            heavy_metal,
            rashba,
            ferromagnet,
            magnetization=magnetization,
            fermi_wavevector=film.fermi_wavevector,
            field_direction_deg=film.field_direction_deg,
            left=faces[0],
            right=faces[1],
        )


def build_mesh(config: RunConfig, path: Path) -> FermiSurfaceMesh:
    """Mesh of a configuration.

    Parameters
    ----------
    config : RunConfig
    path : Path
        The configuration file: a mesh file is looked for beside it.

    Returns
    -------
    FermiSurfaceMesh

    Raises
    ------
    ConfigError
    """
    mesh, source = config.mesh, _Source(str(path))
    if mesh.file is None:
        with source.section("mesh"):
            return SphericalMesh(mesh.n_polar, mesh.n_azimuth, mesh.polar_rule)
    try:
        return load_mesh(path.parent / mesh.file)
    except InputError as error:
        about_file = error.key == "mesh file"
        what = error.expected if about_file else f"its {error}"
        raise source.error("mesh.file", mesh.file, what) from None


def override(
    config: RunConfig, *, method: str | None = None, memory_gb: float | None = None
) -> RunConfig:
    """Configuration with solver settings from elsewhere (None keeps the file's).

    Parameters
    ----------
    config : RunConfig
    method : {"reduced", "dense"}, optional
    memory_gb : float, optional

    Returns
    -------
    RunConfig
    """
    given = {"method": method, "memory_gb": memory_gb}
    update = {key: value for key, value in given.items() if value is not None}
    return config.model_copy(update={"solver": config.solver.model_copy(update=update)})


def preset_names() -> dict[str, str]:
    """Names of the presets, the default first, with their first comment line."""
    folder = resources.files("torkivity") / "presets"
    names = sorted(
        (entry.name.removesuffix(".toml") for entry in folder.iterdir()),
        key=lambda name: (name != "pt-co", name),
    )
    return {name: preset_text(name).splitlines()[0].lstrip("# ") for name in names}


def preset_text(name: str) -> str:
    """Commented TOML text of a preset."""
    return (resources.files("torkivity") / "presets" / f"{name}.toml").read_text("utf-8")


def to_toml(config: RunConfig) -> str:
    """Configuration with all defaults filled in, as TOML that reads back the same."""
    lines = []
    for section, values in config.model_dump(exclude_none=True).items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {_literal(value)}" for key, value in values.items()]
        lines.append("")
    return "\n".join(lines)


def to_json(config: RunConfig) -> str:
    """Configuration with all defaults filled in, as JSON (infinity as the string "inf")."""
    return json.dumps(
        {
            section: _without_infinity(values)
            for section, values in config.model_dump(exclude_none=True).items()
        },
        allow_nan=False,
    )


def _without_infinity(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_infinity(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_infinity(item) for item in value]
    return "inf" if value == math.inf else value


def _magnetization(film: FilmSection, source: _Source) -> tuple[float, float, float]:
    vector, angles = film.magnetization, film.magnetization_angles_deg
    if vector is not None and angles is not None:
        raise ConfigError(
            source.file, "film: give magnetization or magnetization_angles_deg, not both"
        )
    if angles is not None:
        for key, value in (("theta", angles.theta), ("phi", angles.phi)):
            if not math.isfinite(value):
                raise source.error(
                    f"film.magnetization_angles_deg.{key}", value, "must be a finite angle"
                )
        return direction(math.radians(angles.theta), math.radians(angles.phi))
    # The engine checks the number of components.
    return tuple(vector) if vector is not None else (0.0, 0.0, 1.0)  # type: ignore[return-value]


_HEAVY_METAL_CHOICES: dict[frozenset[str], Callable[..., HeavyMetal]] = {
    frozenset({"mean_free_path", "spin_flip_length"}): HeavyMetal,
    frozenset(
        {"total_mean_free_path", "spin_diffusion_length"}
    ): HeavyMetal.from_spin_diffusion_length,
    frozenset({"resistivity", "spin_diffusion_length"}): HeavyMetal.from_resistivity,
}


def _heavy_metal(
    section: HeavyMetalSection, fermi_wavevector: float, source: _Source
) -> HeavyMetal:
    given = {
        key: getattr(section, key)
        for key in (
            "mean_free_path",
            "spin_flip_length",
            "total_mean_free_path",
            "resistivity",
            "spin_diffusion_length",
        )
        if getattr(section, key) is not None
    }
    if frozenset(given) not in _HEAVY_METAL_CHOICES:
        raise ConfigError(
            source.file,
            f"heavy_metal has {' + '.join(given) or 'no lengths'}: give exactly one of "
            "mean_free_path + spin_flip_length, total_mean_free_path + spin_diffusion_length, "
            "resistivity + spin_diffusion_length",
        )
    if "resistivity" in given:
        given["fermi_wavevector"] = fermi_wavevector
    with source.section("heavy_metal"):
        return _HEAVY_METAL_CHOICES[frozenset(given) - {"fermi_wavevector"}](
            thickness=section.thickness, spin_hall_angle=section.spin_hall_angle, **given
        )


def _check_mesh(config: RunConfig, source: _Source) -> None:
    mesh = config.mesh
    if mesh.file is None:
        return
    sizes = sorted(mesh.model_fields_set & {"n_polar", "n_azimuth", "polar_rule"})
    if sizes:
        raise ConfigError(source.file, f"mesh: give file or {', '.join(sizes)}, not both")
    if config.solver.method != "dense":
        raise source.error(
            "solver.method",
            config.solver.method,
            'must be "dense" with mesh.file: the reduced method needs azimuthal rings',
        )


def _check_figure(config: RunConfig, source: _Source) -> None:
    previous = 0.0
    for index, value in enumerate(config.figure.heavy_metal_thickness):
        if not previous < value < math.inf:
            raise source.error(
                f"figure.heavy_metal_thickness[{index}]",
                value,
                "must be a positive length in nm, larger than the one before",
            )
        previous = value


def _problem(error: ValidationError) -> str:
    """One line for the first problem; a misspelt key before the missing one it causes."""
    problems = sorted(error.errors(), key=lambda entry: entry["type"] != "extra_forbidden")
    first = problems[0]
    keys = first["loc"]
    where = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
    parent = _section_model(keys[:-1])
    if first["type"] == "extra_forbidden":
        return f"{where}: unknown key; {_suggestion(str(keys[-1]), parent)}"
    if first["type"] == "missing":
        what = parent.model_fields[str(keys[-1])].description if parent else None
        return f"{where} is missing" + (f": {what}" if what else f": a table [{where}] is needed")
    if first["type"] == "model_type":
        expected = f"must be a table, [{where}] or {{ ... }}"
    else:
        expected = first["msg"].replace("Input should be", "must be").replace("'", '"')
        field = parent.model_fields.get(str(keys[-1])) if parent else None
        if field is not None and field.description and "or" not in field.description.split():
            expected += f" ({field.description})"
    return f"{where} = {_shorten(_literal(first['input']))}: {expected}"


def _section_model(keys: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Model of the table that a key path leads to."""
    model: type[BaseModel] = RunConfig
    for key in keys:
        field = model.model_fields.get(str(key))
        if field is None:
            return None
        tables = [
            kind
            for kind in (field.annotation, *get_args(field.annotation))
            if isinstance(kind, type) and issubclass(kind, BaseModel)
        ]
        if not tables:
            return None
        model = tables[0]
    return model


def _suggestion(key: str, model: type[BaseModel] | None) -> str:
    known = list(model.model_fields) if model else []
    close = difflib.get_close_matches(key, known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known here: {', '.join(known)}"


def _literal(value: Any) -> str:
    """TOML spelling of a value; Python's for what TOML does not have."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_literal(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_literal(item)}" for key, item in value.items()) + " }"
    return repr(value)


def _shorten(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else text[: limit - 3] + "..."
