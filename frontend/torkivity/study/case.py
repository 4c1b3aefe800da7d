"""A film and how it is computed, as one thing with parameters.

Film parameters come from the film's own classes; those of the mesh and of the drift-diffusion
model from their sections of the configuration. Axes, ``--set`` and point configurations all
change a case the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from torkivity.config.build import build_mesh
from torkivity.config.parameters import setting_parameters, with_settings
from torkivity.config.sections import MESH_SIZES, MeshSection, RunConfig, Settings
from torkivity_engine.errors import InputError
from torkivity_engine.film.names import plain_path
from torkivity_engine.film.parameters import Parameter, Variation, path_of
from torkivity_engine.film.parameters import parameters as film_parameters
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_engine.tolerance import Tolerance
from torkivity_hpc.grid import Value
from torkivity_meshes import FermiSurfaceMesh

__all__ = ["Case", "value_of_text", "with_settings_given"]


@dataclass(frozen=True)
class Case:
    """A film, its mesh and the settings of the solvers.

    Attributes
    ----------
    film : Bilayer or Stack
    settings : Settings
        Mesh, solver, drift-diffusion model.
    path : Path, optional
        The configuration file: it is named in errors, and a mesh file is looked for beside it.
    given_mesh : FermiSurfaceMesh, optional
        Instead of the one that the settings describe.
    """

    film: Bilayer | Stack
    settings: Settings = field(default_factory=Settings)
    path: Path = Path("film")
    given_mesh: FermiSurfaceMesh | None = None

    @classmethod
    def of(cls, config: RunConfig, path: Path) -> Case:
        """Case of a configuration."""
        return cls(config.film, config, path)

    def parameters(self) -> dict[str, Parameter]:
        """Everything that may vary, by path."""
        return {**film_parameters(self.film), **setting_parameters(self.settings)}

    def parameter(self, path: str) -> Parameter:
        """Parameter at a path, however it is spelt; the last part will do where it is alone.

        Raises
        ------
        InputError
            If there is none; with the nearest one there is.
        """
        known = self.parameters()
        if path in known:
            return known[path]
        if self.settings.mesh.rtol is not None and plain_path(path).startswith("mesh."):
            raise InputError(path, "", "mesh.rtol chooses the mesh: give one or the other")
        spelt = plain_path(path)
        # Last parts will do that name one parameter.
        ending = [name for name in known if "." not in spelt and name.endswith(f".{spelt}")]
        return known[ending[0] if len(ending) == 1 else path_of(self.film, spelt, known)]

    def varied(self, values: Mapping[str, Value]) -> Case:
        """The case with other values of parameters, by path."""
        return self.variation(tuple(values))(values)

    def variation(self, paths: Sequence[str]) -> Callable[[Mapping[str, Value]], Case]:
        """What gives the case with other values of these parameters."""
        known = setting_parameters(self.settings)
        of_settings = [path for path in paths if path in known]
        of_film = [path for path in paths if path not in known]
        film_with = Variation(self.film, of_film) if of_film else None

        def varied(values: Mapping[str, Value]) -> Case:
            settings = self.settings
            if of_settings:
                settings = with_settings(settings, {path: values[path] for path in of_settings})
            film = self.film if film_with is None else film_with(values)
            return replace(self, film=film, settings=settings)

        return varied

    def mesh(self) -> FermiSurfaceMesh:
        """Mesh of the Fermi surfaces; equal settings share one.

        Raises
        ------
        InputError
            Where a tolerance chooses the mesh, see `tolerance`.
        """
        if self.given_mesh is not None:
            return self.given_mesh
        return _mesh(self.settings.mesh, self.path)

    @property
    def tolerance(self) -> Tolerance | None:
        """What chooses the mesh where none is given."""
        rtol = self.settings.mesh.rtol
        return None if rtol is None or self.given_mesh is not None else Tolerance(rtol)

    @property
    def memory_limit(self) -> int | None:
        """Bytes that the dense method may use."""
        limit = self.settings.solver.memory_gb
        return None if limit is None else int(limit * 1e9)


def with_settings_given(config: RunConfig, path: Path, given: Sequence[str]) -> RunConfig:
    """Configuration with parameters set by texts like ``Pt.thickness=4``.

    Parameters
    ----------
    config : RunConfig
    path : Path
        Of its file, for errors.
    given : sequence of str

    Returns
    -------
    RunConfig

    Raises
    ------
    InputError
        For an unknown parameter, or a value that it cannot have.
    """
    if not given:
        return config
    if any(text.strip().startswith(tuple(f"mesh.{key}" for key in MESH_SIZES)) for text in given):
        # Sizes on the command line take the place of a tolerance in the file.
        config = config.model_copy(update={"mesh": config.mesh.without_rtol()})
    case = Case.of(config, path)
    values: dict[str, Value] = {}
    for text in given:
        name, equals, value = (part.strip() for part in text.rpartition("="))
        if not (name and equals and value):
            raise InputError("--set", text, "must be PATH=VALUE, as in Pt.thickness=4")
        parameter = case.parameter(name)
        if parameter.path in values:
            raise InputError("--set", text, f"{parameter.path} is given twice")
        values[parameter.path] = value_of_text(parameter, value)
    case = case.varied(values)
    assert isinstance(case.settings, RunConfig)
    return case.settings.model_copy(update={"film": case.film})


def value_of_text(parameter: Parameter, text: str) -> Value:
    """Value of a parameter as a user typed it.

    Raises
    ------
    InputError
        If it is no number where one is needed, or none of the words that there are.
    """
    if parameter.kind is str:
        word = text.strip("\"'")
        if parameter.choices and word not in parameter.choices:
            words = ", ".join(map(str, parameter.choices))
            raise InputError(parameter.path, word, f"must be one of {words}")
        return word
    try:
        return parameter.kind(text)  # type: ignore[no-any-return]
    except ValueError:
        what = "an integer" if parameter.kind is int else "a number"
        raise InputError(parameter.path, text, f"must be {what}") from None


@lru_cache(maxsize=64)
def _mesh(section: MeshSection, path: Path) -> FermiSurfaceMesh:
    return build_mesh(section, path)
