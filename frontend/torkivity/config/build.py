"""From a checked configuration to the engine's film and mesh."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torkivity.config.errors import ConfigError, literal, shorten
from torkivity.config.sections import FilmSection, HeavyMetalSection, RunConfig
from torkivity_engine.errors import InputError
from torkivity_engine.film.boundaries import Surface
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.stack import Bilayer
from torkivity_engine.machine.memory import require_memory
from torkivity_engine.spin import direction
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh, check_mesh_sizes, load_mesh

__all__ = ["ConfigSource", "build_film", "build_mesh", "check_figure", "check_mesh"]

#: A layer's operators on polar angles: some ten square matrices with a row for each angle,
#: spin and azimuthal moment.
_BYTES_PER_POLAR_PAIR = 10 * 8 * 4**2

#: Bytes that every machine has.
_SMALL = 1 << 27


@dataclass(frozen=True)
class ConfigSource:
    """Where a config came from, to name it in errors."""

    file: str

    def error(self, key: str, value: Any, expected: str) -> ConfigError:
        """The error of one key."""
        return ConfigError(self.file, f"{key} = {shorten(literal(value))}: {expected}")

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
    source = ConfigSource(file)
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
    mesh, source = config.mesh, ConfigSource(str(path))
    if mesh.file is None:
        with source.section("mesh"):
            return SphericalMesh(mesh.n_polar, mesh.n_azimuth, mesh.polar_rule)
    try:
        return load_mesh(path.parent / mesh.file)
    except InputError as error:
        about_file = error.key == "mesh file"
        what = error.expected if about_file else f"its {error}"
        raise source.error("mesh.file", mesh.file, what) from None


def _magnetization(film: FilmSection, source: ConfigSource) -> tuple[float, float, float]:
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
    section: HeavyMetalSection, fermi_wavevector: float, source: ConfigSource
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


def check_mesh(config: RunConfig, source: ConfigSource) -> None:
    """Refuse a mesh that is given twice, does not fit, or that the method cannot use."""
    mesh = config.mesh
    if mesh.file is None:
        with source.section("mesh"):
            size = check_mesh_sizes(mesh.n_polar, mesh.n_azimuth, mesh.polar_rule)
        size += _BYTES_PER_POLAR_PAIR * mesh.n_polar**2
        if size > _SMALL:
            require_memory(
                size,
                None,
                f"{source.file}: mesh.n_polar = {mesh.n_polar}, mesh.n_azimuth = {mesh.n_azimuth}",
            )
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


def check_figure(config: RunConfig, source: ConfigSource) -> None:
    """Refuse curves over thicknesses that do not increase."""
    previous = 0.0
    for index, value in enumerate(config.figure.heavy_metal_thickness):
        if not previous < value < math.inf:
            raise source.error(
                f"figure.heavy_metal_thickness[{index}]",
                value,
                "must be a positive length in nm, larger than the one before",
            )
        previous = value
