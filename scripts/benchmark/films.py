"""Films that are timed."""

from __future__ import annotations

from torkivity_engine.arrays import FloatArray
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.stack import Bilayer
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import FermiSurfaceMesh

U0, U_EX = 0.42645, 0.20055
TILTED = (0.3, 0.2, 1.0)


def pt_co(
    exchange: float = U_EX,
    rashba: float = 0.5 * U0,
    magnetization: tuple[float, float, float] = TILTED,
    spin_hall_angle: float = 0.0,
) -> Bilayer:
    """Pt/Co film of Haney et al., Phys. Rev. B 87, 174411 (2013), that everything is timed on.

    Parameters
    ----------
    exchange, rashba : float, optional
        u_ex and u_R.
    magnetization : vector, optional
    spin_hall_angle : float, optional

    Returns
    -------
    Bilayer
    """
    return Bilayer(
        HeavyMetal.from_spin_diffusion_length(10.0, 2.0853, 2.57, spin_hall_angle),
        RashbaInterface(U0, exchange, rashba),
        Ferromagnet(5.0, 16.25, 6.01, 1000.0, 1.36),
        magnetization=magnetization,
    )


def torque_vector(film: Bilayer, mesh: FermiSurfaceMesh) -> FloatArray:
    """tau_tot of a film, shape (3,), per E~ in 1/(Ohm m)."""
    return solve_boltzmann(film, mesh).torque_total
