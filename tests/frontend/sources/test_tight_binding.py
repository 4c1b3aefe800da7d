"""Tight binding: exact identities, and the continuum it tends to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from torkivity.sources.tight_binding import Crystal, Plane, brillouin_zone, tight_binding_table
from torkivity_engine.constants import ELECTRON_MASS, ELEMENTARY_CHARGE, HBAR
from torkivity_engine.dense.tables import solve_tables
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.diffusion.tensors import interface_tensors
from torkivity_engine.errors import InputError
from torkivity_engine.film.boundaries import Surface
from torkivity_engine.film.free_electron_table import free_electron_table
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.split_ferromagnet import SplitFerromagnet
from torkivity_engine.film.stack import Stack
from torkivity_engine.film.table_film import table_film
from torkivity_engine.film.tabulated_interface import TabulatedInterface
from torkivity_engine.kinetics.amplitudes import AmplitudeTable, check_time_reversal
from torkivity_engine.kinetics.table_response import TableResponse
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

M = (0.48, 0.6, 0.64)
A = 0.3
SCALE = HBAR**2 / (2.0 * ELECTRON_MASS) / ELEMENTARY_CHARGE * 1e18  # hbar^2 / 2m in eV nm^2


def hermitian(rng: np.random.Generator, n: int, size: float) -> np.ndarray:
    h = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    return size * (h + h.conj().T)


def symmetric(rng: np.random.Generator, n: int, size: float) -> np.ndarray:
    h = rng.normal(size=(n, n))
    return size * (h + h.T)


def random_model(
    n: int, seed: int, *, rashba: bool, real: bool = False, m: tuple[float, ...] = M
) -> AmplitudeTable:
    rng = np.random.default_rng(seed)
    hop = -np.stack([np.eye(n) + symmetric(rng, n, 0.1) for _ in range(3)])
    onsite = symmetric(rng, n, 0.2) + 0.8 * np.eye(n)
    part = symmetric if real else hermitian
    planes = [
        Plane(
            onsite + part(rng, n, 0.3),
            hop[:2],
            part(rng, n, 0.2),
            part(rng, n, 0.2) if rashba else None,
        )
        for _ in range(2)
    ]
    bonds = [hop[2] + part(rng, n, 0.1) for _ in range(3)]
    return tight_binding_table(
        brillouin_zone(A, 6),
        A,
        Crystal(onsite, hop),
        Crystal(onsite + symmetric(rng, n, 0.1), 1.1 * hop, symmetric(rng, n, 0.15)),
        planes,
        bonds=bonds,
        magnetization=m,
    )


def defect(table: AmplitudeTable) -> float:
    s = table.amplitudes
    product = s.conj().transpose(0, 2, 1) @ s
    return float(np.abs(product - table.present("incoming")[:, None] * np.eye(s.shape[2])).max())


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("rashba", [False, True])
def test_unitarity_and_the_torque_identity(n: int, rashba: bool) -> None:
    table = random_model(n, n, rashba=rashba)
    counts = table.present("incoming").sum(axis=1)
    assert len(set(counts)) > 1  # the number of modes changes over the zone
    assert defect(table) < 1e-12
    lost = table.current_below - table.current_above
    scale = np.abs(table.torque_matrices).max()
    miss = np.abs(lost - table.torque_matrices).max() / scale
    assert scale > 1e-2
    # Spin-orbit coupling gives spin to the lattice.
    assert miss > 1e-3 if rashba else miss < 1e-11


@pytest.mark.parametrize("n", [1, 2, 3])
def test_currents_are_those_of_the_occupations(n: int) -> None:
    """Flux does not mix modes of one crystal, so coherent currents repeat what occupations say.

    Below all of it, above the part along m.
    """
    table = random_model(n, 10 + n, rashba=True)
    response, m = TableResponse(table, 1.0), np.array(M)
    bare = TableResponse(replace(table, current_below=None), 1.0)
    below = bare._expected(table.current_below)
    np.testing.assert_allclose(below, bare.probes()[:, :3], atol=1e-10)
    assert np.abs(below).max() > 0.1
    leaving = response.maps("outgoing")[1].to_cartesian
    arriving = response.maps("incoming")[1].to_cartesian
    net = leaving @ response.scattering[:, -leaving.shape[2] :]
    net[:, :, -arriving.shape[2] :] -= arriving
    coherent = response.probes()[:, 4:7]
    np.testing.assert_allclose(
        np.einsum("a,nas->ns", m, coherent), np.einsum("a,nas->ns", m, net[:, :3]), atol=1e-10
    )


def test_time_reversal() -> None:
    back = tuple(-x for x in M)
    for n in (1, 2):
        a, b = (random_model(n, 3, rashba=True, real=True, m=m) for m in (M, back))
        assert check_time_reversal(a, b) < 1e-10


def continuum(k_0: float = 4.0) -> tuple[Stack, AmplitudeTable]:
    film = Stack(
        (
            HeavyMetal(5.0, 2.2, 30.0),
            SplitFerromagnet(3.0, 4.6, 3.4, 6.0, 2.0, magnetization=M),
        ),
        (RashbaInterface(0.4, 0.25, 0.3, M),),
        fermi_wavevector=k_0,
    )
    rings = SphericalMesh(2, 4).rings
    assert rings is not None
    return film, free_electron_table(film, 0, rings)


def on_lattice(film: Stack, points: tuple[np.ndarray, np.ndarray], a: float) -> AmplitudeTable:
    """The same bands and potential on a cubic lattice; the plane shares its potential step."""
    t, k_0 = SCALE / a**2, film.fermi_wavevector
    hop, bulk = [-t] * 3, 6.0 * t - SCALE * k_0**2
    magnet = film.layers[1]
    mean = 0.5 * (magnet.fermi_wavevector_majority**2 + magnet.fermi_wavevector_minority**2)
    half = 0.5 * (magnet.fermi_wavevector_majority**2 - magnet.fermi_wavevector_minority**2)
    above, split = 6.0 * t - SCALE * mean, SCALE * half
    unit = 2.0 * SCALE * k_0 / a  # of u0, as a potential of one plane
    barrier = film.interfaces[0]
    plane = Plane(
        0.5 * (bulk + above) + unit * barrier.barrier,
        hop[:2],
        0.5 * split + unit * barrier.exchange,
        unit * barrier.rashba / (k_0 * a),
    )
    return tight_binding_table(
        points, a, Crystal(bulk, hop), Crystal(above, hop, split), [plane], magnetization=M
    )


def test_long_waves_are_free_electrons_at_second_order() -> None:
    film, exact = continuum()
    reference = TableResponse(exact, 4.0)
    errors = []
    for a in (0.02, 0.01, 0.005):
        table = on_lattice(film, (exact.k_parallel, exact.weights), a)
        found = TableResponse(table, 4.0)
        difference = found.scattering - reference.scattering
        currents = found.probes() - reference.probes()
        errors.append([np.abs(difference).max(), np.abs(currents[:, 3]).max()])
    orders = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    assert np.all(np.abs(orders - 2.0) < 0.1), orders
    assert errors[-1][0] < 1e-2


def test_boltzmann_film() -> None:
    """Charge and spin balance on a lattice's own modes, several at a point."""
    table = random_model(2, 5, rashba=True)
    film = Stack(
        (
            HeavyMetal(3.0, 2.0, 20.0, fermi_wavevector=10.0),
            SplitFerromagnet(2.0, 10.0, 8.0, 5.0, 2.0, 40.0, magnetization=M),
        ),
        (TabulatedInterface.of(table),),
        Surface(0.0),
        Surface(0.0),
        fermi_wavevector=10.0,
    )
    found = solve_boltzmann(film, method="dense")
    assert found.certificates["charge_defect"] < 1e-10
    assert found.certificates["spin_balance"] < 1e-10
    assert np.abs(found.torque_total).max() > 0.0
    assert np.isfinite(interface_tensors(film).torkivity_interface).all()
    assert np.isfinite(solve_drift_diffusion(film).torque_total).all()


def test_bad_models() -> None:
    points, hop = brillouin_zone(A, 2), [-1.0] * 3
    crystal, plane = Crystal(0.3, hop), Plane(0.3, hop[:2])
    with pytest.raises(InputError, match="must be at least one"):
        tight_binding_table(points, A, crystal, crystal, [])
    with pytest.raises(InputError, match="must be given with exchange"):
        tight_binding_table(points, A, crystal, crystal, [plane._replace(exchange=0.1)])
    with pytest.raises(InputError, match="must have shape"):
        tight_binding_table(points, A, crystal, Crystal(np.eye(2), hop), [plane])
    with pytest.raises(InputError, match="must have an inverse"):
        tight_binding_table(points, A, crystal, Crystal(0.3, [-1.0, -1.0, 0.0]), [plane])
    with pytest.raises(InputError, match="must be Hermitian"):
        tight_binding_table(points, A, crystal, crystal, [plane._replace(onsite=1j)])
    with pytest.raises(InputError, match="one more than planes"):
        tight_binding_table(points, A, crystal, crystal, [plane], bonds=[-1.0])
    with pytest.raises(InputError, match="must be even"):
        brillouin_zone(A, 3)


def _sheet_conductance(m: tuple[float, ...]) -> np.ndarray:
    """In-plane charge current through the whole film by field direction, from its profile."""
    table = random_model(2, 5, rashba=True, real=True, m=m)
    stack = Stack(
        (
            HeavyMetal(1.5, 2.0, 20.0, fermi_wavevector=10.0),
            SplitFerromagnet(1.0, 10.0, 8.0, 5.0, 2.0, 40.0, magnetization=m),
        ),
        (TabulatedInterface.of(table),),
        Surface(0.0),
        Surface(0.0),
        fermi_wavevector=10.0,
    )
    states = solve_tables(table_film(stack))
    total = np.zeros((2, 2))
    x, w = np.polynomial.legendre.leggauss(24)
    for layer, part in enumerate(stack.layers):
        # Graded towards both faces, where slow electrons die within a fraction of a plane.
        edges = np.concatenate([[0.0], np.geomspace(1e-5, 0.5, 12)]) * part.thickness
        edges = np.concatenate([edges, part.thickness - edges[-2::-1]])
        half, mid = 0.5 * np.diff(edges), 0.5 * (edges[1:] + edges[:-1])
        z = (mid[:, None] + half[:, None] * x).ravel()
        weights = (half[:, None] * w).ravel()
        current = states.moments(layer, z).in_plane[:, 3, :, :2]
        total += np.einsum("z,zif->if", weights, current)
    return total


def test_onsager_relation_of_the_sheet_conductance() -> None:
    here, there = _sheet_conductance(M), _sheet_conductance(tuple(-x for x in M))
    scale = np.abs(here).max()
    np.testing.assert_allclose(there, here.T, atol=1e-9 * scale)
    # The relation says something: each film alone is not symmetric.
    assert abs(here[0, 1] - here[1, 0]) > 1e-5 * scale
