"""Torques from drift-diffusion with conductivity and torkivity boundary conditions.

Bulk transport is diffusive (Section III of Amin & Stiles, arXiv:1604.06502), interfaces
enter through generalised circuit theory (7)-(11): conductances give the response to
accumulations, conductivity and torkivity tensors the response to the in-plane field. Two
levels for the ferromagnet:

- *dephased*: transverse accumulations vanish on its side, as the paper assumes; closed form.
- *finite*: all layers resolved, spin and charge, any number of them.

With the boundary-layer parameters there is no level to choose: ferromagnet and interface are
then solved by the Boltzmann equation, and diffusion is left to the heavy metal alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from torkivity_engine.arrays import ComplexArray
from torkivity_engine.diffusion.batch import drift_diffusion_many
from torkivity_engine.errors import InputError
from torkivity_engine.film.boundaries import HalfSpace
from torkivity_engine.film.stack import Bilayer, Stack, as_stack
from torkivity_engine.refine import refine_many
from torkivity_engine.solution import DriftDiffusionSolution
from torkivity_engine.tolerance import Tolerance
from torkivity_meshes import FermiSurfaceMesh

__all__ = ["dephased_spin_current", "refined_drift_diffusion", "solve_drift_diffusion"]


def dephased_spin_current(
    x: ArrayLike, g_tilde: ArrayLike, j_e: ArrayLike, j_sh: ArrayLike
) -> ComplexArray:
    """Transverse spin current into a ferromagnet that dephases at once, closed form.

    Solution of (20), (21) and (7) for a heavy metal of thickness t with a closed outer face:

        j(0-) = g j_E + (1 - g)(1 - sech x) j_sH,   g = tanh x / (tanh x + G~),

    in place of the printed (22)-(29), which have a pole at Re G~ = tanh x and leave a spin
    Hall torque when the interface is opaque. Written as
    tanh x [j_E + G~ tanh(x/2) j_sH] / (tanh x + G~) it is good for any x and G~.

    Parameters
    ----------
    x : array_like
        t / l_sf, not negative.
    g_tilde : array_like of complex
        G~ = 2 l_sf G / sigma_HM with G the mixing conductance.
    j_e, j_sh : array_like of complex
        Transverse j_E(0-) and j_sH as j_1 + i j_2 in a right-handed frame (e_1, e_2, m),
        for instance (f, d, m); any unit.

    Returns
    -------
    ndarray of complex
        j_1 + i j_2 at 0-, broadcast shape of the arguments; zero at x = 0.
    """
    x_array = np.asarray(x, dtype=np.float64)
    g = np.asarray(g_tilde, dtype=np.complex128)
    tanh = np.tanh(x_array)
    drive = np.asarray(j_e) + g * np.tanh(0.5 * x_array) * np.asarray(j_sh)
    denominator = np.where(tanh > 0.0, tanh + g, 1.0)
    current: ComplexArray = tanh * drive / denominator
    return current


def solve_drift_diffusion(
    film: Stack | Bilayer,
    parameters: Literal["particular", "half_space", "boundary_layer"] = "particular",
    ferromagnet: Literal["dephased", "finite"] = "dephased",
    source: str = "all",
    *,
    spin_diffusion_length: Literal["exact", "diffusive"] = "exact",
    keep_rashba: bool = False,
    mesh: FermiSurfaceMesh | None = None,
    rtol: float | Tolerance | None = None,
) -> DriftDiffusionSolution:
    """Spin currents and torques of a film in drift-diffusion.

    Surfaces let nothing through, and their specularity does not enter. A reservoir beside a layer
    on a Fermi sphere has the conductance of Sharvin, as an interface that lets everything through;
    beside a layer of quoted parameters it is a perfect contact.

    Parameters
    ----------
    film : Bilayer or Stack
        A heavy metal and a ferromagnet, in either order, for the dephased level; any stack
        of two or more layers for the finite one.
    parameters : {"particular", "half_space", "boundary_layer"}, optional
        Distributions that the interface parameters j_E and tau_E are evaluated with.
        "particular": the bulk ones of each layer (Appendix B). "half_space": the exact ones
        of two half spaces, put literally into (22) as Appendix D says, which counts the
        diffusive backflow twice. "boundary_layer": those of
        `boundary_layer_parameters`, for a film with an outermost heavy metal; the
        options below it then have no meaning, since the ferromagnet is solved exactly.
    ferromagnet : {"dephased", "finite"}, optional
        "dephased": mu = 0 on the ferromagnet's side, transverse components only, (22) and
        (30); what the response then holds of longitudinal and charge currents is zero, as
        this level does not know them. "finite": spin and charge in all layers, with
        two-current diffusion, precession and dephasing in ferromagnets.
    source : str, optional
        What drives the film, of ``torkivity_engine.film.sources.SOURCES``. A field drives currents
        and torques at the interface ("rashba"), the bulk spin Hall current ("spin_hall"), or both
        ("all"); "current_below", "current_above" and "interface_torque" are one of those at
        circuit interfaces. "reservoirs" is the response to what they inject, without a field;
        currents then are in 1/(Ohm m^2) times the injected coefficient.
    spin_diffusion_length : {"exact", "diffusive"}, optional
        l_sf of heavy metals, see the function of that name.
    keep_rashba : bool, optional
        Keep the interfaces' spin-orbit coupling, of whatever form, in the conductances; the
        paper takes them at u_R = 0.
    mesh : FermiSurfaceMesh, optional
        Quadrature of the interface parameters.
    rtol : float or Tolerance, optional
        Instead of a mesh, as for ``solve_boltzmann``.

    Returns
    -------
    DriftDiffusionSolution
        Per E~ = -E/e, 1/(Ohm m).

    Raises
    ------
    InputError
        For unknown options, a film without an interface, one that the dephased level does not
        cover, or both a mesh and `rtol`.
    PhysicsError
        If a heavy metal has no diffusive regime, nothing relaxes some spin component, or `rtol`
        is not reached.
    """
    options: dict[str, Any] = {
        "spin_diffusion_length": spin_diffusion_length,
        "keep_rashba": keep_rashba,
    }
    how: tuple[Any, Any, Any] = (parameters, ferromagnet, source)
    if rtol is None:
        (found,) = drift_diffusion_many([film], *how, mesh, **options)
    elif mesh is not None:
        raise InputError("rtol", rtol, "chooses the mesh: give one or the other")
    else:
        (found,) = refined_drift_diffusion([film], *how, [Tolerance.of(rtol)], **options)
    if isinstance(found, Exception):
        raise found
    return found


def _with_endless_metal(stack: Stack) -> Stack:
    """What boundary layers are computed of: no electron crosses the metal."""
    if stack.layers[0].magnetic:
        return replace(stack, right=HalfSpace())
    return replace(stack, left=HalfSpace())


def refined_drift_diffusion(
    films: Sequence[Stack | Bilayer],
    parameters: str,
    ferromagnet: str,
    source: str,
    tolerances: Sequence[Tolerance],
    **options: Any,
) -> list[DriftDiffusionSolution | Exception]:
    """Solutions of films on the coarsest meshes that meet their tolerances.

    Parameters
    ----------
    films : sequence of Bilayer or Stack
    parameters, ferromagnet, source, **options
        As of `solve_drift_diffusion`.
    tolerances : sequence of Tolerance
        One for each film.

    Returns
    -------
    list of DriftDiffusionSolution, or of what `solve_drift_diffusion` raises for that film
    """

    def solve(
        some: list[Stack], mesh: FermiSurfaceMesh
    ) -> Sequence[DriftDiffusionSolution | Exception]:
        how: tuple[Any, Any, Any] = (parameters, ferromagnet, source)
        return drift_diffusion_many(some, *how, mesh, **options)

    stacks = [as_stack(film) for film in films]
    # Tensors have no flights through layers, nor have interfaces between half spaces.
    crossed = _with_endless_metal if parameters == "boundary_layer" else lambda stack: None
    searched = refine_many(*(stacks, solve, lambda s: s.interfaces, tolerances), crossed=crossed)
    return [
        replace(result[0], refinement=result[1]) if isinstance(result, tuple) else result
        for result in searched
    ]
