"""Error control: the true error stays below rtol and the estimate is honest."""

from __future__ import annotations

import numpy as np
import pytest

from draws import PT, pt_co, random_bilayer
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.errors import PhysicsError
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_engine.refine import polar_rule_for, refine
from torkivity_engine.solution import BoltzmannSolution
from torkivity_engine.solve import solve_boltzmann
from torkivity_engine.tolerance import Tolerance
from torkivity_meshes import InputError, SphericalMesh


def flat(solution: BoltzmannSolution) -> np.ndarray:
    r = solution.at_interface(0)
    return np.concatenate([r.current_minus, r.current_plus, r.torque])


def true_and_estimated(film: Bilayer, rtol: float) -> tuple[float, float]:
    found = solve_boltzmann(film, rtol=rtol)
    mesh = found.refinement
    assert mesh is not None
    # Polar points beyond 160 cost minutes and change nothing that matters here.
    finer = SphericalMesh(min(4 * mesh.n_polar, 160), 4 * mesh.n_azimuth, mesh.polar_rule)
    reference = solve_boltzmann(film, finer)
    scale = np.abs(reference.torque_total).max()
    return float(np.abs(flat(found) - flat(reference)).max() / scale), found.certificates[
        "mesh_error"
    ]


def assess(n: int, rtol: float) -> tuple[int, int]:
    """How many true errors are below rtol, and how many estimates below a fifth of the truth."""
    below = dishonest = 0
    for seed in range(n):
        true, estimated = true_and_estimated(
            random_bilayer(np.random.default_rng(500 + seed)), rtol
        )
        below += true <= rtol
        dishonest += estimated < 0.2 * true
        assert estimated <= rtol
    return below, dishonest


def test_true_error_and_estimate_on_ten_films() -> None:
    below, dishonest = assess(10, 1e-3)
    assert below >= 9
    assert dishonest == 0


@pytest.mark.slow
@pytest.mark.parametrize("rtol", [1e-3, 1e-4])
def test_true_error_and_estimate_on_thirty_films(rtol: float) -> None:
    below, dishonest = assess(30, rtol)
    assert below >= 28
    assert dishonest == 0


def test_errors_come_with_every_number() -> None:
    found = solve_boltzmann(pt_co(0.2, magnetization=(0.3, 0.2, 1.0)), rtol=1e-3)
    assert found.errors is not None
    (errors,) = found.errors
    scale = np.abs(found.torque_total).max()
    assert errors.torque.shape == (3,)
    assert np.all(errors.torque >= 0.0)
    largest = max(e.max() for e in (errors.torque, errors.current_minus, errors.current_plus))
    assert largest <= 1e-3 * scale
    assert found.certificates["mesh_error"] == pytest.approx(largest / scale, rel=0.02)
    assert solve_boltzmann(pt_co(), SphericalMesh(4, 6)).errors is None


def test_polar_rule_follows_the_poles_at_grazing_incidence() -> None:
    m = (0.6, 0.0, 0.8)

    def rule(u0: float, u_ex: float, u_r: float) -> str:
        return polar_rule_for(
            Bilayer(PT, RashbaInterface(u0, u_ex, u_r), pt_co().ferromagnet, m).stack()
        )

    assert rule(0.5, 0.5, 0.0) == "graded"
    assert rule(-0.5, 0.5, 0.02) == "graded"
    assert rule(1.5, 0.5, 0.1) == "rational"
    # |b| runs from 0.28 to 1.02 around the equator and is u0 at single azimuths only.
    assert rule(0.6, 0.5, 0.5) == "rational"
    assert rule(0.0, 0.5, 0.05) == "rational"


def test_an_accident_is_not_believed() -> None:
    """Two equal values in a row do not end a refinement whose errors were large before."""
    values = {8: 0.0, 16: 1.0, 24: 1.0, 36: 1.5}
    found = refine(lambda p, a: np.array([values.get(p, 1.5)]), lambda q: 1.0, 0.05, start=(8, 8))
    assert found.n_polar > 36
    assert [t.n_polar for t in found.trials][:2] == [8, 16]


def test_unreachable_tolerance_is_an_error_that_names_the_physics() -> None:
    with pytest.raises(PhysicsError, match="grazing"):
        refine(lambda p, a: np.array([np.log(p)]), lambda q: 1.0, 1e-6, largest=64)


@pytest.mark.parametrize(("slow", "largest"), [("polar", 56), ("azimuthal", 128)])
def test_the_largest_mesh_is_tried_and_none_beyond_it(slow: str, largest: int) -> None:
    """Only the size that does not converge grows, up to what is allowed and not further."""
    asked: list[tuple[int, int]] = []

    def evaluate(p: int, a: int) -> np.ndarray:
        asked.append((p, a))
        return np.array([np.log(p if slow == "polar" else a)])

    # From 36 to 56 what a logarithm changes counts twice, from 64 to 128 once.
    error = 2.0 * np.log(56 / 36) if slow == "polar" else np.log(2.0)
    with pytest.raises(PhysicsError, match=rf"rtol = 1e-06 is not reached: error {error:.1e} with"):
        refine(evaluate, lambda q: 1.0, 1e-6, largest=largest)
    assert len(set(asked)) == len(asked)
    grown, other = np.array(asked).T[:: 1 if slow == "polar" else -1]
    assert grown.max() == largest
    assert other.max() == 16


def by_hand(p: int, a: int) -> np.ndarray:
    """Errors 1/p + 1/a^2: the first is what half as many points more leave of it, twice."""
    return np.array([1.0 / p + 1.0 / a**2, 5.0])


def test_what_is_returned_is_the_last_mesh_and_its_error_is_that_of_half_its_sizes() -> None:
    found = refine(by_hand, lambda q: float(q[1]), 0.01)
    # From p to 1.5 p: 2/(3p), the error left; from a = 8 to 16: 3/256 = 0.0117. The sum falls
    # below 0.01 * 5 from p = 24 on: 2/72 + 0.0117 = 0.0395 at 36, 0.0534 at 24.
    meshes = [(t.n_polar, t.n_azimuth) for t in found.trials]
    assert meshes == [(8, 8), (16, 16), (16, 8), (24, 16), (36, 16)]
    assert (found.n_polar, found.n_azimuth) == meshes[-1]
    np.testing.assert_array_equal(found.values, by_hand(36, 16))
    np.testing.assert_allclose(found.error, [1.0 / 36.0 + 3.0 / 256.0, 0.0])
    assert found.relative == pytest.approx((1.0 / 36.0 + 3.0 / 256.0) / 5.0)


def test_a_good_start_costs_one_coarser_mesh() -> None:
    found = refine(by_hand, lambda q: float(q[1]), 0.01, start=(16, 8))
    assert [(t.n_polar, t.n_azimuth) for t in found.trials] == [(16, 8), (32, 16)]
    np.testing.assert_allclose(found.error, [1.0 / 32.0 + 3.0 / 256.0, 0.0])
    # A start that is too coarse leads to a mesh as fine, one that is too fine to a finer one.
    assert refine(by_hand, lambda q: float(q[1]), 0.01, start=(8, 8)).n_polar == 36
    assert refine(by_hand, lambda q: float(q[1]), 0.01, start=(32, 8)).n_polar == 64


@pytest.mark.parametrize("parameters", ["particular", "half_space", "boundary_layer"])
def test_drift_diffusion_takes_a_tolerance_too(parameters: str) -> None:
    film = pt_co(0.2, magnetization=(0.3, 0.2, 1.0))
    found = solve_drift_diffusion(film, parameters, rtol=1e-4)  # type: ignore[arg-type]
    assert found.refinement is not None
    assert found.refinement.relative <= 1e-4
    mesh = SphericalMesh(128, 32)
    reference = solve_drift_diffusion(film, parameters, mesh=mesh)  # type: ignore[arg-type]
    scale = np.abs(reference.torque_total).max()
    for name in ("torque_total", "torque_interface", "spin_current_minus", "spin_current_plus"):
        difference = np.abs(getattr(found, name) - getattr(reference, name)).max()
        assert difference <= 1e-4 * scale
        assert difference <= 5.0 * found.refinement.relative * scale


def test_tensors_converge_faster_than_distributions() -> None:
    film = pt_co(0.2, magnetization=(0.3, 0.2, 1.0))
    tensors = solve_drift_diffusion(film, rtol=1e-5).refinement
    equation = solve_boltzmann(film, rtol=1e-5).refinement
    assert tensors is not None
    assert equation is not None
    assert tensors.n_polar < equation.n_polar


def test_the_search_may_begin_elsewhere_and_with_another_rule() -> None:
    film = pt_co(0.2)
    found = solve_boltzmann(film, rtol=Tolerance(1e-3, (16, 8), "graded"))
    assert found.refinement is not None
    assert found.refinement.trials[0].n_polar == 16
    assert found.refinement.polar_rule == "graded"
    assert found.mesh.endswith("graded)")
    with pytest.raises(PhysicsError, match="not reached"):
        solve_boltzmann(film, rtol=Tolerance(1e-9, largest=16))


@pytest.mark.parametrize("rtol", [0.0, -1.0, 2.0, True, "fine"])
def test_bad_tolerance(rtol: object) -> None:
    with pytest.raises(InputError, match="rtol"):
        solve_boltzmann(pt_co(), rtol=rtol)  # type: ignore[arg-type]


def test_mesh_and_tolerance_exclude_each_other() -> None:
    with pytest.raises(InputError, match="one or the other"):
        solve_boltzmann(pt_co(), SphericalMesh(4, 6), rtol=1e-3)
    with pytest.raises(InputError, match="one or the other"):
        solve_drift_diffusion(pt_co(), mesh=SphericalMesh(4, 6), rtol=1e-3)
    with pytest.raises(InputError, match="interface"):
        solve_boltzmann(Stack((PT,), ()), rtol=1e-3)


@pytest.mark.parametrize(
    ("film", "source"),
    [
        (pt_co(0.2), "spin_hall"),  # no spin Hall angle: nothing drives
        (pt_co(0.2, magnetization=(0.0, 1.0, 0.0)), "rashba"),  # no torque by symmetry
        (pt_co(0.0, magnetization=(0.3, 0.2, 1.0)), "all"),  # neither
    ],
)
@pytest.mark.parametrize("rtol", [1e-3, 1e-8])
def test_rounding_is_no_error_of_a_mesh(film: Bilayer, source: str, rtol: float) -> None:
    found = solve_boltzmann(film, rtol=rtol, source=source)
    assert found.certificates["mesh_error"] <= rtol
    found_too = solve_drift_diffusion(film, rtol=rtol, source=source)  # type: ignore[arg-type]
    assert found_too.refinement is not None
