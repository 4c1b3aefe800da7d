"""Sections of the TOML file: keys, types and meanings."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from torkivity.catalogue import (
    DRIVES,
    MODELS,
    QUANTITIES,
    SOURCES,
    DriveName,
    ModelName,
    QuantityName,
    SourceName,
)
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_meshes.rules import DEFAULT_POLAR_RULE, POLAR_RULES

__all__ = [
    "MESH_SIZES",
    "ConvergeSection",
    "DriftDiffusionSection",
    "FigureSection",
    "MeshSection",
    "RunConfig",
    "Section",
    "Settings",
    "SolverSection",
    "SweepSection",
]

#: nm; closer where the curves bend.
_CURVE_THICKNESSES = (
    *(0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0, 3.5, 4.0, 4.5, 5.0),
    *(6.0, 7.0, 8.0, 9.0, 10.0, 12.0, 14.0, 16.0),
)


Film = Bilayer | Stack

#: Keys of a product mesh.
MESH_SIZES = ("n_polar", "n_azimuth", "polar_rule")


class Section(BaseModel):
    """Table whose keys and types are all known."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class MeshSection(Section):
    """The Fermi-surface mesh."""

    n_polar: int = Field(32, description="polar angles per hemisphere")
    n_azimuth: int = Field(16, description="azimuthal angles")
    polar_rule: str = Field(DEFAULT_POLAR_RULE, description=" or ".join(POLAR_RULES))
    file: str | None = Field(None, description="file with columns kx ky kz weight")
    rtol: float | None = Field(
        None, gt=0.0, lt=1.0, description="mesh error beside the largest total torque"
    )

    @property
    def sizes_given(self) -> list[str]:
        """Keys of a product mesh that are not left to their defaults."""
        return sorted(self.model_fields_set & set(MESH_SIZES))

    def without_rtol(self) -> MeshSection:
        """The same with sizes in place of a tolerance."""
        return MeshSection.model_validate({}) if self.rtol is not None else self

    def table(self) -> dict[str, Any]:
        """What describes the mesh: sizes, a file or a tolerance."""
        others = {"rtol": self.rtol, "file": self.file}
        given = {key: value for key, value in others.items() if value is not None}
        return given or {key: getattr(self, key) for key in MESH_SIZES}


class SolverSection(Section):
    """How the Boltzmann equation is solved."""

    method: Literal["reduced", "dense"] = Field("reduced", description="reduced or dense")
    memory_gb: float | None = Field(None, gt=0.0, allow_inf_nan=False, description="limit in GB")


class DriftDiffusionSection(Section):
    """Which drift-diffusion model."""

    ferromagnet: Literal["auto", "dephased", "finite"] = Field(
        "auto", description="dephased or finite; auto: dephased in a bilayer, finite in a stack"
    )


class FigureSection(Section):
    """The curves against heavy-metal thickness."""

    heavy_metal_thickness: list[float] = Field(
        list(_CURVE_THICKNESSES),
        min_length=2,
        max_length=1000,  # beyond a figure: a sweep, which can be stopped and resumed
        description="increasing thicknesses in nm",
    )


class SweepSection(Section):
    """Which parameters vary; what they may be is known in `torkivity.study.axes`."""

    models: list[ModelName] = Field(
        ["boltzmann"], min_length=1, description=f"one or more of {', '.join(MODELS)}"
    )
    drive: DriveName = Field("field", description=f"one of {', '.join(DRIVES)}")
    magnet: str | list[str] | None = Field(
        None, description="with drive = pumping, which magnets turn, by name; all of them"
    )
    source: SourceName | list[SourceName] = Field(
        "all", description=f"one or more of {', '.join(SOURCES)}"
    )
    quantities: list[QuantityName] = Field(
        [], description=f"beside torques, any of {', '.join(QUANTITIES)}"
    )
    axes: dict[str, Any] = Field({}, description="values by parameter")
    zip: list[dict[str, Any]] = Field([], description="groups of parameters that vary together")

    @property
    def sources(self) -> tuple[SourceName, ...]:
        """The sources as a tuple."""
        return (self.source,) if isinstance(self.source, str) else tuple(self.source)

    @property
    def magnets(self) -> tuple[str, ...]:
        """The magnets that turn as a tuple; empty for all."""
        if self.magnet is None:
            return ()
        return (self.magnet,) if isinstance(self.magnet, str) else tuple(self.magnet)


class ConvergeSection(Section):
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


class Settings(Section):
    """How a film is computed."""

    mesh: MeshSection = MeshSection.model_construct()
    solver: SolverSection = SolverSection.model_construct()
    drift_diffusion: DriftDiffusionSection = DriftDiffusionSection.model_construct()


class RunConfig(Settings):
    """One run: a film and how to compute it; a sweep or a study of meshes around it.

    The film is an object of the engine, made by `torkivity.config.film.read_film`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, **Section.model_config)

    film: Film
    plugins: list[str] = Field([], description="modules that define further kinds")
    figure: FigureSection = FigureSection.model_construct()
    sweep: SweepSection | None = None
    converge: ConvergeSection | None = None
