"""Interface amplitudes and tensors against 2x2 algebra, exact identities and mpmath."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from draws import random_interface
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.scattering import scattering_amplitudes, scattering_matrices

DRAWS = 200
SIGMA = np.array(
    [[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]], [[1, 0], [0, 1]]], dtype=complex
)


def directions(rng: np.random.Generator, n: int) -> np.ndarray:
    k = rng.normal(size=(n, 3))
    return np.asarray(k / np.linalg.norm(k, axis=1)[:, None])


def tensor_of(amplitude: np.ndarray) -> np.ndarray:
    """tr[x^+ sigma_a x sigma_b] / 2 by brute force."""
    return np.asarray(
        0.5
        * np.einsum(
            "nji,ajk,nkl,bli->nab", amplitude.conj(), SIGMA, amplitude, SIGMA, optimize=True
        ).real
    )


def potential(interface: RashbaInterface, k: np.ndarray) -> np.ndarray:
    m = np.array(interface.magnetization)
    b = interface.exchange * m + interface.rashba * np.stack(
        [k[:, 1], -k[:, 0], np.zeros(len(k))], axis=1
    )
    return np.asarray(interface.barrier * np.eye(2) + np.einsum("ni,ijk->njk", b, SIGMA[:3]))


@pytest.mark.parametrize("seed", range(DRAWS))
def test_amplitudes_tensors_unitarity_and_time_reversal(seed: int) -> None:
    rng = np.random.default_rng(seed)
    interface = random_interface(rng)
    k = directions(rng, 40)
    r, t = scattering_amplitudes(interface, interface.magnetization, k)

    u = potential(interface, k) / np.abs(k[:, 2])[:, None, None]
    direct = np.linalg.inv(np.eye(2) + 1j * u)
    scale = np.linalg.cond(np.eye(2) + 1j * u).max()
    np.testing.assert_allclose(t, direct, atol=1e-15 * scale)

    unity = r.conj().transpose(0, 2, 1) @ r + t.conj().transpose(0, 2, 1) @ t
    np.testing.assert_allclose(unity, np.broadcast_to(np.eye(2), unity.shape), atol=1e-12)

    reflection, transmission = scattering_matrices(interface, interface.magnetization, k)
    np.testing.assert_allclose(reflection, tensor_of(r), atol=1e-12)
    np.testing.assert_allclose(transmission, tensor_of(t), atol=1e-12)
    np.testing.assert_allclose(reflection[:, 3, 3] + transmission[:, 3, 3], 1.0, atol=1e-12)
    np.testing.assert_allclose(reflection[:, 3, :3] + transmission[:, 3, :3], 0.0, atol=1e-12)

    # t(k, m) = sigma_y t(-k, -m)^T sigma_y
    reversed_m = tuple(-x for x in interface.magnetization or ())
    _, partner = scattering_amplitudes(interface, reversed_m, k * [-1, -1, 1])
    flipped = SIGMA[1] @ partner.transpose(0, 2, 1) @ SIGMA[1]
    np.testing.assert_allclose(t, flipped, atol=1e-12)


@pytest.mark.parametrize("seed", range(DRAWS))
def test_covariance_under_rotation_about_the_normal(seed: int) -> None:
    rng = np.random.default_rng(1000 + seed)
    interface = random_interface(rng)
    k = directions(rng, 10)
    angle = rng.uniform(0, 2 * np.pi)
    o = np.eye(4)
    o[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    m = np.array(interface.magnetization)
    for original, rotated in zip(
        scattering_matrices(interface, m, k),
        scattering_matrices(interface, o[:3, :3] @ m, k @ o[:3, :3].T),
        strict=True,
    ):
        np.testing.assert_allclose(rotated, o @ original @ o.T, atol=1e-12)


def exact_tensors(u0, ux, ur, m, k):  # type: ignore[no-untyped-def]
    """R and T at one direction in 60-digit arithmetic, from the eigenvalues of U."""
    with mpmath.workdps(60):
        mu = mpmath.mpf(abs(float(k[2])))
        b = [
            mpmath.mpf(ux) * mpmath.mpf(float(m[0])) + mpmath.mpf(ur) * mpmath.mpf(float(k[1])),
            mpmath.mpf(ux) * mpmath.mpf(float(m[1])) - mpmath.mpf(ur) * mpmath.mpf(float(k[0])),
            mpmath.mpf(ux) * mpmath.mpf(float(m[2])),
        ]
        sigma = [mpmath.matrix(s.tolist()) for s in SIGMA]
        u = mpmath.mpf(u0) * sigma[3]
        for component, s in zip(b, sigma, strict=False):
            u = u + component * s
        t = (sigma[3] + mpmath.mpc(0, 1) * u / mu) ** -1
        r = t - sigma[3]
        out = []
        for x in (r, t):
            dagger = x.transpose_conj()
            out.append(
                [
                    [
                        mpmath.re(sum((dagger * a * x * c)[i, i] for i in range(2))) / 2
                        for c in sigma
                    ]
                    for a in sigma
                ]
            )
        return [np.array([[float(v) for v in row] for row in tensor]) for tensor in out]


@pytest.mark.parametrize(
    ("u0", "ux", "ur"),
    [
        (0.3, 0.3, 0.0),  # u0^2 = |b|^2: one channel stays open at mu -> 0
        (-0.3, 0.3, 0.0),
        (0.3, 0.3 + 1e-13, 0.0),
        (0.4, 0.0, 0.0),  # |b| = 0
        (0.4, 1e-170, 0.0),
        (0.0, 0.0, 0.0),
        (0.0, 1e-9, 0.0),
        (1e6, 1e6, 0.0),  # the largest that there are
        (1e6, -3e5, 7e5),
        (1e-60, 2e-60, -1e-60),
        (0.2, -0.7, 0.9),
    ],
)
@pytest.mark.parametrize("mu", [1e-12, 1e-7, 1e-3, 0.5, 1.0])
def test_no_digits_lost_at_the_edges(u0: float, ux: float, ur: float, mu: float) -> None:
    sine = np.sqrt((1 - mu) * (1 + mu))
    k = np.array([[sine * 0.6, sine * 0.8, mu]])
    m = np.array([0.0, 0.0, 1.0])
    computed = scattering_matrices(RashbaInterface(u0, ux, ur), m, k)
    for ours, exact in zip(computed, exact_tensors(u0, ux, ur, m, k[0]), strict=True):
        assert np.all(np.isfinite(ours))
        np.testing.assert_allclose(ours[0], exact, atol=4e-15)
        # Diagonal transmission probabilities keep relative digits however small they are.
    transmission, exact_t = computed[1][0], exact_tensors(u0, ux, ur, m, k[0])[1]
    assert transmission[3, 3] == pytest.approx(exact_t[3, 3], rel=1e-13, abs=1e-300)


def test_transparent_interface_is_exactly_transparent() -> None:
    k = directions(np.random.default_rng(0), 10)
    r, t = scattering_matrices(RashbaInterface(0.0, 0.0, 0.0), (0.0, 0.0, 1.0), k)
    np.testing.assert_array_equal(r, np.zeros_like(r))
    np.testing.assert_allclose(t, np.broadcast_to(np.eye(4), t.shape), rtol=1e-15)
