"""What a figure shows: a quantity of a result file, by component and model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from torkivity.catalogue import MODEL_NAMES, SOURCES
from torkivity.compare.differences import COMPONENTS, relative_differences
from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import InputError
from torkivity_engine.record import TORQUE_PARTS, VARIABLES
from torkivity_engine.units import QUANTITIES, convert_torque

if TYPE_CHECKING:
    import xarray

__all__ = ["DIFFERENCE", "OWN_RESISTIVITY", "Component", "Quantity", "quantity_names"]

#: Name of the difference of models among the quantities.
DIFFERENCE = "difference"

#: Coordinate with the resistivity of the heavy metal at each point, Ohm m.
OWN_RESISTIVITY = "own_resistivity"

_TITLES = {
    "torque_total": "total torque",
    "torque_interface": "torque at the interface",
    "torque_ferromagnet": "torque on the bulk ferromagnet",
    "torque_lattice": "torque on the lattice",
    "spin_current_minus": "spin current at $0^-$",
    "spin_current_plus": "spin current at $0^+$",
    "charge_current_minus": "charge current at $0^-$",
    "charge_current_plus": "charge current at $0^+$",
}


def quantity_names() -> list[str]:
    """Quantities that every model has, and the difference of models."""
    ends = tuple(f"_{component}" for component in COMPONENTS)
    return [*(name for name in VARIABLES if not name.endswith(ends)), DIFFERENCE]


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
        By model, in the order of `torkivity.catalogue.MODEL_NAMES`; one entry without
        a name for a variable that belongs to no model.
    """

    title: str
    quantity: str
    units: str
    values: dict[str, xarray.DataArray]


@dataclass(frozen=True)
class Quantity:
    """What to show of a result file.

    Attributes
    ----------
    name : str
        One of `quantity_names`, or any variable of the file. ``difference`` is that of the total
        torque from the Boltzmann equation, as
        `torkivity.compare.differences.relative_differences` defines it, in percent.
    models : sequence of str
        Of `torkivity.catalogue.MODEL_NAMES`; empty for all in the file.
    source : {"all", "rashba", "spin_hall"}, optional
        By default the first of these that the file has.
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
    components: Literal["auto", "torque-frame", "cartesian"] = "auto"
    normalisation: str = "per_e_tilde"
    resistivity: float | None = None

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
        if self.name not in quantity_names() or self.name in dataset:
            return self._variable(dataset)
        source = self.source_in(dataset)
        models = self.models_in(dataset)
        if self.name == DIFFERENCE:
            return self._difference(dataset, models, source)
        names = {model: f"{model}_{source}_{self.name}" for model in models}
        if self._in_frame(dataset, names):
            parts = {
                component.replace("_", "-"): {
                    model: dataset[f"{name}_{component}"] for model, name in names.items()
                }
                for component in COMPONENTS
            }
        elif "spin" in dataset[names[models[0]]].dims:
            parts = {
                str(axis): {model: dataset[name].sel(spin=axis) for model, name in names.items()}
                for axis in dataset["spin"].values
            }
        else:
            parts = {"": {model: dataset[name] for model, name in names.items()}}
        units = str(dataset[names[models[0]]].attrs.get("units", "1"))
        return [
            Component(title, _TITLES[self.name], *self._converted(units, values))
            for title, values in parts.items()
        ]

    def source_in(self, dataset: xarray.Dataset) -> str:
        """Source of torque that is shown."""
        known = [
            source
            for source in reversed(SOURCES)
            if any(f"{model}_{source}_torque_total" in dataset for model in MODEL_NAMES)
        ]
        if self.source is None and known:
            return known[0]
        if self.source not in known:
            listed = ", ".join(known) or "none: name a variable as the quantity"
            raise InputError("source", self.source, f"must be one that the file has ({listed})")
        return self.source

    def models_in(self, dataset: xarray.Dataset) -> list[str]:
        """Models that are shown, in the order of `torkivity.catalogue.MODEL_NAMES`."""
        source = self.source_in(dataset)
        known = [model for model in MODEL_NAMES if f"{model}_{source}_torque_total" in dataset]
        for model in self.models:
            if model not in known:
                raise InputError(
                    "model", model, f"must be one that the file has ({', '.join(known)})"
                )
        chosen = [model for model in known if not self.models or model in self.models]
        if self.name != DIFFERENCE:
            return chosen
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

    def _in_frame(self, dataset: xarray.Dataset, names: dict[str, str]) -> bool:
        """Whether to show damping-like and field-like components."""
        is_torque = self.name.removeprefix("torque_") in TORQUE_PARTS
        if self.components == "cartesian":
            return False
        if not is_torque:
            if self.components == "torque-frame":
                raise InputError(
                    "components", self.components, f"are those of torques; {self.name} is Cartesian"
                )
            return False
        if self.components == "torque-frame":
            return True
        columns = [dataset[f"{name}_damping_like"].values for name in names.values()]
        done = dataset["status"].values == 1
        return not done.any() or any(np.isfinite(column).any() for column in columns)

    def _difference(
        self, dataset: xarray.Dataset, models: list[str], source: str
    ) -> list[Component]:
        if self.components == "cartesian":
            raise InputError("components", self.components, "a difference is in the torque frame")
        if self.normalisation != "per_e_tilde":
            raise InputError("normalisation", self.normalisation, "a difference is in percent")
        found = {model: relative_differences(dataset, model, source) for model in models}
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
        grid = dataset["status"].dims
        own = [str(dim) for dim in variable.dims if dim not in grid]
        title = str(variable.attrs.get("long_name", self.name)).split(",")[0]
        units = str(variable.attrs.get("units", "1"))
        if not own:
            return [Component("", title, units, {"": variable})]
        if len(own) > 1 or variable.sizes[own[0]] > 6:
            raise InputError("quantity", self.name, f"has too many components ({', '.join(own)})")
        return [
            Component(str(value), title, units, {"": variable.sel({own[0]: value})})
            for value in dataset[own[0]].values
        ]

    def _converted(
        self, units: str, values: dict[str, xarray.DataArray]
    ) -> tuple[str, dict[str, xarray.DataArray]]:
        if self.normalisation == "per_e_tilde":
            return units, values
        if self.name.removeprefix("torque_") not in TORQUE_PARTS:
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
