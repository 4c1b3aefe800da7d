"""Quadrature meshes on the Fermi surface."""

from torkivity_meshes.annuli import AnnularGrid, annular_grid
from torkivity_meshes.errors import InputError
from torkivity_meshes.fermi_surface import (
    AzimuthalRings,
    FermiSurfaceMesh,
    SphericalMesh,
    check_mesh_sizes,
    load_mesh,
    mesh_from_arrays,
    mesh_of_rings,
)
from torkivity_meshes.rules import DEFAULT_POLAR_RULE, POLAR_RULES, polar_rule

__all__ = [
    "DEFAULT_POLAR_RULE",
    "POLAR_RULES",
    "AnnularGrid",
    "AzimuthalRings",
    "FermiSurfaceMesh",
    "InputError",
    "SphericalMesh",
    "annular_grid",
    "check_mesh_sizes",
    "load_mesh",
    "mesh_from_arrays",
    "mesh_of_rings",
    "polar_rule",
]
