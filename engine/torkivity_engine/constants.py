"""Physical constants (exact SI values) and the Fermi-surface prefactor."""

from __future__ import annotations

import math

__all__ = [
    "ELECTRON_GYROMAGNETIC_RATIO",
    "ELECTRON_MASS",
    "ELEMENTARY_CHARGE",
    "HBAR",
    "METRE_PER_NM",
    "fermi_surface_prefactor",
    "free_electron_velocity",
]

ELEMENTARY_CHARGE = 1.602176634e-19  #: C
HBAR = 6.62607015e-34 / (2.0 * math.pi)  #: J s
ELECTRON_GYROMAGNETIC_RATIO = 1.76085962784e11  #: rad/(s T), CODATA 2022
ELECTRON_MASS = 9.1093837139e-31  #: kg
METRE_PER_NM = 1e-9  #: lengths are nm inside the engine, results SI


def fermi_surface_prefactor(fermi_wavevector: float) -> float:
    """Prefactor C = e^2 k_F^2 / (8 pi^3 hbar) of every Fermi-surface integral.

    Parameters
    ----------
    fermi_wavevector : float
        k_F in 1/nm.

    Returns
    -------
    float
        C in 1/(Ohm m^2): pi C is the Sharvin conductance of one spin coefficient, and
        C (4 pi / 3) lambda its conductivity.
    """
    k_f = fermi_wavevector / METRE_PER_NM
    return ELEMENTARY_CHARGE**2 * k_f**2 / (8.0 * math.pi**3 * HBAR)


def free_electron_velocity(fermi_wavevector: float) -> float:
    """v_0 = hbar k_0 / m_e in m/s, for k_0 in 1/nm."""
    return HBAR * fermi_wavevector / METRE_PER_NM / ELECTRON_MASS
