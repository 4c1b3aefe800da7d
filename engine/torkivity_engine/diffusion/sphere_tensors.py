"""Tensors and conductances of interfaces between layers with Fermi spheres of their own."""

from __future__ import annotations

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.interface import Interface
from torkivity_engine.film.spheres import pair_film, polar_rule_of
from torkivity_engine.film.stack import Stack
from torkivity_engine.reduced.spheres import solve_reduced_spheres
from torkivity_meshes import FermiSurfaceMesh

__all__ = ["sphere_conductances", "sphere_driven_sums", "sphere_half_space_sums"]


def sphere_driven_sums(stack: Stack, index: int, mesh: FermiSurfaceMesh) -> FloatArray:
    """Integrals of `torkivity_engine.diffusion.tensors.tensor_integrals`, bulk drive.

    Parameters
    ----------
    stack : Stack
    index : int
        Which interface.
    mesh : FermiSurfaceMesh
        Its polar rule is used in every annulus between the spheres.

    Returns
    -------
    ndarray, shape (11, 2)
        j(0-) (4 rows), j(0+) (4 rows), s (3 rows); columns E_x and E_y; nm.
    """
    film = pair_film(stack, index, polar_rule_of(mesh))
    below, above = (layer.driven_amplitude() for layer in film.layers)
    return film.junctions[0].driven_sums(below, above)


def sphere_half_space_sums(stack: Stack, index: int, mesh: FermiSurfaceMesh) -> FloatArray:
    """The same for the exact response of two half spaces."""
    states = solve_reduced_spheres(pair_film(stack, index, polar_rule_of(mesh)))
    return np.concatenate([states.current_minus[0], states.current_plus[0], states.density[0]])


def sphere_conductances(
    stack: Stack, index: int, interface: Interface, mesh: FermiSurfaceMesh
) -> tuple[FloatArray, FloatArray]:
    """Currents and spin density for isotropic Cartesian accumulations.

    Parameters
    ----------
    stack : Stack
    index : int
        Which interface.
    interface : Interface
        Put in its place.
    mesh : FermiSurfaceMesh

    Returns
    -------
    below, above : ndarray, shape (11, 4)
        Rows as in `sphere_driven_sums`, per (x, y, z, charge) on each side, without C.
    """
    film = pair_film(stack, index, polar_rule_of(mesh), interface)
    response = film.junctions[0].response()
    below, above = (layer.occupations() for layer in film.layers)
    return response[:, :4] @ below, response[:, 4:] @ above
