"""Collision terms of the layers of a film and what a field drives in them, kept for reuse."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.layer import Keyed, Layer
from torkivity_engine.kinetics.collision import CollisionTerms
from torkivity_engine.spin import CHARGE

__all__ = ["collision_terms", "driven_distribution", "keyed", "momentum_response"]


def collision_terms(layer: Layer) -> CollisionTerms:
    """Collision terms of a layer; a magnet must have its magnetization set.

    Parameters
    ----------
    layer : Layer

    Returns
    -------
    CollisionTerms
        In Cartesian spin components. Not to be written to.
    """
    return _terms(keyed(layer))


def driven_distribution(layer: Layer, moments: tuple[float, float] = (1.0, 1.0)) -> FloatArray:
    """Field-driven bulk distribution per e^2 E~, g_P(k) = sum_a k_a G_a (B2), (B3).

    Parameters
    ----------
    layer : Layer
    moments : (float, float), optional
        3 <k_x^2> and 3 <k_z^2> of the mesh that the layer is solved on; skew scattering there is
        as strong as they say.

    Returns
    -------
    ndarray, shape (3, 4, 2)
        G: axis a of k, component (x, y, z, charge), field along x and y; nm. Exact: the
        uniform solution of the Boltzmann equation, whose l = 1 harmonics are closed among
        themselves. Without skew scattering G_a is (0, 0, 0, lambda) in a heavy metal and
        (-g_l m, g_c) in a ferromagnet for a along the field, and zero otherwise.
    """
    return _driven(keyed(layer), moments)


def momentum_response(layer: Layer, moments: tuple[float, float] = (1.0, 1.0)) -> FloatArray:
    """Response of the l = 1 harmonics, which are closed among themselves, to what drives them.

    Parameters
    ----------
    layer : Layer
    moments : (float, float), optional
        As in `driven_distribution`.

    Returns
    -------
    ndarray, shape (3, 4, 3, 4)
        (axis of k, component) per (axis, component), nm: the inverse of K_out - K_in on
        distributions sum_a k_a G_a. Not to be written to.
    """
    return _momentum(keyed(layer), moments)


def keyed(layer: Layer) -> Keyed:
    """The layer with its magnetization, as the argument of a cached function."""
    return Keyed((layer.material_key(), layer.magnetization), layer)


@lru_cache(maxsize=256)
def _terms(of: Keyed) -> CollisionTerms:
    return of.layer.collision_terms()


@lru_cache(maxsize=256)
def _momentum(of: Keyed, moments: tuple[float, float]) -> FloatArray:
    response: FloatArray
    terms = _terms(of)
    if len(terms.k_in) == 1:  # isotropic: each axis on its own
        alone = np.linalg.inv(terms.k_out)
        response = np.einsum("ab,ij->aibj", np.eye(3), alone)
        response.flags.writeable = False
        return response
    in_plane, normal = moments
    k_in = terms.k_in[1:4, 1:4] * np.array([in_plane, in_plane, normal])[:, None, None]
    operator = np.einsum("ab,ij->aibj", np.eye(3), terms.k_out) - k_in.transpose(0, 2, 1, 3)
    response = np.linalg.inv(operator.reshape(12, 12)).reshape(3, 4, 3, 4)
    response.flags.writeable = False
    return response


@lru_cache(maxsize=256)
def _driven(of: Keyed, moments: tuple[float, float]) -> FloatArray:
    response = _momentum(of, moments)
    solution = np.stack([response[:, :, 0, CHARGE], response[:, :, 1, CHARGE]], axis=2)
    solution.flags.writeable = False
    return solution
