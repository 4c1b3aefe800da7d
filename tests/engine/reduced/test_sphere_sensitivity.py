"""Derivatives where layers have Fermi spheres of their own, or would get them."""

from __future__ import annotations

import numpy as np

from draws import pt_co
from torkivity_engine.film.boundaries import Surface
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.parameters import parameter, with_parameters
from torkivity_engine.film.split_ferromagnet import SplitFerromagnet
from torkivity_engine.film.stack import Bilayer
from torkivity_engine.reduced.sensitivity import sensitivities, sensitivity_names
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh

MESH = SphericalMesh(4, 6)
SPLIT = Bilayer(
    HeavyMetal(5.0, 3.0, 30.0, 0.1, fermi_wavevector=13.0, effective_mass=0.8),
    RashbaInterface(0.4, 0.2, 0.2),
    SplitFerromagnet(4.0, 17.0, 9.0, 6.0, 2.0, 60.0, 1.3, 0.8),
    magnetization=(0.3, 0.2, 1.0),
    field_direction_deg=20.0,
    left=Surface(0.6),
    right=Surface(0.4),
)


def _check(film: Bilayer, names: tuple[str, ...]) -> None:
    """Against differences of second order, extrapolated, of solutions by the other method."""
    found = sensitivities(film, MESH, names)
    for name in names:
        value = parameter(film, name).value
        step = 1e-3 * max(abs(value), 0.1)

        def slope(h: float, name: str = name, value: float = value) -> np.ndarray:
            ends = (
                solve_boltzmann(with_parameters(film, {name: value + sign * h}), MESH)
                for sign in (1.0, -1.0)
            )
            up, down = (np.array([s.torque_total, s.spin_current_minus]) for s in ends)
            return np.asarray((up - down) / (2.0 * h))

        exact = (4.0 * slope(step) - slope(2.0 * step)) / 3.0
        (derivative,) = found[name]
        values = np.array([derivative.torque_total, derivative.current_minus[:3]])
        np.testing.assert_allclose(values, exact, atol=1e-6 * np.abs(exact).max(), err_msg=name)


def test_every_parameter_of_a_split_film() -> None:
    names = sensitivity_names(SPLIT)
    assert {
        "heavy_metal.fermi_wavevector",
        "heavy_metal.effective_mass",
        "ferromagnet.fermi_wavevector_minority",
        "ferromagnet.effective_mass_majority",
    } <= set(names)
    _check(SPLIT, names)


def test_a_mass_takes_a_film_off_its_sphere() -> None:
    """The metal's mass is 1 in the film itself and not in those around it."""
    film = pt_co(magnetization=(0.3, 0.2, 1.0))
    _check(film, ("heavy_metal.effective_mass", "heavy_metal.thickness"))
    (derivative,) = sensitivities(film, MESH, ("heavy_metal.effective_mass",))[
        "heavy_metal.effective_mass"
    ]
    assert np.abs(derivative.torque_total).max() > 1.0
