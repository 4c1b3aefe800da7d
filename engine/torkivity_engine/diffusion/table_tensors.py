"""Tensors and conductances of interfaces that are given by tables of amplitudes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.dense.tables import solve_tables
from torkivity_engine.film.boundaries import HalfSpace, Surface
from torkivity_engine.film.stack import Stack
from torkivity_engine.film.table_film import (
    require_datasets,
    table_film,
    table_layers,
    table_of,
)
from torkivity_engine.kinetics.table_response import TableResponse

__all__ = [
    "require_matrices",
    "table_conductances",
    "table_driven_sums",
    "table_half_space_sums",
]


def require_matrices(stack: Stack, index: int) -> None:
    """Refuse an interface whose table lacks a matrix that its currents or torque need."""
    if stack.interfaces[index].table() is not None:
        missing = TableResponse(table_of(stack, index), 1.0).missing
        require_datasets(stack, index, missing, "its spin currents and torque")


def table_driven_sums(stack: Stack, index: int, *, complete: bool = True) -> FloatArray:
    """Currents and torque for field-driven bulk distributions on both sides.

    Parameters
    ----------
    stack : Stack
    index : int
        Which interface.
    complete : bool, optional
        Refuse a table without all matrices, instead of giving NaN.

    Returns
    -------
    ndarray, shape (11, 2)
        j(0-) (4 rows), j(0+) (4 rows), torque (3 rows); columns E_x and E_y; nm.
    """
    if complete:
        require_matrices(stack, index)
    below, above = (layer.driven() for layer in table_layers(stack, index))
    response = TableResponse(table_of(stack, index), stack.fermi_wavevector)
    return response.driven_sums(below, above)


def table_half_space_sums(stack: Stack, index: int) -> FloatArray:
    """The same for the exact response of two half spaces."""
    below, above = stack.layers[index : index + 2]
    pair = replace(
        stack,
        layers=(below, above),
        interfaces=(stack.interfaces[index],),
        left=Surface() if below.outermost_only else HalfSpace(),
        right=Surface() if above.outermost_only else HalfSpace(),
        layer_names=None,
        interface_names=None,
    )
    states = solve_tables(table_film(pair))
    return np.concatenate([states.minus[0], states.plus[0], states.density[0]])[:, :2]


def table_conductances(stack: Stack, index: int) -> tuple[FloatArray, FloatArray]:
    """Currents and torque for isotropic Cartesian accumulations below and above, without C.

    Shape (11, 4) each; rows as in `table_driven_sums`.
    """
    return TableResponse(table_of(stack, index), stack.fermi_wavevector).response()
