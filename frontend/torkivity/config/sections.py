"""Sections of the TOML file: keys, types and meanings."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Angles",
    "ConvergeSection",
    "DriftDiffusionSection",
    "FerromagnetSection",
    "FigureSection",
    "FilmSection",
    "HeavyMetalSection",
    "InterfaceSection",
    "MeshSection",
    "Model",
    "RunConfig",
    "Section",
    "SolverSection",
    "SurfacesSection",
    "SweepSection",
]

#: nm; closer where the curves bend.
_CURVE_THICKNESSES = (
    *(0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0, 3.5, 4.0, 4.5, 5.0),
    *(6.0, 7.0, 8.0, 9.0, 10.0, 12.0, 14.0, 16.0),
)


#: The names of `torkivity.catalogue.MODEL_NAMES`, which takes long to import.
Model = Literal["boltzmann", "drift_diffusion", "drift_diffusion_half_space", "boundary_layer"]


class Section(BaseModel):
    """Table whose keys and types are all known."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Angles(Section):
    """Polar angle from z and azimuth from x."""

    theta: float
    phi: float


class FilmSection(Section):
    """What concerns the film as a whole."""

    fermi_wavevector: float = Field(16.0, description="k_F in 1/nm")
    magnetization: list[float] | None = Field(None, description="direction of m, [x, y, z]")
    magnetization_angles_deg: Angles | None = Field(None, description="{ theta, phi } of m")
    field_direction_deg: float = Field(0.0, description="angle of the electric field from x")


class HeavyMetalSection(Section):
    """The layer below the interface."""

    name: str = Field("HM", description="label")
    thickness: float = Field(description="thickness in nm")
    mean_free_path: float | None = Field(None, description="kinetic lambda_mf in nm")
    spin_flip_length: float | None = Field(None, description="kinetic lambda_sf in nm")
    total_mean_free_path: float | None = Field(None, description="lambda in nm")
    resistivity: float | None = Field(None, description="Ohm m")
    spin_diffusion_length: float | None = Field(None, description="l_sf in nm")
    spin_hall_angle: float = Field(0.0, description="theta_SH")


class InterfaceSection(Section):
    """The interface at z = 0."""

    barrier: float = Field(description="u0, dimensionless")
    exchange: float = Field(description="u_ex, dimensionless")
    rashba: float = Field(description="u_R, dimensionless")


class FerromagnetSection(Section):
    """The layer above the interface."""

    name: str = Field("FM", description="label")
    thickness: float = Field(description="thickness in nm")
    mean_free_path_majority: float = Field(description="nm")
    mean_free_path_minority: float = Field(description="nm")
    spin_flip_length: float = Field(description="kinetic lambda_sf in nm, inf for none")
    precession_length: float = Field(description="v_F hbar / 2J in nm, inf for none")
    dephasing_length: float | None = Field(None, description="l_phi in nm")


class SurfacesSection(Section):
    """The outer faces."""

    left_specularity: float = Field(1.0, description="0 diffuse ... 1 specular")
    right_specularity: float = Field(1.0, description="0 diffuse ... 1 specular")


class MeshSection(Section):
    """The Fermi-surface mesh."""

    n_polar: int = Field(32, description="polar angles per hemisphere")
    n_azimuth: int = Field(16, description="azimuthal angles")
    polar_rule: str = Field("gauss", description="gauss or graded")
    file: str | None = Field(None, description="file with columns kx ky kz weight")


class SolverSection(Section):
    """How the Boltzmann equation is solved."""

    method: Literal["reduced", "dense"] = Field("reduced", description="reduced or dense")
    memory_gb: float | None = Field(None, gt=0.0, allow_inf_nan=False, description="limit in GB")


class DriftDiffusionSection(Section):
    """Which drift-diffusion model."""

    ferromagnet: Literal["dephased", "finite"] = Field("dephased", description="dephased or finite")


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

    models: list[Model] = Field(
        ["boltzmann"], min_length=1, description=f"one or more of {', '.join(get_args(Model))}"
    )
    source: Literal["all", "rashba", "spin_hall"] = Field(
        "all", description="all, rashba or spin_hall"
    )
    axes: dict[str, Any] = Field({}, description="values by parameter")
    zip: list[dict[str, Any]] = Field([], description="groups of parameters that vary together")


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


class RunConfig(Section):
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
