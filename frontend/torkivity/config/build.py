"""From a checked configuration to the mesh, and what may not go together."""

from __future__ import annotations

import math
from pathlib import Path

from torkivity.config.errors import ConfigError, Problems
from torkivity.config.sections import FigureSection, MeshSection, Settings
from torkivity_engine.errors import InputError
from torkivity_engine.machine.memory import require_memory
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh, check_mesh_sizes, load_mesh

__all__ = ["build_mesh", "check_figure", "check_settings"]


#: A layer's operators on polar angles: some ten square matrices with a row for each angle,
#: spin and azimuthal moment.
_BYTES_PER_POLAR_PAIR = 10 * 8 * 4**2

#: Bytes that every machine has.
_SMALL = 1 << 27


def build_mesh(section: MeshSection, path: Path) -> FermiSurfaceMesh:
    """Mesh of a configuration.

    Parameters
    ----------
    section : MeshSection
    path : Path
        The configuration file: a mesh file is looked for beside it.

    Returns
    -------
    FermiSurfaceMesh

    Raises
    ------
    ConfigError
    """
    problems = Problems(str(path))
    if section.rtol is not None:
        problems.add(
            "mesh.rtol", "chooses a mesh for each film: there is none for all", section.rtol
        )
        problems.raise_any()
    try:
        if section.file is None:
            return SphericalMesh(section.n_polar, section.n_azimuth, section.polar_rule)
        return load_mesh(path.parent / section.file)
    except InputError as error:
        if section.file is None:
            problems.add(f"mesh.{error.key}", error.expected, error.value)
        else:
            about_file = error.key == "mesh file"
            what = error.expected if about_file else f"its {error}"
            problems.add("mesh.file", what, section.file)
    problems.raise_any()
    raise ConfigError(str(path), "mesh")  # never reached: there was a problem


def check_settings(settings: Settings, problems: Problems) -> None:
    """Note a mesh that is given in two ways, or that the method cannot use."""
    mesh = settings.mesh
    if mesh.rtol is not None:
        others = [*mesh.sizes_given, *(["file"] if mesh.file is not None else [])]
        if others:
            problems.add(
                "mesh", f"give rtol, which chooses the mesh, or {', '.join(others)}, not both"
            )
        return
    if mesh.file is None:
        try:
            size = check_mesh_sizes(mesh.n_polar, mesh.n_azimuth, mesh.polar_rule)
        except InputError as error:
            problems.add(f"mesh.{error.key}", error.expected, error.value)
            return
        size += _BYTES_PER_POLAR_PAIR * mesh.n_polar**2
        if size > _SMALL:
            what = f"mesh.n_polar = {mesh.n_polar}, mesh.n_azimuth = {mesh.n_azimuth}"
            require_memory(size, None, f"{problems.file}: {what}")
        return
    sizes = mesh.sizes_given
    if sizes:
        problems.add("mesh", f"give file or {', '.join(sizes)}, not both")
    elif settings.solver.method != "dense":
        problems.add(
            "solver.method",
            'must be "dense" with mesh.file: the reduced method needs azimuthal rings',
            settings.solver.method,
        )


def check_figure(figure: FigureSection, problems: Problems) -> None:
    """Note thicknesses of curves that do not increase."""
    previous = 0.0
    for index, value in enumerate(figure.heavy_metal_thickness):
        if not previous < value < math.inf:
            problems.add(
                f"figure.heavy_metal_thickness[{index}]",
                "must be a positive length in nm, larger than the one before",
                value,
            )
            return
        previous = value
