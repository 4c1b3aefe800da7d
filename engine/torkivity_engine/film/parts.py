"""Fields whose value is a few numbers: a number or a vector, a complex number, components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from torkivity_engine.errors import InputError
from torkivity_engine.film.quantity import Quantity

__all__ = ["COMPLEX", "Parts"]


@dataclass(frozen=True)
class Parts:
    """Metadata of a field that holds one of several lists of numbers, told apart by their length.

    Parameters
    ----------
    names : tuple of tuple of str
        Names of the numbers of each list; ``("",)`` is a plain number. Parameters of a film are
        called by the field and the name, ``spin_hall_angle_x``. Zero stands for a list of zeros,
        the first one.
    as_complex : bool, optional
        Whether the numbers are real and imaginary part.
    """

    names: tuple[tuple[str, ...], ...]
    as_complex: bool = False

    @property
    def expected(self) -> str:
        """What would be right, as the phrase that ends an error."""
        lists = [f"[{', '.join(names)}]" if names != ("",) else "a number" for names in self.names]
        return f"must be {' or '.join(['a number', *lists] if self.as_complex else lists)}"

    def check(self, key: str, value: Any, quantity: Quantity) -> Any:
        """The value as the class keeps it: a float, a complex number or a tuple of floats.

        Raises
        ------
        InputError
        """
        if isinstance(value, (complex, np.complexfloating)):
            value = (float(value.real), float(value.imag))
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if not isinstance(value, (list, tuple)):
            number = self._like(quantity, "").check(key, value)
            if ("",) in self.names:
                return number
            if not self.as_complex and number != 0.0:
                raise InputError(key, value, self.expected)
            value = (number, *(0.0,) * (len(self.names[0]) - 1))
        names = next((n for n in self.names if len(n) == len(value) and n != ("",)), None)
        if names is None:
            raise InputError(key, list(value), self.expected)
        numbers = tuple(
            self._like(quantity, name).check(key, part)
            for name, part in zip(names, value, strict=True)
        )
        return complex(*numbers) if self.as_complex else numbers

    def numbers(self, value: Any) -> dict[str, float]:
        """The numbers of a value by the names of its parts."""
        flat = (value.real, value.imag) if self.as_complex else value
        if not isinstance(flat, tuple):
            return {"": flat}
        names = next(n for n in self.names if len(n) == len(flat) and n != ("",))
        return dict(zip(names, flat, strict=True))

    def quantities(self, key: str, value: Any, quantity: Quantity) -> dict[str, Quantity]:
        """What each number of a value means, by the key that parameters have for it."""
        return {
            _key(key, name): self._like(quantity, name).named(
                f"{quantity.meaning}, {name.replace('_', '-')}" if name else quantity.meaning,
                quantity.label,
            )
            for name in self.numbers(value)
        }

    def changed(self, key: str, value: Any, changes: Mapping[str, Any], quantity: Quantity) -> Any:
        """The value with some of its numbers replaced; None if none of them is."""
        own = self.numbers(value)
        if not any(_key(key, name) in changes for name in own):
            return None
        new = {
            name: self._like(quantity, name).check(_key(key, name), changes[_key(key, name)])
            if _key(key, name) in changes
            else number
            for name, number in own.items()
        }
        return self.check(key, new[""] if list(new) == [""] else tuple(new.values()), quantity)

    def _like(self, quantity: Quantity, name: str) -> Quantity:
        """Of an imaginary part neither sign nor infinity is what it is for the real one."""
        if not self.as_complex or name != "imag":
            return quantity
        bound = quantity.le
        return replace(quantity, ge=None if bound is None else -bound, infinite=False)


def _key(field: str, name: str) -> str:
    return f"{field}_{name}" if name else field


#: A complex number: a number, or real and imaginary part.
COMPLEX = Parts((("real", "imag"),), as_complex=True)
