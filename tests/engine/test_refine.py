"""Error control: the true error stays below rtol and the estimate is honest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from draws import PT, pt_co, random_bilayer
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.errors import PhysicsError
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_engine.outlook import Outlook
from torkivity_engine.refine import polar_rule_for, refine
from torkivity_engine.solution import BoltzmannSolution
from torkivity_engine.solve import solve_boltzmann
from torkivity_engine.tolerance import RefinedMesh, Tolerance
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


def halving(n_polar: int) -> float:
    """An outlook for errors that are halved by each point."""
    return 0.5**n_polar


def outlook_of(
    polar: Callable[[int], float] = halving, decay: float = 1.0, *, regular: bool = True
) -> Outlook:
    return Outlook(polar, decay, regular)


def sizes(found: RefinedMesh) -> list[tuple[int, int]]:
    return [(t.n_polar, t.n_azimuth) for t in found.trials]


def test_the_first_mesh_is_what_the_outlook_says_and_one_coarse_mesh_checks_it() -> None:
    def evaluate(p: int, a: int) -> np.ndarray:
        return np.array([2.0 + halving(p)])

    found = refine(evaluate, lambda q: 1.0, 1e-6, outlook_of(decay=3.0))
    # 0.5**24 is below a tenth of 1e-6 and 0.5**20 is not; with a hundredth of 0.5**16 left a check
    # of 16 points can tell, and one of 14 cannot.
    assert sizes(found) == [(16, 8), (24, 16)]
    assert found.values[0] == 2.0 + 0.5**24
    # Four times what is expected to be left of what the check is off.
    assert found.relative == pytest.approx(4.0 * 0.5**24, rel=0.02)


def test_what_falls_short_of_the_outlook_is_not_believed() -> None:
    """Errors 1/p instead: the difference from the coarse mesh is too large for 0.5**p."""

    def slow(p: int, a: int) -> np.ndarray:
        return np.array([2.0 + 1.0 / p])

    found = refine(slow, lambda q: 1.0, 2e-2, outlook_of(decay=9.0), start=(24, 16))
    # A check of 4 points is off by 0.2, three times what is expected: that may be a factor only.
    assert sizes(found)[1:] == [(24, 16)]
    with pytest.raises(PhysicsError, match="not reached"):
        refine(slow, lambda q: 1.0, 1e-4, outlook_of(decay=9.0))


def test_polar_and_azimuthal_errors_grow_the_size_that_matters() -> None:
    def slow(p: int, a: int) -> np.ndarray:
        return np.array([halving(p) + 1.0 / a**2, 5.0])

    found = refine(slow, lambda q: float(q[1]), 1e-4, outlook_of(decay=0.0))
    polar = {t.n_polar for t in found.trials}
    assert len(polar) == 2  # a check, and one that is kept
    # From n/2 to n azimuths 3/n**2 changes: of 5 below 1e-4 from 128 on.
    assert found.n_azimuth == 128
    (coarse, few), _, (_, many) = sizes(found)
    in_azimuth = 1.0 / few**2 - 1.0 / many**2
    in_polar = 0.01 * (halving(coarse) - halving(found.n_polar))
    # No regular outlook is asked here: what is left of a polar change is at least a hundredth.
    assert found.relative == pytest.approx((in_polar + in_azimuth) / 5.0, rel=0.03)


def test_an_accident_is_not_believed() -> None:
    """Two equal values in a row do not end a refinement whose errors were large before."""
    wrong = {4: 3.0, 6: 3.0, 8: 2.0, 10: 0.0, 12: 1.0, 14: 1.0, 16: 1.0, 20: 1.0, 24: 1.0}
    irregular = outlook_of(decay=9.0, regular=False)
    found = refine(lambda p, a: np.array([wrong.get(p, 1.5)]), lambda q: 1.0, 0.01, irregular)
    assert found.n_polar > 24
    assert found.values[0] == 1.5


def test_unreachable_tolerance_is_an_error_that_names_the_physics() -> None:
    with pytest.raises(PhysicsError, match="grazing"):
        refine(lambda p, a: np.array([np.log(p)]), lambda q: 1.0, 1e-6, outlook_of(), largest=64)


@pytest.mark.parametrize(("slow", "largest"), [("polar", 56), ("azimuthal", 128)])
def test_the_largest_mesh_is_tried_and_none_beyond_it(slow: str, largest: int) -> None:
    """Only the size that does not converge grows, up to what is allowed and not further."""
    asked: list[tuple[int, int]] = []

    def evaluate(p: int, a: int) -> np.ndarray:
        asked.append((p, a))
        return np.array([np.log(p if slow == "polar" else a)])

    nothing_known = outlook_of(decay=0.0, regular=False)
    with pytest.raises(PhysicsError, match=r"rtol = 0.01 is not reached: error .* with"):
        refine(evaluate, lambda q: 1.0, 1e-2, nothing_known, largest=largest)
    assert len(set(asked)) == len(asked)
    grown, other = np.array(asked).T[:: 1 if slow == "polar" else -1]
    assert 0.65 * largest < grown.max() <= largest
    assert len(set(other)) == 2


def test_no_mesh_below_the_start_is_accepted() -> None:
    def evaluate(p: int, a: int) -> np.ndarray:
        return np.array([1.0 + halving(p)])

    found = refine(evaluate, lambda q: 1.0, 1e-2, outlook_of(decay=9.0), start=(40, 64))
    assert (found.n_polar, found.n_azimuth) == (40, 64)
    assert len(found.trials) == 2


def test_rounding_of_a_known_error_is_none() -> None:
    found = refine(
        lambda p, a: np.array([1e-14 * p]),
        lambda q: 1e-14,
        1e-3,
        outlook_of(),
        noise=lambda q: 1e-9,
    )
    assert found.relative == 0.0


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
    found = solve_boltzmann(film, rtol=Tolerance(1e-3, (64, 32), "graded"))
    assert found.refinement is not None
    assert (found.refinement.n_polar, found.refinement.n_azimuth) == (64, 32)
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
