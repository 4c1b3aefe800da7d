"""Anisotropy of the torques of a sweep over the angles of the magnetization."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from torkivity.results.angles import angle_path, film_angle
from torkivity.results.selection import varied_paths
from torkivity.results.values import choose_models, choose_place, choose_source, model_values
from torkivity_engine.anisotropy import AnisotropyExpansion, Form, expand_torques
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError
from torkivity_engine.record import TORQUE_PARTS

if TYPE_CHECKING:
    import xarray

__all__ = ["anisotropy_of_sweep", "anisotropy_rows"]

_ANGLES = ("theta", "phi")
_KINDS = ("damping_like", "field_like")


def anisotropy_of_sweep(
    dataset: xarray.Dataset,
    *,
    model: str = "boltzmann",
    part: str = "total",
    source: str | None = None,
    place: str | None = None,
    form: Form = "garello",
    order: int = 4,
) -> xarray.Dataset:
    """Expand the torques of a sweep in the angles of m, at each point of its other axes.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it. The angles of m are axes or belong to a group; one
        that does not vary is taken from the film in the file.
    model : str, optional
        Of `torkivity.catalogue.MODELS`.
    part : {"total", "interface", "ferromagnet", "lattice"}, optional
    source : str, optional
        By default the first that the sweep has.
    place : str, optional
        Interface; by default the first that belongs to a magnet.
    form : {"garello", "general"}, optional
        See `torkivity_engine.anisotropy`.
    order : int, optional
        Highest power of sin(theta), even.

    Returns
    -------
    xarray.Dataset
        ``damping_like`` and ``field_like`` along ``coefficient`` (T0, T2, ...), in the unit of
        the torques, and with the general form the same ``_polar``; ``residual`` (torque minus
        expansion, Cartesian), ``relative_residual`` and ``directions``, how many were used of
        the number in the attribute of that name. Directions that are not done are left out;
        where too few are, coefficients are NaN.

    Raises
    ------
    InputError
        If the sweep has no such torques or no angles, if something else varies together with
        the angles, or if the angles leave coefficients undetermined.
    """
    import xarray

    if part not in TORQUE_PARTS:
        raise InputError("part", part, f"must be one of {', '.join(TORQUE_PARTS)}")
    (model,) = choose_models(dataset, [model])
    source, name = choose_source(dataset, source), f"torque_{part}"
    place = choose_place(dataset, "interface", place)
    magnet = _magnet_of(dataset, place)
    angles, along = _angles(dataset, magnet)
    field = film_angle(dataset, "field")
    torques = model_values(dataset, name, model, source, place)
    theta, phi, flat = xarray.broadcast(*angles, torques, exclude=["spin"])
    rest = [dim for dim in torques.dims if dim not in (*along, "spin")]
    order_of_dims = (*rest, *along)
    theta, phi = theta.transpose(*order_of_dims), phi.transpose(*order_of_dims)
    flat = flat.transpose(*order_of_dims, "spin")
    directions = field.broadcast_like(torques.isel({d: 0 for d in (*along, "spin")}, drop=True))
    directions = directions.transpose(*rest)

    size = math.prod(theta.shape[len(rest) :])
    made, residual, used = _expansions(
        theta.values.reshape(*theta.shape[: len(rest)], size),
        phi.values.reshape(*phi.shape[: len(rest)], size),
        flat.values.reshape(*flat.shape[: len(rest)], size, 3),
        directions.values,
        partial(expand_torques, form=form, order=order),
    )
    return _assembled(
        made, residual, used, dataset=dataset, torques=flat, rest=rest, along=along, order=order
    ).assign_attrs(
        variable=name,
        model=model,
        source=source,
        interface=place,
        form=form,
        order=order,
        directions=size,
    )


def _expansions(
    theta: FloatArray,
    phi: FloatArray,
    torques: FloatArray,
    field: FloatArray,
    expand: Callable[..., AnisotropyExpansion],
) -> tuple[list[AnisotropyExpansion | None], FloatArray, NDArray[np.int64]]:
    """Expansion at each point of the other axes, what it leaves, and how many directions it had."""
    *shape, size = theta.shape
    made: list[AnisotropyExpansion | None] = []
    used = np.zeros(shape, dtype=np.int64)
    residual = np.full((*shape, size, 3), np.nan)
    for spot in np.ndindex(*shape):
        known = np.isfinite(torques[spot]).all(axis=1)
        used[spot] = known.sum()
        made.append(None)
        if not known.any():
            continue
        try:
            expansion = expand(
                theta[spot][known],
                phi[spot][known],
                torques[spot][known],
                field_direction_deg=float(field[spot]),
            )
        except InputError as error:
            # A sweep that is not complete may lack directions; else the request is wrong.
            if known.all() or error.key != "angles":
                raise
            continue
        made[-1] = expansion
        residual[(*spot, known)] = expansion.residuals
    if not any(made):
        raise InputError(
            f"finished directions of {size}", int(used.max()), "too few at every point of the sweep"
        )
    return made, residual, used


def anisotropy_rows(found: xarray.Dataset) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """The coefficients as a table.

    Parameters
    ----------
    found : xarray.Dataset
        From `anisotropy_of_sweep`.

    Returns
    -------
    columns : tuple of str
    rows : list of tuple
        One per point and torque: its coordinates, the torque, T0, T2, ..., with the general
        form T2, ... of the polar component, and the relative residual.
    """
    dims = [str(dim) for dim in found["relative_residual"].dims]
    names = [str(c) for c in found["coefficient"].values]
    general = "damping_like_polar" in found
    polar = [f"{name} polar" for name in names[1:]] if general else []
    units = found["damping_like"].attrs["units"]
    titles = [f"{name} [{units}]" for name in (*names, *polar)]
    columns = (*dims, "torque", *titles, "relative residual")
    rows = []
    for place in np.ndindex(found["relative_residual"].shape):
        at = dict(zip(dims, place, strict=True))
        where = [found[dim].values[index] for dim, index in at.items()]
        point = found.isel(at)
        for kind in _KINDS:
            numbers = point[kind].values.tolist()
            if general:
                numbers += point[f"{kind}_polar"].values.tolist()[1:]
            label = kind.replace("_", "-")
            rows.append((*where, label, *numbers, float(point["relative_residual"])))
    return columns, rows


def _magnet_of(dataset: xarray.Dataset, interface: str) -> str | None:
    """Magnet beside an interface, the upper one first; None for the first of the film."""
    names = [str(name) for name in dataset["magnet"].values]
    beside = [name for name in reversed(interface.split("|")) if name in names]
    return beside[0] if beside else None


def _angles(
    dataset: xarray.Dataset, magnet: str | None
) -> tuple[list[xarray.DataArray], list[Hashable]]:
    """theta and phi, and the dimensions along which they vary."""
    angles = [film_angle(dataset, name, magnet) for name in _ANGLES]
    along = list(dict.fromkeys(dim for angle in angles for dim in angle.dims))
    if not along:
        raise InputError("angles", "one direction", "theta, and phi, of m must vary in the sweep")
    own = {angle_path(dataset, name, magnet) for name in _ANGLES}
    for path in varied_paths(dataset):
        if path not in own and set(dataset[path].dims) & set(along):
            raise InputError(path, "a group with the angles", "must not vary together with them")
    return angles, along


def _assembled(
    made: list[AnisotropyExpansion | None],
    residual: Any,
    used: Any,
    *,
    dataset: xarray.Dataset,
    torques: xarray.DataArray,
    rest: list[Hashable],
    along: list[Hashable],
    order: int,
) -> xarray.Dataset:
    import xarray

    units = torques.attrs.get("units", "")
    empty = np.full(order // 2 + 1, np.nan)
    names = [f"T{power}" for power in range(0, order + 1, 2)]
    found = xarray.Dataset(
        coords={
            **{d: dataset[d] for d in (*rest, *along, "spin") if d in dataset.coords},
            **{d: dataset[d] for d in varied_paths(dataset) if set(dataset[d].dims) & set(along)},
            "coefficient": ("coefficient", names),
        }
    )
    first = next(expansion for expansion in made if expansion is not None)
    polar = [f"{kind}_polar" for kind in _KINDS] if first.form == "general" else []
    for name in (*_KINDS, *polar):
        rows = [empty if e is None else getattr(e, name) for e in made]
        found[name] = (
            (*rest, "coefficient"),
            np.reshape(rows, (*used.shape, len(names))),
            {
                "units": units,
                "long_name": f"coefficients of sin(theta)^n, {name.replace('_', ' ')}",
            },
        )
    found["residual"] = (
        (*rest, *along, "spin"),
        residual.reshape(torques.shape),
        {"units": units, "long_name": "torque minus expansion"},
    )
    relative = [np.nan if e is None else e.relative_residual for e in made]
    found["relative_residual"] = (
        tuple(rest),
        np.reshape(relative, used.shape),
        {"units": "1", "long_name": "rms residual over the rms torque"},
    )
    found["directions"] = (
        tuple(rest),
        used,
        {"units": "1", "long_name": "directions of m that were used"},
    )
    return found
