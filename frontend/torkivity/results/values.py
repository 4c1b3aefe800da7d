"""Numbers of a result file by model, source or turning magnet, and interface or magnet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torkivity.catalogue import MODELS, SOURCES
from torkivity_engine.errors import InputError

if TYPE_CHECKING:
    import xarray

__all__ = [
    "PLACES",
    "choose_models",
    "choose_place",
    "choose_source",
    "driving_dimension",
    "known_models",
    "model_values",
]

#: Dimensions of which a figure or table shows one entry at a time.
PLACES = ("interface", "magnet", "layer")


def known_models(dataset: xarray.Dataset) -> list[str]:
    """Models of a file, the reference first."""
    there = [str(name) for name in dataset["model"].values] if "model" in dataset.coords else []
    return [name for name in MODELS if name in there]


def driving_dimension(dataset: xarray.Dataset) -> str:
    """What the last dimension of a file's points is: sources of torque, or magnets that turn."""
    return "turning" if "turning" in dataset.coords else "source"


def choose_source(dataset: xarray.Dataset, source: str | None = None) -> str:
    """Source of torque to look at, or the magnet that turns in a file of what they pump.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.
    source : str, optional
        By default the first of `torkivity.catalogue.SOURCES`, or the first magnet, that the file
        has.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If the file does not have it.
    """
    dim = driving_dimension(dataset)
    there = [str(x) for x in dataset[dim].values] if dim in dataset.coords else []
    known = [name for name in (SOURCES if dim == "source" else there) if name in there]
    if source is None and known:
        return known[0]
    if source not in known:
        listed = ", ".join(known) or "none: name a variable as the quantity"
        raise InputError(dim, source, f"must be one that the file has ({listed})")
    return source


def choose_models(dataset: xarray.Dataset, models: Sequence[str] = ()) -> list[str]:
    """Models to look at, the reference first; all by default.

    Raises
    ------
    InputError
        If the file does not have one of them.
    """
    known = known_models(dataset)
    for name in models:
        if name not in known:
            raise InputError("model", name, f"must be one that the file has ({', '.join(known)})")
    return [name for name in known if not models or name in models]


def choose_place(dataset: xarray.Dataset, dim: str, name: str | None = None) -> str:
    """Interface, magnet or layer to look at.

    Parameters
    ----------
    dataset : xarray.Dataset
    dim : {"interface", "magnet", "layer"}
    name : str, optional
        By default the first; of interfaces the first that belongs to a magnet.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If the film has no such thing.
    """
    known = [str(value) for value in dataset[dim].values]
    if name is None:
        if dim != "interface":
            return (known or [""])[0]
        magnets = {str(value) for value in dataset.get("magnet", known)} if known else set()
        magnetic = [n for n in known if magnets & set(n.split("|"))]
        return (magnetic or known or [""])[0]
    if name not in known:
        raise InputError(dim, name, f"must be one of {', '.join(known)}")
    return name


def model_values(
    dataset: xarray.Dataset, name: str, model: str, source: str, place: str | None = None
) -> xarray.DataArray:
    """A variable by one model and source, at one interface, magnet or layer.

    Parameters
    ----------
    dataset : xarray.Dataset
        As `torkivity.open_results` gives it.
    name : str
        Of the models: of `torkivity_engine.record.VARIABLES` for example.
    model, source : str
        The latter a source of torque, or the magnet that turns.
    place : str, optional
        As in `choose_place`.

    Returns
    -------
    xarray.DataArray
        Over the axes of the study, and components.

    Raises
    ------
    InputError
        If the file does not have it.
    """
    driven = driving_dimension(dataset)
    if name not in dataset:
        drive = dataset.attrs.get("drive", "field")
        raise InputError("file", _file(dataset), f"has no {name}: its drive is {drive}")
    array = dataset[name].sel({"model": model, driven: source})
    for dim in PLACES:
        if dim in array.dims:
            array = array.sel({dim: choose_place(dataset, dim, place)})
    return array.drop_vars([c for c in array.coords if c in ("model", driven, *PLACES)])


def _file(dataset: xarray.Dataset) -> str:
    return str(dataset.encoding.get("source", "dataset"))
