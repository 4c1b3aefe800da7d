"""What a layer is to those who solve a film.

A new kind of layer derives from `Layer`, in a file of its own. What it has no answer to stays as
it is here: an error that says what the layer lacks.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

import numpy as np

from torkivity_engine.constants import fermi_surface_prefactor
from torkivity_engine.errors import InputError
from torkivity_engine.film.component import Component, hashable, material_fields
from torkivity_engine.film.torque import exchange_torque
from torkivity_engine.kinetics.spheres import Bands
from torkivity_engine.spin import CHARGE, rotation_to

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from torkivity_engine.arrays import FloatArray
    from torkivity_engine.film.checks import Vector
    from torkivity_engine.kinetics.admittance import LayerAdmittance
    from torkivity_engine.kinetics.collision import CollisionTerms
    from torkivity_engine.kinetics.split import SplitLengths
    from torkivity_engine.kinetics.transport import LayerTransport
    from torkivity_meshes import AnnularGrid

__all__ = ["Keyed", "Layer"]


@dataclass(frozen=True)
class Keyed:
    """A layer as the argument of a cached function: equal where the key is."""

    key: Hashable
    layer: Layer = field(compare=False)


class Layer(Component):
    """Base of all kinds of layers.

    A kind is a frozen dataclass with a field ``thickness`` in nm, and, where it is a magnet, a
    field ``magnetization``.
    """

    #: Start of the name that a layer has without one of its own.
    stem: ClassVar[str] = "L"
    #: Whether a layer of this kind has a magnetization.
    magnetic: ClassVar[bool] = False
    #: Whether collisions tie spins to directions in space although there is an m: then a response
    #: cannot be taken over to another m by turning spins.
    tied: ClassVar[bool] = False

    #: Whether it has no electrons, and so can only lie at an end of the film.
    outermost_only: ClassVar[bool] = False

    thickness: float

    @property
    def extent(self) -> str:
        """The thickness in words; empty where nothing depends on it."""
        return "" if self.outermost_only else f"{self.thickness:g} nm"

    @property
    def moment_thickness(self) -> float | None:
        """Thickness that the magnetization fills, nm; None where the film does not say."""
        return None if self.outermost_only else self.thickness

    # The Boltzmann equation.

    def bands(self, k_0: float) -> Bands:
        """Fermi spheres, by default that of the film.

        Parameters
        ----------
        k_0 : float
            Fermi wavevector of the film, 1/nm.
        """
        return Bands.common(k_0)

    def collision_terms(self) -> CollisionTerms:
        """Collision terms, in Cartesian spin components."""
        self._lacks("collision terms, which the Boltzmann equation needs")

    def decay_reach(self) -> float:
        """A length in nm over which everything that decays has decayed to rounding."""
        self._lacks("a mean free path, which the Boltzmann equation needs")

    def occupation_terms(self, grid: AnnularGrid, k_0: float) -> CollisionTerms:
        """Collision terms of a layer with a sphere for each spin: of those that have states."""
        self._lacks("collision terms of two occupations")

    def driven_occupations(self, k_0: float) -> tuple[float, ...]:
        """What a field drives of each occupation that has states, over v_E, nm."""
        self._lacks("occupations that a field drives")

    def spin_lengths(self, k_0: float, densities: FloatArray | None = None) -> SplitLengths:
        """Kinetic lengths of both spins; spin flips balance for these densities of states."""
        self._lacks("lengths of majority and minority electrons")

    def reach(self, k_0: float) -> float:
        """`decay_reach` in a film of this Fermi wavevector."""
        return self.decay_reach()

    def driven_amplitude(self) -> FloatArray:
        """Field-driven bulk distribution over v_E, without skew scattering (B2), (B3).

        Returns
        -------
        ndarray, shape (4,)
            (x, y, z, charge) per e^2 E~, nm.
        """
        self._lacks("a distribution that a field drives")

    @property
    def exchange_rate(self) -> float:
        """1/l_prec in 1/nm: how fast the magnetization turns spins, and they it; 0 for none."""
        return 0.0

    def torque_density(self, density: FloatArray) -> FloatArray:
        """Torque of a spin density, shape (3, ...), on the layer's magnetization per nm."""
        if self.magnetization is None or self.exchange_rate == 0.0:
            return np.zeros_like(density)
        return exchange_torque(self.exchange_rate, self.magnetization, density)

    def absorbed_share(self) -> complex:
        """Share that the magnetization has in what a diffusing spin across m loses.

        As a factor of j_1 + i j_2 in a right-handed frame (e_1, e_2, m); 1 where spins dephase.
        """
        return 1.0 + 0.0j

    def require_slow_modes(self) -> None:
        """Raise a `PhysicsError` unless a spin accumulation outlives everything else."""

    # Drift-diffusion.

    def conductivity_in(self, fermi_wavevector: float) -> float:
        """Charge conductivity of both spins in 1/(Ohm m).

        A kind has it as ``conductivity``: a number, or a method that takes the film's k_F.
        """
        own = self._own("conductivity", "a conductivity")
        return float(own(fermi_wavevector) if callable(own) else own)

    def diffusion_length(self, exact: bool = True) -> float:
        """Decay length of a spin accumulation in nm, of a layer without magnetization.

        A kind has it as ``spin_diffusion_length``: a number, or a method that takes ``exact``, the
        slow mode of the Boltzmann equation or else the diffusive limit.
        """
        own = self._own("spin_diffusion_length", "a spin diffusion length")
        return float(own(exact) if callable(own) else own)

    def spin_hall_current(self, fermi_wavevector: float, y_p: ArrayLike) -> FloatArray:
        """Spin current along +z that a field drives in the bulk, per E~, shape (3,), 1/(Ohm m)."""
        return np.zeros(3)

    def transport(
        self, fermi_wavevector: float, y_p: ArrayLike | None = None, *, exact_length: bool = True
    ) -> LayerTransport:
        """Diffusion law of the layer.

        Parameters
        ----------
        fermi_wavevector : float
            1/nm.
        y_p : array_like, shape (3,), optional
            Polarisation z x E of the spin Hall current; None switches that off.
        exact_length : bool, optional
            Spin diffusion length from the exact slow mode or from the diffusive limit.
        """
        self._lacks("an admittance, and the diffusion law behind it, which drift-diffusion needs")

    def admittance(
        self, fermi_wavevector: float, y_p: ArrayLike | None = None, *, exact_length: bool = True
    ) -> LayerAdmittance:
        """Exact response of the layer in drift-diffusion; parameters as of `transport`."""
        return self.transport(fermi_wavevector, y_p, exact_length=exact_length).admittance()

    def contact(self, fermi_wavevector: float) -> FloatArray | None:
        """Conductance of its face to a reservoir in drift-diffusion, shape (4, 4), 1/(Ohm m^2).

        That of Sharvin, C int dOmega mu = pi C of each sphere, as for an interface that lets
        everything through; spins across m of a layer with two spheres do not enter. None is a
        perfect contact, where a layer is given by parameters that hold no such resistance.
        """
        bands = self.bands(fermi_wavevector)
        up, down = (
            math.pi * fermi_surface_prefactor(sphere.radius)
            for sphere in (bands.majority, bands.minority)
        )
        if not bands.split:
            return up * np.eye(4)
        n = np.zeros(4)
        n[:CHARGE] = np.negative(self.magnetization or (0.0, 0.0, 1.0))
        charge = np.eye(4)[CHARGE]
        both, half = np.outer(n, n) + np.outer(charge, charge), 0.5 * (up - down)
        return np.asarray(
            0.5 * (up + down) * both + half * (np.outer(n, charge) + np.outer(charge, n))
        )

    def quoted(self, fermi_wavevector: float) -> Layer:
        """The same layer to drift-diffusion, given by quoted parameters; itself if it is.

        Parameters
        ----------
        fermi_wavevector : float
            Of the film, 1/nm.
        """
        self._lacks("quoted parameters")

    def kinetic(self, fermi_wavevector: float) -> Layer:
        """The layer that the Boltzmann equation knows, the same to drift-diffusion.

        Parameters
        ----------
        fermi_wavevector : float
            Of the film, 1/nm.
        """
        return self

    # Copies.

    def without_spin_hall(self) -> Self:
        """The same layer without spin-orbit coupling in its bulk."""
        return self

    def turned(self, magnetization: Vector | None) -> Self:
        """The same layer with another m."""
        made = super().turned(magnetization)
        if not self.tied:
            vars(made)["_material_key"] = self.material_key()
        return made

    def with_thickness(self, thickness: float) -> Self:
        """The same material, of another thickness in nm."""
        return replace(self, thickness=thickness)  # type: ignore[type-var]

    # What caches and solvers go by.

    def material_key(self) -> Hashable:
        """`kinetic_key` without the thickness."""
        known = vars(self).get("_material_key")
        if known is None:  # asked for several times a point
            numbers = tuple(hashable(getattr(self, name)) for name in material_fields(type(self)))
            known = (type(self), self.magnetization if self.tied else None, numbers)
            vars(self)["_material_key"] = known
        key: Hashable = known
        return key

    def kinetic_key(self) -> Hashable:
        """What the Boltzmann equation sees of it, as a key: kind and numbers, no direction."""
        return (self.material_key(), self.thickness)

    def in_own_frame(self) -> Self:
        """The layer with m along z, for which responses are computed and cached."""
        return self if self.frame_direction is None else self.turned((0.0, 0.0, 1.0))

    @property
    def frame_direction(self) -> Vector | None:
        """The direction that is z in that frame; None for no turn."""
        return None if self.tied else self.magnetization

    def own_axes(self) -> FloatArray | None:
        """Rotation from that frame to Cartesian components, shape (4, 4); None for no turn."""
        m = self.frame_direction
        if m is None:
            return None
        rotation = np.eye(4)
        rotation[:3, :3] = rotation_to(m)
        return rotation

    def _own(self, name: str, what: str) -> Any:
        own = getattr(self, name, None)
        if own is None:
            self._lacks(what)
        return own

    def _lacks(self, what: str) -> NoReturn:
        raise InputError("layer", type(self).__name__, f"lacks {what}")
