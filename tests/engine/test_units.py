"""Conversions of torques against numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from torkivity import Bilayer, Ferromagnet, HeavyMetal, InputError, RashbaInterface
from torkivity_engine.diffusion.boundary_layer import boundary_layer_parameters
from torkivity_engine.film.stack import mirrored
from torkivity_engine.units import QUANTITIES, convert_torque
from torkivity_meshes import SphericalMesh

FILM = {
    "resistivity": 2.5e-7,
    "saturation_magnetization": 1e6,
    "ferromagnet_thickness": 2.0,
}

# T = 3e5 1/(Ohm m) per E~, rho = 2.5e-7 Ohm m, M_s = 1e6 A/m, t_FM = 2 nm:
#   half quanta             2 * 3e5 = 6e5 (hbar/2e)/(Ohm m) per E~
#   per E                   E~ = -E/e, hence -6e5 (hbar/2e)/(Ohm m)
#   efficiency              6e5 * 2.5e-7 = 0.15
#   hbar/2e                 1.054571817e-34 / (2 * 1.602176634e-19) = 3.2910598e-16 V s
#   flux of J = 1e11 A/m^2  3.2910598e-16 * 0.15 * 1e11 = 4.9365897e-6 J/m^2
#   over M_s t_FM           4.9365897e-6 / (1e6 * 2e-9) = 2.46829485e-3 T = 2.46829485 mT
WORKED = {
    "per_e_tilde": 3e5,
    "spin_torque_conductivity": 6e5,
    "per_field": -6e5,
    "efficiency": 0.15,
    "effective_field": 2.46829485,
}


@pytest.mark.parametrize("source", WORKED)
@pytest.mark.parametrize("target", WORKED)
def test_worked_numbers(source: str, target: str) -> None:
    value = convert_torque(WORKED[source], source, target, **FILM)
    assert value == pytest.approx(WORKED[target], rel=1e-8)
    upside_down = convert_torque(WORKED[source], source, target, mirrored=True, **FILM)
    assert upside_down == -value


def test_all_quantities_are_worked() -> None:
    assert set(WORKED) == set(QUANTITIES)


def test_number_of_the_conventions() -> None:
    # Damping-like T = 2.987e5, sigma = 4.358e6: xi = 5.974e5 / 4.358e6 = 0.13708, and in
    # E = 1e5 V/m the flux along d is -5.974e5 * 3.2910598e-16 * 1e5 = -1.9661e-5 J/m^2.
    xi = convert_torque(2.987e5, "per_e_tilde", "efficiency", resistivity=1.0 / 4.358e6)
    assert xi == pytest.approx(0.13708, abs=1e-5)
    flux = convert_torque(2.987e5, "per_e_tilde", "per_field") * 3.2910598e-16 * 1e5
    assert flux == pytest.approx(-1.9661e-5, rel=1e-4)


def test_field_of_an_efficiency_by_hand() -> None:
    # xi = 1, M_s = 8e5 A/m, t = 1.2 nm: 3.2910598e-16 * 1e11 / (8e5 * 1.2e-9) = 3.4281873e-2 T
    found = convert_torque(
        *(1.0, "efficiency", "effective_field"),
        resistivity=1.0,
        saturation_magnetization=8e5,
        ferromagnet_thickness=1.2,
    )
    assert found == pytest.approx(34.281873, rel=1e-7)


def test_resistivity_by_point() -> None:
    values = convert_torque(
        [1e5, 1e5], "spin_torque_conductivity", "efficiency", resistivity=[1e-7, 3e-7]
    )
    assert values == pytest.approx(np.array([0.01, 0.03]))


def test_mirrored_is_what_the_engine_gives_for_the_film_upside_down() -> None:
    film = Bilayer(
        HeavyMetal.from_spin_diffusion_length(4.0, 2.0853, 2.57, 0.059),
        RashbaInterface(0.42645, 0.20055, 0.085),
        Ferromagnet(5.0, 16.25, 6.01, 1000.0, 1.36),
        magnetization=(0.3, 0.2, 1.0),
    )
    mesh = SphericalMesh(4, 8)
    below = boundary_layer_parameters(film, mesh).response()
    above = boundary_layer_parameters(mirrored(film.stack()), mesh).response()
    for part in ("damping_like", "field_like"):
        here = getattr(below, part)(below.torque_total)
        there = getattr(above, part)(above.torque_total)
        turned = convert_torque(here, "per_e_tilde", "per_e_tilde", mirrored=True)
        assert turned == pytest.approx(there, rel=1e-9)


def test_what_is_missing() -> None:
    with pytest.raises(InputError, match="resistivity"):
        convert_torque(1.0, "per_e_tilde", "efficiency")
    with pytest.raises(InputError, match="saturation_magnetization"):
        convert_torque(1.0, "per_e_tilde", "effective_field", resistivity=1e-7)
    with pytest.raises(InputError, match="ferromagnet_thickness"):
        convert_torque(
            *(1.0, "effective_field", "efficiency"),
            resistivity=1e-7,
            saturation_magnetization=1e6,
            ferromagnet_thickness=0.0,
        )
    with pytest.raises(InputError, match="resistivity"):
        convert_torque(1.0, "efficiency", "per_e_tilde", resistivity=[1e-7, np.nan])
    with pytest.raises(InputError, match="must be one of"):
        convert_torque(1.0, "per_e_tilde", "torque")
