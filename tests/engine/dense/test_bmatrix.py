import tracemalloc

import numpy as np
import pytest

from torkivity_engine.dense.bmatrix import b_matrix, b_matrix_from_scattering, mesh_harmonics
from torkivity_engine.errors import InputError
from torkivity_engine.film.collisions import collision_terms
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.kinetics.collision import CollisionTerms
from torkivity_meshes import SphericalMesh, mesh_from_arrays

HEAVY_METAL = HeavyMetal(5.0, 3.0, 30.0)
FERROMAGNET = Ferromagnet(5.0, 8.0, 3.0, 100.0, 1.5, (0.3, -0.2, 1.0))


def reference(terms, mesh):
    """(C12) from its definition, K_in written out point by point."""
    k, w = mesh.directions, mesh.weights
    y = np.vstack([np.ones(len(k)), np.sqrt(3.0) * k.T])[: len(terms.k_in)]
    n = len(k)
    b = np.zeros((n, 4, n, 4))
    for i in range(n):
        for j in range(n):
            p = np.einsum("a,abst,b->st", y[:, i], terms.k_in, y[:, j]) / (4.0 * np.pi)
            b[i, :, j, :] = (terms.k_out * (i == j) - p * w[j]) / k[i, 2]
    return b.reshape(4 * n, 4 * n)


def random_terms(rng, count):
    return CollisionTerms(k_out=rng.normal(size=(4, 4)), k_in=rng.normal(size=(count, count, 4, 4)))


@pytest.mark.parametrize("layer", [HEAVY_METAL, FERROMAGNET])
def test_layers_match_the_definition(layer):
    mesh = SphericalMesh(3, 4)
    terms = collision_terms(layer)
    assert b_matrix(terms, mesh) == pytest.approx(reference(terms, mesh), rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("count", [1, 4])
def test_random_kernels_match_the_definition(count):
    rng = np.random.default_rng(1)
    mesh = SphericalMesh(2, 6)
    for _ in range(5):
        terms = random_terms(rng, count)
        assert b_matrix(terms, mesh) == pytest.approx(reference(terms, mesh), rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("per_direction", [False, True])
def test_any_scattering_matches_its_sum(per_direction):
    rng = np.random.default_rng(2)
    mesh = SphericalMesh(2, 4)
    n = mesh.n_directions
    k_out = rng.normal(size=(n, 4, 4) if per_direction else (4, 4))
    p_in = rng.normal(size=(n, n, 4, 4))
    g = rng.normal(size=(n, 4))
    gained = np.einsum("ijab,j,jb->ia", p_in, mesh.weights, g)
    lost = np.einsum("iab,ib->ia", np.broadcast_to(k_out, (n, 4, 4)), g)
    expected = (lost - gained) / mesh.velocities[:, 2:]
    b = b_matrix_from_scattering(k_out, p_in, mesh)
    assert (b @ g.ravel()).reshape(n, 4) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_point_by_point_form_of_a_harmonic_kernel_gives_the_same_matrix():
    rng = np.random.default_rng(3)
    mesh = SphericalMesh(2, 4)
    terms = random_terms(rng, 4)
    y = mesh_harmonics(mesh, 4)
    p_in = np.einsum("ai,abst,bj->ijst", y, terms.k_in, y) / (4.0 * np.pi)
    assert b_matrix_from_scattering(terms.k_out, p_in, mesh) == pytest.approx(
        b_matrix(terms, mesh), rel=1e-12, abs=1e-13
    )


def test_charge_is_conserved_on_a_mesh_of_inexact_moments():
    rng = np.random.default_rng(4)
    base = SphericalMesh(3, 6)
    w = base.weights * (1.0 + 1e-7 * rng.normal(size=base.n_directions))
    w = 0.5 * (w + w[base.mirror])
    mesh = mesh_from_arrays(base.directions, w)
    terms = collision_terms(FERROMAGNET)
    skew = np.zeros((4, 4, 4, 4))
    skew[0, 0] = terms.k_in[0, 0]
    skew[1:, 1:, :3, 3] = skew[1:, 1:, 3, :3] = 0.01
    for k_in in (terms.k_in, skew):
        b = b_matrix(CollisionTerms(terms.k_out, k_in), mesh)
        flux = mesh.weights * mesh.velocities[:, 2]
        uniform = np.tile([0.0, 0.0, 0.0, 1.0], mesh.n_directions)
        assert np.abs(flux @ b[3::4]).max() < 1e-15
        assert np.abs(b @ uniform).max() < 1e-13


def test_fills_the_given_array():
    mesh = SphericalMesh(2, 4)
    terms = collision_terms(FERROMAGNET)
    out = np.full((mesh.n_unknowns, mesh.n_unknowns), np.nan)
    assert b_matrix(terms, mesh, out) is out
    assert np.array_equal(out, b_matrix(terms, mesh))


def test_wrong_shapes_are_refused_by_name():
    mesh = SphericalMesh(2, 4)
    n = mesh.n_directions
    terms = collision_terms(HEAVY_METAL)
    with pytest.raises(InputError, match="out"):
        b_matrix(terms, mesh, np.empty((3, 3)))
    with pytest.raises(InputError, match="out"):
        b_matrix(terms, mesh, np.empty((4 * n, 4 * n), order="F"))
    with pytest.raises(InputError, match="k_out"):
        b_matrix(CollisionTerms(np.eye(3), terms.k_in), mesh)
    with pytest.raises(InputError, match="k_in"):
        b_matrix(CollisionTerms(terms.k_out, np.zeros((2, 2, 4, 4))), mesh)
    with pytest.raises(InputError, match="p_in"):
        b_matrix_from_scattering(np.eye(4), np.zeros((n, n, 4)), mesh)
    with pytest.raises(InputError, match=r"p_in.*finite"):
        b_matrix_from_scattering(np.eye(4), np.full((n, n, 4, 4), np.nan), mesh)
    with pytest.raises(InputError, match="k_out"):
        b_matrix_from_scattering(np.zeros((n - 1, 4, 4)), np.zeros((n, n, 4, 4)), mesh)


def test_filling_a_given_array_takes_no_other():
    """Speed is for scripts/benchmark; that nothing of the matrix's size is made besides is not."""
    mesh = SphericalMesh(8, 16)
    terms = collision_terms(FERROMAGNET)
    out = np.empty((mesh.n_unknowns, mesh.n_unknowns))
    b_matrix(terms, mesh, out)
    tracemalloc.start()
    try:
        b_matrix(terms, mesh, out)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.1 * out.nbytes
