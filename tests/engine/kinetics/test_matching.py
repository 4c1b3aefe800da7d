"""Interfaces between unequal Fermi spheres: wave matching and exact identities at each k_parallel.

Draws have any radii and masses, bands without states, evanescent bands, magnetizations of both
sides and of the interface that are not collinear, and potentials of both signs.
"""

from __future__ import annotations

import numpy as np
import pytest

from torkivity_engine.kinetics.matching import Matched, Side, match
from torkivity_engine.kinetics.scattering import fill_matrices

DRAWS = 250
PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]], [[1, 0], [0, 1]]])


class Draw:
    """One interface at one k_parallel."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.k = rng.uniform(-1.0, 1.0, size=2)
        self.split = rng.random(2) < 0.6
        self.axes = np.array([_unit(rng), _unit(rng)])
        self.velocity = np.empty((2, 2), dtype=np.complex128)
        for side in range(2):
            for spin in range(2):
                squared = rng.uniform(0.1, 4.0) ** 2 * rng.choice([1.0, -1.0], p=[0.8, 0.2])
                nu = np.sqrt(complex(squared - self.k @ self.k)) / rng.uniform(0.3, 3.0)
                self.velocity[side, spin] = nu
            if not self.split[side]:
                self.velocity[side, 1] = self.velocity[side, 0]
        self.u0, self.u_ex = rng.normal(size=2) * 10.0 ** rng.uniform(-1, 1, size=2)
        self.m = _unit(rng)
        self.spin_orbit = rng.normal(size=(3, 2)) * 10.0 ** rng.uniform(-1, 1)

    @property
    def field(self) -> np.ndarray:
        """Spin-orbit part w of b = u_ex m + w."""
        return self.spin_orbit @ self.k

    def sides(self) -> list[Side]:
        return [
            Side(self.velocity[side][None], self.axes[side], bool(self.split[side]))
            for side in range(2)
        ]

    def match(self) -> Matched:
        raw = [self.u0, self.u_ex, *(self.u_ex * self.m), *self.spin_orbit.ravel(), 1.0]
        parameters = np.array(raw) / np.abs(raw).max()
        made = match(self.k[None], *self.sides(), parameters)
        return Matched(*(array[0] for array in made))

    def propagating(self) -> np.ndarray:
        slots = np.zeros(8, dtype=bool)
        for side in range(2):
            open_ = self.velocity[side].imag == 0.0
            slots[4 * side : 4 * side + 4] = (
                [*open_, False, False] if self.split[side] else [open_[0]] * 4
            )
        return slots

    def cartesian(self, side: int) -> np.ndarray:
        """From the slots of a side to the coefficients (x, y, z, charge)."""
        if not self.split[side]:
            return np.eye(4)
        matrix = np.zeros((4, 4))
        matrix[:3, 0], matrix[:3, 1] = -0.5 * self.axes[side], 0.5 * self.axes[side]
        matrix[3, :2] = 0.5
        return matrix


def _unit(rng: np.random.Generator) -> np.ndarray:
    v = rng.normal(size=3)
    return np.asarray(v / np.linalg.norm(v))


def _sigma(v: np.ndarray) -> np.ndarray:
    return np.asarray(np.einsum("i,ijk->jk", v, PAULI[:3]))


def _flow(draw: Draw, made: Matched, side: int) -> np.ndarray:
    """Flow along +z of (x, y, z, charge) on one side, per arriving slot, from occupations."""
    rows = slice(4 * side, 4 * side + 4)
    arriving = np.eye(8)[rows] * draw.propagating()
    flow = draw.cartesian(side) @ (arriving - made.scattering[rows])
    return flow if side == 0 else -flow


def _waves(draw: Draw) -> tuple[np.ndarray, ...]:
    """r and t of both sides from continuity of the wave and the jump of its slope."""
    n = []
    for side in range(2):
        projectors = [0.5 * (np.eye(2) - s * _sigma(draw.axes[side])) for s in (1, -1)]
        n.append(draw.velocity[side, 0] * projectors[0] + draw.velocity[side, 1] * projectors[1])
    u = draw.u0 * np.eye(2) + _sigma(draw.u_ex * draw.m + draw.field)
    one, result = np.eye(2), []
    for own, other in ((n[0], n[1]), (n[1], n[0])):
        # 1 + r = t,  i N_own (1 - r) - i N_other t = -2 U t   (times -1 from above: the same)
        system = np.block([[one, -one], [own, other + 2j * u]])
        both = np.linalg.solve(system, np.vstack([-one, own]))
        result += [both[:2], both[2:]]
    return (*n, *result)


def _reference(draw: Draw) -> tuple[np.ndarray, np.ndarray]:
    """Scattering and density with full matrices, term by term as the tensors are defined."""
    *_, r_l, t_rl, r_r, t_lr = _waves(draw)
    scattering, density = np.zeros((8, 8)), np.zeros((3, 8))
    for column in np.flatnonzero(draw.propagating()):
        side, slot = divmod(int(column), 4)
        if draw.split[side]:
            x, nu = 0.5 * (np.eye(2) + (-1) ** (slot + 1) * _sigma(draw.axes[side])), slot
        else:
            x, nu = PAULI[slot], 0
        incoming = draw.velocity[side, nu].real
        r, t = (r_l, t_rl) if side == 0 else (r_r, t_lr)
        for row in np.flatnonzero(draw.propagating()):
            to, out = divmod(int(row), 4)
            wave = r if to == side else t
            carried = wave @ x @ wave.conj().T
            if draw.split[to]:
                p = 0.5 * (np.eye(2) + (-1) ** (out + 1) * _sigma(draw.axes[to]))
                value = np.trace(p @ carried) * draw.velocity[to, out].real
            else:
                value = 0.5 * np.trace(PAULI[out] @ carried) * draw.velocity[to, 0].real
            scattering[row, column] = value.real / incoming
        carried = t @ x @ t.conj().T
        density[:, column] = [0.5 * np.trace(s @ carried).real / incoming for s in PAULI[:3]]
    return scattering, density


@pytest.fixture(scope="module")
def draws() -> list[tuple[Draw, Matched]]:
    made = [Draw(seed) for seed in range(DRAWS)]
    return [(draw, draw.match()) for draw in made]


def _close(value: np.ndarray, exact: np.ndarray, tolerance: float = 1e-12) -> None:
    scale = max(1.0, float(np.abs(exact).max()))
    np.testing.assert_allclose(value / scale, exact / scale, atol=tolerance)


def test_wave_matching(draws: list[tuple[Draw, Matched]]) -> None:
    for draw, made in draws:
        scattering, density = _reference(draw)
        _close(made.scattering, scattering)
        _close(made.density, density)


def test_flux_and_charge(draws: list[tuple[Draw, Matched]]) -> None:
    for draw, made in draws:
        charge = np.concatenate([draw.cartesian(side)[3] for side in range(2)])
        _close(charge @ made.scattering, charge * draw.propagating())
        _close(_flow(draw, made, 0)[3], _flow(draw, made, 1)[3])


def test_spin_current_is_lost_to_the_two_torques(draws: list[tuple[Draw, Matched]]) -> None:
    """j(0-) - j(0+) = 2 s x (u_ex m + w), whatever arrives."""
    for draw, made in draws:
        torque = 2.0 * np.cross(made.density, draw.u_ex * draw.m + draw.field, axisa=0, axisc=0)
        scale = 1.0 + np.abs(made.current).max() + np.abs(torque).max()
        _close((made.current[0] - made.current[1]) / scale, torque / scale)


def test_coherent_spin_current_against_occupations(draws: list[tuple[Draw, Matched]]) -> None:
    """Equal to it with one sphere; its longitudinal part where spins have their own."""
    for draw, made in draws:
        for side in range(2):
            coherent, flow = made.current[side], _flow(draw, made, side)[:3]
            if draw.split[side]:
                _close(draw.axes[side] @ coherent, draw.axes[side] @ flow)
            else:
                _close(coherent, flow)


def test_time_reversal(draws: list[tuple[Draw, Matched]]) -> None:
    for draw, made in draws:
        turned = Draw.__new__(Draw)
        turned.__dict__.update(vars(draw))
        turned.k, turned.m, turned.axes = -draw.k, -draw.m, -draw.axes
        sign, norm = np.ones(8), np.ones(8)
        for side in range(2):
            if draw.split[side]:
                norm[4 * side : 4 * side + 4] = 0.5
            else:
                sign[4 * side : 4 * side + 3] = -1.0
        reversed_ = (sign * (norm[:, None] * turned.match().scattering * sign[:, None])).T
        _close(norm[:, None] * made.scattering, reversed_)


def test_rotation_about_the_normal(draws: list[tuple[Draw, Matched]]) -> None:
    angle = 0.7
    o = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    for draw, made in draws:
        turned = Draw.__new__(Draw)
        turned.__dict__.update(vars(draw))
        turned.k, turned.m, turned.axes = o[:2, :2] @ draw.k, o @ draw.m, draw.axes @ o.T
        turned.spin_orbit = o @ draw.spin_orbit @ o[:2, :2].T
        slots = np.eye(8)
        for side in range(2):
            if not draw.split[side]:
                slots[4 * side : 4 * side + 3, 4 * side : 4 * side + 3] = o
        other = turned.match()
        _close(other.scattering, slots @ made.scattering @ slots.T)
        _close(other.density, o @ made.density @ slots.T)


def test_draws_are_what_they_are_said_to_be(draws: list[tuple[Draw, Matched]]) -> None:
    slots = [draw.propagating() for draw, _ in draws]
    assert any(draw.split.all() for draw, _ in draws)
    assert any(not draw.split.any() for draw, _ in draws)
    evanescent = [draw.velocity.imag.any(axis=1) for draw, _ in draws]
    assert sum(e.any() for e in evanescent) > 50
    assert any(s.any() and e.all() for s, e in zip(slots, evanescent, strict=True))
    assert all((d.m @ d.axes[0]) ** 2 < 0.9999 for d, _ in draws)


def test_equal_spheres_are_the_closed_form() -> None:
    for seed in range(DRAWS):
        draw = Draw(seed)
        mu = np.sqrt(1.0 - 0.49 * draw.k @ draw.k)
        k = 0.7 * draw.k
        raw = [draw.u0, draw.u_ex, *(draw.u_ex * draw.m), *draw.spin_orbit.ravel(), 1.0]
        parameters = np.array(raw) / np.abs(raw).max()
        reflection, transmission = np.empty((1, 4, 4)), np.empty((1, 4, 4))
        fill_matrices(np.array([[*k, mu]]), parameters, reflection, transmission)
        side = Side(np.full((1, 2), mu, dtype=np.complex128), np.zeros(3), False)
        made = match(k[None], side, side, parameters)
        exact = np.block([[reflection[0], transmission[0]], [transmission[0], reflection[0]]])
        np.testing.assert_allclose(made.scattering[0], exact, atol=1e-13)
        exact = np.tile(transmission[0, :3], 2) / mu
        _close(made.density[0], exact, 1e-13)


def test_two_ferromagnet_spins_of_one_sphere_are_its_occupations() -> None:
    """A split side whose spheres are equal sees the longitudinal part of what a metal sees."""
    for seed in range(50):
        draw = Draw(seed)
        draw.velocity[1] = draw.velocity[1, 0]
        draw.split[1] = True
        split = draw.match()
        draw.split[1] = False
        whole = draw.match()
        draw.split[1] = True
        down = np.zeros((4, 4))
        down[:2, :3], down[:2, 3] = [-draw.axes[1], draw.axes[1]], 1.0
        up = draw.cartesian(1)
        lower, upper = np.eye(8), np.eye(8)
        lower[4:, 4:], upper[4:, 4:] = down, up
        _close(split.scattering, lower @ whole.scattering @ upper)
        _close(split.density, whole.density @ upper)
