"""Diffusion law of one layer on plain numbers: what it carries between two given faces.

Per layer, with n = -m the majority direction and C the Fermi-surface prefactor absorbed into mu
(j in 1/(Ohm m), mu in m per E~),

    j_c = -S_c dpsi/dz,                  dj_c/dz = 0,            psi = mu_c + beta mu_n,
    j_n - beta j_c = -S_n dmu_n/dz,      d(j_n - beta j_c)/dz = -S_n kappa_n^2 mu_n,
    j = -S dmu/dz + j_sH,                dj/dz = -S kappa^2 mu

the last for mu_1 + i mu_2 in a right-handed frame (e_1, e_2, m), where kappa is complex if spins
precess. A metal has beta = 0 and one S and kappa for all spins.
"""

from __future__ import annotations

import cmath
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from torkivity_engine.arrays import ComplexArray, FloatArray
from torkivity_engine.kinetics.admittance import LayerAdmittance, in_own_axes, slab_admittance
from torkivity_engine.spin import CHARGE, rotation_to

__all__ = ["LayerTransport", "in_magnet", "in_metal"]

#: Beyond this kappa t / 2 hyperbolic functions are their exponentials to rounding.
_LONG = 20.0


@dataclass(frozen=True, eq=False)
class LayerTransport:
    """Diffusion law of one layer.

    Attributes
    ----------
    thickness : float
        m.
    charge, spin : float
        S_c and S_n in 1/(Ohm m): for one spin coefficient, half of what both carry.
    spin_rate : float
        kappa_n in 1/m.
    mixing : float
        beta.
    across : float
        S of spins across m.
    across_rate : complex
        Their kappa in 1/m.
    source : ndarray, shape (4,)
        Spin current that the field drives in the bulk, per E~, in the layer's own axes.
    axes : ndarray, shape (4, 4)
        Orthogonal; columns are the layer's axes in (x, y, z, charge): e_1, e_2, m, charge.
    precession, dephasing : float
        1/l_J^2 and 1/l_phi^2 in 1/m^2: what of the loss across m is a torque on m,
        S (mu x m / l_J^2 + mu / l_phi^2) per volume; the rest goes to the lattice.
    """

    thickness: float
    charge: float
    spin: float
    spin_rate: float
    mixing: float
    across: float
    across_rate: complex
    source: FloatArray = field(default_factory=lambda: np.zeros(4))
    axes: FloatArray = field(default_factory=lambda: np.eye(4))
    precession: float = 0.0
    dephasing: float = 0.0

    def admittance(self) -> LayerAdmittance:
        """Response to the accumulations at the faces."""
        t = self.thickness
        spin = slab_admittance(self.spin, self.spin_rate, t)
        charge = slab_admittance(self.charge, 0.0, t)
        across = slab_admittance(self.across, self.across_rate, t)
        loss, conductance = (
            in_own_axes(spin[k].real, charge[k].real, across[k], self.mixing) for k in (0, 1)
        )
        return LayerAdmittance(loss, conductance, self.source, self.axes)

    def inside(
        self, depths: FloatArray, bottom: FloatArray, top: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Accumulation, its slope and current along +z between two faces.

        Parameters
        ----------
        depths : ndarray, shape (n,)
            From the bottom, m.
        bottom, top : ndarray, shape (4,)
            Cartesian mu at the faces.

        Returns
        -------
        ndarray, shape (n, 4), three times
            mu, dmu/dz and j, Cartesian.
        """
        faces = [self.axes.T @ bottom, self.axes.T @ top]
        u, du = self._channel(depths, self.across_rate, *(complex(f[0], f[1]) for f in faces))
        n, dn = self._channel(depths, self.spin_rate, *(complex(-f[2]) for f in faces))
        psi, dpsi = self._channel(depths, 0.0, *(complex(f[3] - self.mixing * f[2]) for f in faces))
        j_c = -self.charge * dpsi.real
        j_n = self.mixing * j_c - self.spin * dn.real
        j_u = -self.across * du
        values = [u.real, u.imag, -n.real, (psi - self.mixing * n).real]
        slopes = [du.real, du.imag, -dn.real, (dpsi - self.mixing * dn).real]
        currents = [j_u.real, j_u.imag, -j_n, j_c]
        turned = (np.column_stack(x) @ self.axes.T for x in (values, slopes))
        mu, slope = turned
        return mu, slope, (np.column_stack(currents) + self.source) @ self.axes.T

    def torque_density(self, accumulation: FloatArray) -> FloatArray:
        """Torque on m per volume, shape (n, 3), of mu, shape (n, 4), Cartesian."""
        u = accumulation @ self.axes[:, :2] @ np.array([1.0, 1.0j])
        # mu x m is -i mu in the frame (e_1, e_2, m).
        torque = self.across * complex(self.dephasing, -self.precession) * u
        own = np.column_stack([torque.real, torque.imag])
        return np.asarray(own @ self.axes[:CHARGE, :2].T)

    def _channel(
        self, depths: FloatArray, kappa: complex, bottom: complex, top: complex
    ) -> tuple[ComplexArray, ComplexArray]:
        """mu and dmu/dz of mu'' = kappa^2 mu, from the mean and half difference of the faces."""
        mean, half = 0.5 * (top + bottom), 0.5 * (top - bottom)
        s, q = depths - 0.5 * self.thickness, 0.5 * kappa * self.thickness
        if abs(q) < 1e-9:
            slope = np.full(s.shape, 2.0 * half / self.thickness, dtype=np.complex128)
            # The mean's own slope, kappa^2 s, is q^2 smaller.
            return mean + slope * s, slope + mean * kappa * kappa * s
        if q.real < _LONG:
            cosh, sinh = np.cosh(kappa * s), np.sinh(kappa * s)
            c, d = cmath.cosh(q), cmath.sinh(q)
        else:
            # exp(-q) taken out of numerator and denominator.
            grown, decayed = np.exp(kappa * s - q), np.exp(-kappa * s - q)
            cosh, sinh, c, d = 0.5 * (grown + decayed), 0.5 * (grown - decayed), 0.5, 0.5
        even: NDArray[np.complex128] = np.asarray(mean * cosh / c + half * sinh / d)
        slope = np.asarray(kappa * (mean * sinh / c + half * cosh / d))
        return even, slope


def in_metal(
    thickness: float, conductivity: float, rate: float, spin_hall_current: FloatArray
) -> LayerTransport:
    """Law of a metal without magnetization.

    Parameters
    ----------
    thickness : float
        m.
    conductivity : float
        Of both spins, 1/(Ohm m).
    rate : float
        1/l_sf in 1/m.
    spin_hall_current : ndarray, shape (3,)
        Per E~, 1/(Ohm m).
    """
    half = 0.5 * conductivity
    source = np.append(spin_hall_current, 0.0)
    return LayerTransport(thickness, half, half, rate, 0.0, half, rate, source)


def in_magnet(
    magnetization: tuple[float, float, float],
    thickness: float,
    charge: float,
    spin: float,
    spin_rate: float,
    mixing: float,
    across: float,
    across_rate: complex,
    torques: tuple[float, float] = (0.0, 0.0),
) -> LayerTransport:
    """Law of a ferromagnet; arguments as the attributes of `LayerTransport`.

    Parameters
    ----------
    torques : tuple of float, optional
        1/l_J^2 and 1/l_phi^2, 1/m^2.
    """
    axes = np.eye(4)
    axes[:CHARGE, :CHARGE] = rotation_to(magnetization)
    return LayerTransport(
        *(thickness, charge, spin, spin_rate, mixing, across, across_rate),
        axes=axes,
        precession=torques[0],
        dephasing=torques[1],
    )
