"""What a film has whatever the model: conductivities, lengths, interface parameters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from torkivity.study.case import Case
from torkivity_engine.arrays import FloatArray
from torkivity_engine.diffusion.tensors import (
    interface_tensors,
    mixing_conductance,
    transmitted_mixing_conductance,
)
from torkivity_engine.errors import InputError, PhysicsError
from torkivity_engine.film.stack import as_stack
from torkivity_engine.record import Variable
from torkivity_meshes import FermiSurfaceMesh

__all__ = ["Facts", "film_facts"]

#: By name; complex numbers as two.
Facts = dict[str, tuple[Variable, FloatArray]]

_TENSORS = {
    "conductivity": "conductivity tensor at 0-",
    "torkivity_ferromagnet": "torkivity tensor of the bulk ferromagnet, at 0+",
    "torkivity_interface": "torkivity tensor of the magnetization at the interface",
    "lattice": "tensor of what the lattice takes",
}


def film_facts(case: Case, mesh: FermiSurfaceMesh) -> Facts:
    """Facts of a film, NaN where a layer or an interface has none.

    Parameters
    ----------
    case : Case
    mesh : FermiSurfaceMesh
        Quadrature of the tensors.

    Returns
    -------
    dict of str to (Variable, ndarray)
    """
    film = case.film
    stack = as_stack(film)
    interfaces = range(len(stack.interfaces))
    facts: Facts = {}
    for name, function, meaning in (
        ("mixing_conductance", mixing_conductance, "mixing conductance at u_R = 0"),
        (
            "transmitted_mixing_conductance",
            transmitted_mixing_conductance,
            "transmitted mixing conductance at u_R = 0",
        ),
    ):
        values = [_number(lambda i=i, f=function: f(film, i)) for i in interfaces]  # type: ignore[misc]
        for part in ("real", "imag"):
            facts[f"{name}_{part}"] = (
                Variable(("interface",), "1/(Ohm m^2)", f"{part} part of the {meaning}"),
                np.array([getattr(value, part) for value in values]),
            )
    for name, units, meaning, of in (
        (
            "conductivity",
            "1/(Ohm m)",
            "bulk charge conductivity, both spins",
            lambda layer: layer.conductivity_in(stack.fermi_wavevector),
        ),
        (
            "spin_diffusion_length",
            "nm",
            "decay length of spins in the bulk",
            lambda layer: layer.diffusion_length(),
        ),
    ):
        column = [_number(lambda x=layer, f=of: f(x)).real for layer in stack.layers]  # type: ignore[misc]
        facts[f"layer_{name}"] = (Variable(("layer",), units, meaning), np.array(column))
    tensors = [_tensors(lambda i=i: interface_tensors(film, mesh, interface=i)) for i in interfaces]  # type: ignore[misc]
    for name, meaning in _TENSORS.items():
        facts[f"tensor_{name}"] = (
            Variable(("interface", "current", "field"), "1/(Ohm m)", f"{meaning}, per E~"),
            np.array([found[name] for found in tensors]),
        )
    return facts


def _number(compute: Callable[[], complex]) -> complex:
    try:
        return complex(compute())
    except (InputError, PhysicsError):
        return complex(np.nan, np.nan)


def _tensors(compute: Callable[[], object]) -> dict[str, FloatArray]:
    try:
        found = compute()
    except (InputError, PhysicsError):
        return {name: np.full((4, 2), np.nan) for name in _TENSORS}
    return {name: np.asarray(getattr(found, name)) for name in _TENSORS}
