"""What a figure shows: a quantity of a result file, by component and model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from torkivity.figures.style import PER_FIELD
from torkivity.results.differences import relative_differences
from torkivity.results.values import (
    choose_models,
    choose_source,
    driving_dimension,
    known_models,
    model_values,
)
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError
from torkivity_engine.record import (
    COMPONENTS,
    IN_PLANE_VARIABLES,
    MAGNET_VARIABLES,
    PUMPING_VARIABLES,
    VARIABLES,
)
from torkivity_engine.units import QUANTITIES, convert_torque

if TYPE_CHECKING:
    import xarray

__all__ = [
    "DAMPING",
    "DIFFERENCE",
    "OWN_RESISTIVITY",
    "RESISTANCE",
    "TITLES",
    "Component",
    "Quantity",
    "quantity_names",
]

#: Coordinate with the resistivity of the heavy metal at each point, Ohm m.
OWN_RESISTIVITY = "own_resistivity"

#: Name of the difference of models among the quantities.
DIFFERENCE = "difference"

#: Of quantities, in a figure's words.
TITLES = {
    "torque_total": "total torque",
    "torque_interface": "torque at the interface",
    "torque_ferromagnet": "torque on the bulk ferromagnet",
    "torque_lattice": "torque on the lattice",
    "spin_current_minus": "spin current at $0^-$",
    "spin_current_plus": "spin current at $0^+$",
    "charge_current_minus": "charge current at $0^-$",
    "charge_current_plus": "charge current at $0^+$",
    "magnet_torque_total": "total torque on the magnet",
    "magnet_torque_interface": "torque at the magnet's interfaces",
    "magnet_torque_ferromagnet": "spin current into the magnet",
    "magnet_torque_exchange": "torque of exchange on the magnet",
    "sheet_conductance": "sheet conductance",
    "sheet_resistance": "sheet resistance",
    "layer_sheet_conductance": "sheet conductance of the layer",
    "current_share": "share of the current",
    "pumped_spin_current_minus": "spin current at $0^-$",
    "pumped_spin_current_plus": "spin current at $0^+$",
    "pumped_torque_interface": "torque at the interface",
    "pumped_torque_exchange": "exchange torque",
    "pumped_torque_bulk": "torque of the bulk alone",
    "pumped_sheet_current": "pumped sheet current",
    "effective_mixing_conductance": r"$G_\mathrm{eff}$",
    "damping": "damping that pumping adds",
}

#: What follows from the effective mixing conductance and the moment of the magnet.
DAMPING = "damping"

RESISTANCE = "sheet_resistance"

#: Short names that users may give.
_SHORT = {
    "resistance": RESISTANCE,
    "conductance": "sheet_conductance",
    "sheet_current": "pumped_sheet_current",
    "g_eff": "effective_mixing_conductance",
}

_PUMPED = {name: x for name, x in PUMPING_VARIABLES.items() if name in TITLES}
_QUANTITIES = {**VARIABLES, **MAGNET_VARIABLES, **IN_PLANE_VARIABLES, **_PUMPED}

#: Quantities that are far from zero, whose changes are what matters.
_FAR_FROM_ZERO = ("sheet_conductance", "sheet_resistance", "layer_sheet_conductance")


def quantity_names() -> list[str]:
    """Quantities that every model has, and the difference of models."""
    ends = tuple(f"_{component}" for component in COMPONENTS)
    return [*(name for name in _QUANTITIES if not name.endswith(ends)), DAMPING, DIFFERENCE]


@dataclass(frozen=True, eq=False)
class Component:
    """One component of a quantity.

    Attributes
    ----------
    title : str
        Of the component, "damping-like" or "x"; empty for a scalar.
    quantity : str
        In words.
    units : str
        As in the file, or "%".
    values : dict of str to xarray.DataArray
        By model, in the order of `torkivity.catalogue.MODELS`; one entry without
        a name for a variable that belongs to no model.
    zero : bool
        Whether a figure keeps zero in sight.
    per : str
        What a value is per, in a figure's words.
    """

    title: str
    quantity: str
    units: str
    values: dict[str, xarray.DataArray]
    zero: bool = True
    per: str = ""


@dataclass(frozen=True)
class Quantity:
    """What to show of a result file.

    Attributes
    ----------
    name : str
        One of `quantity_names`, or any variable of the file; "resistance" and "conductance" are
        those of the sheet. ``difference`` is that of the total
        torque from the Boltzmann equation, as
        `torkivity.results.differences` defines it, in percent.
    models : sequence of str
        Of `torkivity.catalogue.MODELS`; empty for all in the file.
    source : str, optional
        By default the first of `torkivity.catalogue.SOURCES` that the file has; the magnet that
        turns where the drive is pumping.
    place : str, optional
        Interface, or magnet for torques on magnets; by default the first magnetic one.
    components : {"auto", "torque-frame", "cartesian"}
        Damping-like and field-like, or x, y and z. "auto" takes the former for torques, if they
        exist anywhere.
    normalisation : str
        Of torques, one of `torkivity_engine.units.QUANTITIES`.
    resistivity : float, optional
        Of the heavy metal in Ohm m, where the normalisation needs it; by default the coordinate
        ``own_resistivity`` of the dataset.
    """

    name: str = "torque_total"
    models: Sequence[str] = ()
    source: str | None = None
    place: str | None = None
    components: Literal["auto", "torque-frame", "cartesian"] = "auto"
    normalisation: str = "per_e_tilde"
    resistivity: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _SHORT.get(self.name, self.name))

    def of(self, dataset: xarray.Dataset) -> list[Component]:
        """Components of the quantity in a file.

        Parameters
        ----------
        dataset : xarray.Dataset
            As `torkivity.open_results` gives it.

        Returns
        -------
        list of Component

        Raises
        ------
        InputError
            If the file does not have it.
        """
        of_models = self.name in quantity_names()
        if not of_models or (self.name in dataset.data_vars and not known_models(dataset)):
            return self._variable(dataset)
        source = choose_source(dataset, self.source)
        models = self.models_in(dataset)
        if self.name == DIFFERENCE:
            return self._difference(dataset, models, source)

        if self.name not in dataset.data_vars:
            raise InputError(
                "quantity", self.name, "is not in this file" + _remedy(dataset, self.name)
            )

        def values(name: str) -> dict[str, xarray.DataArray]:
            return {m: model_values(dataset, name, m, source, self.place) for m in models}

        if self._in_frame(dataset, source, models):
            parts = {c.replace("_", "-"): values(f"{self.name}_{c}") for c in COMPONENTS}
        else:
            parts = _by_component(dataset, values(self.name))
        units = str(dataset[self.name].attrs.get("units", "1"))
        components = []
        for title, found in parts.items():
            shown, converted = self._converted(units, found)
            components.append(
                Component(
                    *(title, TITLES[self.name], shown, converted),
                    zero=self.name not in _FAR_FROM_ZERO or title == "transverse",
                    per=_per(dataset, self.name, shown),
                )
            )
        return components

    def part_of(self, dataset: xarray.Dataset, first: bool = False) -> xarray.Dataset:
        """What is shown of the models and sources in a file, of the models maybe only the first."""
        if not known_models(dataset) or self.name not in quantity_names():
            return dataset
        models = self.models_in(dataset)[: 1 if first else None]
        driven = driving_dimension(dataset)
        return dataset.sel({"model": models, driven: [choose_source(dataset, self.source)]})

    def models_in(self, dataset: xarray.Dataset) -> list[str]:
        """Models that are shown, in the order of `torkivity.catalogue.MODELS`."""
        chosen = choose_models(dataset, self.models)
        if self.name != DIFFERENCE:
            return chosen
        known = known_models(dataset)
        if "boltzmann" not in known or len(known) < 2:
            raise InputError(
                "quantity",
                DIFFERENCE,
                f'needs "boltzmann" and another model, but the file has {", ".join(known)}',
            )
        others = [model for model in chosen if model != "boltzmann"]
        if not others:
            raise InputError("model", "boltzmann", "is what the difference is taken from")
        return others

    @property
    def _is_torque(self) -> bool:
        return f"{self.name}_{COMPONENTS[0]}" in _QUANTITIES

    def _in_frame(self, dataset: xarray.Dataset, source: str, models: list[str]) -> bool:
        """Whether to show damping-like and field-like components."""
        if self.components == "cartesian":
            return False
        if not self._is_torque:
            if self.components == "torque-frame":
                raise InputError(
                    "components", self.components, f"are those of torques; {self.name} is Cartesian"
                )
            return False
        if self.components == "torque-frame":
            return True
        name = f"{self.name}_{COMPONENTS[0]}"
        done = dataset["status"].values == 1
        columns = [model_values(dataset, name, m, source, self.place).values for m in models]
        return not done.any() or any(np.isfinite(column).any() for column in columns)

    def _difference(
        self, dataset: xarray.Dataset, models: list[str], source: str
    ) -> list[Component]:
        if self.components == "cartesian":
            raise InputError("components", self.components, "a difference is in the torque frame")
        if self.normalisation != "per_e_tilde":
            raise InputError("normalisation", self.normalisation, "a difference is in percent")
        found = {
            model: relative_differences(dataset, model, source, place=self.place)
            for model in models
        }
        return [
            Component(
                f"{component.replace('_', '-')} total torque",
                "difference from Boltzmann",
                "%",
                {model: 100.0 * found[model][component] for model in models},
            )
            for component in COMPONENTS
        ]

    def _variable(self, dataset: xarray.Dataset) -> list[Component]:
        """Any variable of the file, a component for each position along dimensions of its own."""
        if self.name not in dataset.data_vars or dataset[self.name].dtype.kind not in "fi":
            raise InputError(
                "quantity",
                self.name,
                f"must be one of {', '.join(quantity_names())}, or a variable of the file "
                "('torkivity info' lists them)",
            )
        if self.normalisation != "per_e_tilde":
            raise InputError("normalisation", self.normalisation, "is for torques of the models")
        variable = dataset[self.name]
        driven = driving_dimension(dataset)
        if driven in variable.dims:
            variable = variable.sel({driven: choose_source(dataset, self.source)})
        if "model" in variable.dims:
            variable = variable.sel(model=choose_models(dataset, self.models)[0])
        grid = dataset["status"].dims
        own = [str(dim) for dim in variable.dims if dim not in grid]
        title = str(variable.attrs.get("long_name", self.name)).split(",")[0]
        units = str(variable.attrs.get("units", "1"))
        per = _per(dataset, self.name, units)
        if not own:
            return [Component("", title, units, {"": variable}, per=per)]
        if len(own) > 1 or variable.sizes[own[0]] > 6:
            raise InputError("quantity", self.name, f"has too many components ({', '.join(own)})")
        return [
            Component(str(value), title, units, {"": variable.sel({own[0]: value})}, per=per)
            for value in dataset[own[0]].values
        ]

    def _converted(
        self, units: str, values: dict[str, xarray.DataArray]
    ) -> tuple[str, dict[str, xarray.DataArray]]:
        if self.normalisation == "per_e_tilde":
            return units, values
        if not self._is_torque:
            raise InputError("normalisation", self.normalisation, "is for torques")
        return QUANTITIES[self.normalisation], {
            model: array.copy(
                data=convert_torque(
                    array.values,
                    "per_e_tilde",
                    self.normalisation,
                    resistivity=self._resistivity(array),
                )
            )
            for model, array in values.items()
        }

    def _resistivity(self, array: xarray.DataArray) -> ArrayLike | None:
        if self.resistivity is not None or OWN_RESISTIVITY not in array.coords:
            return self.resistivity
        own: FloatArray = array.coords[OWN_RESISTIVITY].broadcast_like(array).values
        return own


def _by_component(
    dataset: xarray.Dataset, whole: dict[str, xarray.DataArray]
) -> dict[str, dict[str, xarray.DataArray]]:
    """Values by model, for each component of a vector or of a current in the plane, and each q."""
    found = {"": whole}
    for dim in ("spin", "direction", "plane", "q"):
        if dim in next(iter(whole.values())).dims:
            found = {
                _joined(title, f"${name}$" if dim == "q" else str(name)): {
                    model: array.sel({dim: name}) for model, array in of.items()
                }
                for title, of in found.items()
                for name in dataset[dim].values
            }
    return found


def _joined(first: str, second: str) -> str:
    return f"{first}, {second}" if first else second


def _per(dataset: xarray.Dataset, name: str, units: str) -> str:
    """What a value is per: a field, or q where magnets pump."""
    if name in ("effective_mixing_conductance", DAMPING) or not units.startswith("1/(Ohm"):
        return ""
    return "per $q$" if driving_dimension(dataset) == "turning" else PER_FIELD


def _remedy(dataset: xarray.Dataset, name: str) -> str:
    if name == DAMPING:
        return "; --ms, the saturation magnetization, gives it where the drive is pumping"
    if (name in _PUMPED) != (driving_dimension(dataset) == "turning"):
        return f", whose drive is {dataset.attrs.get('drive', 'field')}"
    return '; [sweep] quantities = ["in_plane"] computes it' if name in IN_PLANE_VARIABLES else ""
