"""Between the tables of a configuration and the film they describe.

What a kind of layer, interface or boundary takes is known to its class alone
(`torkivity_engine.film`): keys, units, limits and meanings are read from there, and so are the
errors.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torkivity.config.errors import Problems
from torkivity_engine.errors import InputError
from torkivity_engine.film.boundaries import Boundary, Surface
from torkivity_engine.film.component import Component, fields_of, forms_of, ways_of
from torkivity_engine.film.interface import Interface
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.kinds import kind_named
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.quantity import Quantity
from torkivity_engine.film.stack import FILM_QUANTITIES, Bilayer, Stack, as_stack
from torkivity_engine.film.tabulated_interface import TabulatedInterface
from torkivity_engine.spin import direction

__all__ = ["FILM_TABLES", "film_tables", "read_film"]

Film = Bilayer | Stack
Table = Mapping[str, Any]

#: Top-level tables that describe the film.
FILM_TABLES = (
    *("film", "heavy_metal", "interface", "ferromagnet"),
    *("layers", "interfaces", "surfaces"),
)
#: The tables of the short form, with what they are unless they say otherwise.
_SHORT: dict[str, type[Component]] = {
    "heavy_metal": HeavyMetal,
    "interface": RashbaInterface,
    "ferromagnet": Ferromagnet,
}
_ENDS = ("left", "right")
_M, _ANGLES = "magnetization", "magnetization_angles_deg"
_NO_CONTEXT = "fermi_wavevector"


@dataclass
class _Reader:
    """Reads tables and collects what is wrong with them."""

    problems: Problems
    fermi_wavevector: float = 16.0
    magnetization: tuple[float, float, float] | None = None
    shared: bool = True

    def film(self, data: Table) -> Film | None:
        """The film of a configuration; None if something is wrong."""
        numbers = self._film_numbers(self._table(data.get("film", {}), "film"))
        self.fermi_wavevector = numbers.get("fermi_wavevector", self.fermi_wavevector)
        ends = self._ends(self._table(data.get("surfaces", {}), "surfaces"))
        long = [key for key in ("layers", "interfaces") if key in data]
        short = [key for key in _SHORT if key in data]
        if long and short:
            self.problems.add(
                long[0], f"does not go together with [{short[0]}]: give [[layers]] and "
                "[[interfaces]], or the three tables of a bilayer"
            )  # fmt: skip
            return None
        if long:
            self.shared = False
            return self._stack(data, numbers, ends)
        return self._bilayer(data, numbers, ends)

    def _bilayer(self, data: Table, numbers: dict[str, Any], ends: dict[str, Any]) -> Film | None:
        parts: dict[str, Any] = {}
        names: dict[str, str | None] = {}
        for key, kind in _SHORT.items():
            if key not in data:
                self.problems.add(key, f"is missing: a table [{key}] is needed")
                continue
            table = dict(self._table(data[key], key))
            names[key] = self._name(table, key)
            base = Interface if key == "interface" else Layer
            parts[key] = self._component(table, key, base, kind)
        if self.problems or None in parts.values():
            return None
        given = {k: v for k, v in names.items() if k != "interface"}
        labels = tuple(
            given[key] or stem for key, stem in (("heavy_metal", "HM"), ("ferromagnet", "FM"))
        )
        interface = names["interface"]
        return self._made(
            lambda: Bilayer(
                **parts,
                magnetization=self.magnetization or (0.0, 0.0, 1.0),
                **numbers,
                **ends,
                layer_names=labels,
                interface_names=None if interface is None else (interface,),
            )
        )

    def _stack(self, data: Table, numbers: dict[str, Any], ends: dict[str, Any]) -> Film | None:
        layers, interfaces = self._parts(data, "")
        if self.problems:
            return None
        return self._made(
            lambda: Stack(
                tuple(part for _, part in layers),
                tuple(part for _, part in interfaces),
                **ends,
                **numbers,
                layer_names=_layer_names(layers),
                interface_names=tuple(name for name, _ in interfaces),
            )
        )

    def _parts(self, data: Table, where: str) -> tuple[list[Any], list[Any]]:
        """Named layers and interfaces of a list, groups with ``repeat`` written out."""
        layers: list[Any] = []
        joints: list[int] = []  # how many interfaces come before each entry of the list
        inner: list[list[Any]] = []
        for number, entry in enumerate(self._list(data.get("layers"), f"{where}layers")):
            key = f"{where}layers[{number}]"
            if "layers" in entry or "repeat" in entry:
                group, within = self._group(entry, key)
            else:
                table = dict(entry)
                name = self._name(table, key)
                group, within = [(name, self._component(table, key, Layer, None))], []
            joints.append(len(layers))
            layers += group
            inner.append(within)
        outer = []
        for number, entry in enumerate(
            self._list(data.get("interfaces", []), f"{where}interfaces")
        ):
            key = f"{where}interfaces[{number}]"
            table = dict(entry)
            name = self._name(table, key)
            outer.append((name, self._component(table, key, Interface, RashbaInterface)))
        if len(outer) != len(inner) - 1 and not self.problems:
            self.problems.add(
                f"{where}interfaces", f"has {len(outer)} entries: must be one fewer than the "
                f"{len(inner)} of {where}layers"
            )  # fmt: skip
            return layers, []
        interfaces: list[Any] = []
        for number, within in enumerate(inner):
            if number:
                interfaces.append(outer[number - 1] if number <= len(outer) else None)
            interfaces += within
        return layers, interfaces

    def _group(self, entry: Table, key: str) -> tuple[list[Any], list[Any]]:
        """Layers that repeat; the last interface of the group lies between its copies."""
        for name in entry:
            if name not in ("layers", "interfaces", "repeat"):
                self.problems.unknown(f"{key}.{name}", name, ("layers", "interfaces", "repeat"))
        count = entry.get("repeat", 1)
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 1000:
            self.problems.add(f"{key}.repeat", "must be an integer from 1 to 1000", count)
            return [], []
        inside = dict(entry)
        listed = self._list(entry.get("interfaces", []), f"{key}.interfaces")
        joint: Any = None
        if count > 1:
            if not listed:
                self.problems.add(
                    f"{key}.interfaces", "must end with the interface between two copies"
                )
                return [], []
            table = dict(listed[-1])
            joint = (
                self._name(table, f"{key}.interfaces[{len(listed) - 1}]"),
                self._component(
                    table, f"{key}.interfaces[{len(listed) - 1}]", Interface, RashbaInterface
                ),
            )
            inside["interfaces"] = listed[:-1]
        layers, interfaces = self._parts(inside, f"{key}.")
        if count > 1:
            # Copies have no names of their own but by number.
            interfaces = [(None, part) for _, part in interfaces]
            joint = (None, joint[1])
        all_layers, all_interfaces = list(layers), list(interfaces)
        for _ in range(count - 1):
            all_layers += layers
            all_interfaces += [joint, *interfaces]
        return all_layers, all_interfaces

    def _film_numbers(self, table: Table) -> dict[str, Any]:
        known = (*FILM_QUANTITIES, _M, _ANGLES)
        found: dict[str, Any] = {}
        for key, value in table.items():
            if key in FILM_QUANTITIES:
                self._checked(found, FILM_QUANTITIES[key], f"film.{key}", key, value)
            elif key not in (_M, _ANGLES):
                self.problems.unknown(f"film.{key}", key, known)
        self.magnetization = self._direction(table, "film")
        return found

    def _checked(
        self, found: dict[str, Any], quantity: Quantity, path: str, key: str, value: Any
    ) -> None:
        try:
            found[key] = quantity.check(key, value)
        except InputError as error:
            self.problems.add(path, error.expected, error.value)

    def _direction(self, table: Table, where: str) -> tuple[float, float, float] | None:
        """Direction of m, by vector or by angles; None if it is not given."""
        from torkivity_engine.film.checks import check_direction

        if _M in table and _ANGLES in table:
            self.problems.add(where, f"give {_M} or {_ANGLES}, not both")
            return None
        if _M in table and not isinstance(table[_M], Mapping):
            try:
                return check_direction(_M, table[_M])
            except InputError as error:
                self.problems.add(f"{where}.{_M}", error.expected, error.value)
            return None
        key = _M if _M in table else _ANGLES
        if key not in table:
            return None
        names = ("theta_deg", "phi_deg") if key == _M else ("theta", "phi")
        angles = self._table(table[key], f"{where}.{key}")
        for name in angles:
            if name not in names:
                self.problems.unknown(f"{where}.{key}.{name}", name, names)
        if set(angles) != set(names):
            missing = [name for name in names if name not in angles]
            if missing and set(angles) <= set(names):
                self.problems.add(f"{where}.{key}.{missing[0]}", "is missing: an angle in degrees")
            return None
        values = []
        for name in names:
            value = angles[name]
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, float))
                or not math.isfinite(value)
            ):
                self.problems.add(f"{where}.{key}.{name}", "must be a finite angle", value)
                return None
            values.append(math.radians(value))
        return direction(*values)

    def _ends(self, table: Table) -> dict[str, Any]:
        """Outer boundaries: ``left_specularity``, or tables ``left`` and ``right``."""
        found: dict[str, Any] = {}
        known = [*_ENDS, *(f"{end}_specularity" for end in _ENDS)]
        for key, value in table.items():
            end = key.removesuffix("_specularity")
            if key not in known:
                self.problems.unknown(f"surfaces.{key}", key, known)
            elif end in found:
                self.problems.add(f"surfaces.{key}", f"is the same as surfaces.{end}: give one")
            elif key == end:
                inner = dict(self._table(value, f"surfaces.{key}"))
                made = self._component(inner, f"surfaces.{key}", Boundary, Surface)
                if made is not None:
                    found[end] = made
            else:
                try:
                    found[end] = Surface(value)
                except InputError as error:
                    self.problems.add(f"surfaces.{key}", error.expected, error.value)
        return found

    def _component(
        self, table: dict[str, Any], where: str, base: Any, kind: type[Component] | None
    ) -> Any:
        """A component from its table; None if something is wrong with it."""
        if "kind" in table or kind is None:
            named = table.pop("kind", None)
            try:
                kind = kind_named(named, base)
            except InputError as error:
                self.problems.add(f"{where}.kind", error.expected, named)
                return None
        assert kind is not None
        if kind is TabulatedInterface:
            return self._amplitudes(table, where)
        before = len(self.problems)
        own = fields_of(kind)
        forms = forms_of(kind)
        values: dict[str, Any] = {}
        if _M in own:
            m = self._direction(table, where)
            # Interfaces follow the magnet that they belong to; a bilayer shares its m.
            if m is None and base is Layer and not self.shared:
                m = self.magnetization or (0.0, 0.0, 1.0)
            if m is not None:
                values[_M] = m
            for key in (_M, _ANGLES):
                table.pop(key, None)
        quantities = {key: q for form in forms.values() for key, q in form.items()}
        known = [*own, *(key for key in quantities if key != _NO_CONTEXT)]
        for key, value in table.items():
            if key not in known:
                self.problems.unknown(f"{where}.{key}", key, known)
                continue
            try:
                values[key] = (
                    own[key].check(_tuples(value))
                    if key in own
                    else quantities[key].check(key, value)
                )
            except InputError as error:
                self.problems.add(f"{where}.{key}", error.expected, error.value)
        if len(self.problems) > before:
            if set(table) <= set(known):  # what is misspelt may be what is missing
                self._absent(kind, table, where)
            return None
        try:
            return kind.from_values(values, self.fermi_wavevector)
        except InputError as error:
            if error.key == kind.kind:  # about which keys there are
                self._missing(kind, values, where)
            else:
                self.problems.add(f"{where}.{error.key}", error.expected, error.value)
            return None

    def _amplitudes(self, table: Table, where: str) -> TabulatedInterface | None:
        """An interface from a file of amplitudes, named relative to the configuration."""
        from torkivity_hpc.files.amplitudes import read_amplitudes

        before, known = len(self.problems), ("file", "digest")
        for key, value in table.items():
            if key not in known:
                self.problems.unknown(f"{where}.{key}", key, known)
            elif not isinstance(value, str):
                self.problems.add(f"{where}.{key}", "must be a text", value)
        if "file" not in table:
            self.problems.add(f"{where}.file", "is missing: a file of amplitudes")
        if len(self.problems) > before:
            return None
        try:
            made = read_amplitudes(Path(self.problems.file).parent / table["file"])
        except InputError as error:
            self.problems.add(f"{where}.file", error.expected, table["file"])
            return None
        if table.get("digest", made.digest) != made.digest:
            self.problems.add(
                f"{where}.digest",
                f"is not that of {table['file']}, which has {made.digest}: the file has changed",
                table["digest"],
            )
            return None
        return made

    def _missing(self, kind: type[Component], values: Table, where: str) -> None:
        """Note keys that a component lacks, or that do not go together."""
        common = self._absent(kind, values, where)
        ways = ways_of(kind)
        if len(ways) == 1:
            return
        # What all ways have in common need not be said.
        differ = {key for way in ways for key in way} - common
        given = " + ".join(key for key in values if key in differ) or "none of its lengths"
        listed = ", ".join(" + ".join(key for key in way if key not in common) for way in ways)
        self.problems.add(where, f"has {given}: give exactly one of {listed}")

    def _absent(self, kind: type[Component], given: Table, where: str) -> set[str]:
        """Note keys that a component lacks whatever else is given; all such keys."""
        own = fields_of(kind)
        first, *others = ways_of(kind)
        common = set(first).intersection(*others)
        for key in first:
            if key in common and key not in given:
                quantity = own[key].quantity if key in own else None
                what = f": {quantity.meaning}, {quantity.unit}" if quantity else ""
                self.problems.add(f"{where}.{key}", f"is missing{what}")
        return common

    def _made(self, make: Any) -> Film | None:
        try:
            film: Film = make()
        except InputError as error:
            key = error.key if "." in error.key or error.key in FILM_TABLES else f"film.{error.key}"
            self.problems.add(key, error.expected, error.value)
            return None
        return film

    def _name(self, table: dict[str, Any], where: str) -> str | None:
        name = table.pop("name", None)
        if name is not None and not isinstance(name, str):
            self.problems.add(f"{where}.name", "must be a text", name)
            return None
        if isinstance(name, str) and not name.isprintable():
            self.problems.add(
                f"{where}.name",
                "must not hold control characters; write backslashes in single quotes, "
                r"'$\beta$-W'",
                name,
            )
            return None
        return name

    def _table(self, value: Any, where: str) -> Table:
        if isinstance(value, Mapping):
            return value
        self.problems.add(where, f"must be a table, [{where}] or {{ ... }}", value)
        return {}

    def _list(self, value: Any, where: str) -> Sequence[Table]:
        if isinstance(value, list) and all(isinstance(entry, Mapping) for entry in value):
            return value
        self.problems.add(where, f"must be a list of tables, [[{where}]]", value)
        return []


def _tuples(value: Any) -> Any:
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value


def _layer_names(layers: Iterable[tuple[str | None, Layer]]) -> tuple[str, ...]:
    """Names as given, numbered from below where one occurs more than once."""
    stems = [name or layer.stem for name, layer in layers]
    return tuple(
        stem if stems.count(stem) == 1 else f"{stem}{stems[: i + 1].count(stem)}"
        for i, stem in enumerate(stems)
    )


def read_film(data: Table, problems: Problems) -> Film | None:
    """Film that the tables of a configuration describe.

    Parameters
    ----------
    data : mapping
        Parsed TOML; only `FILM_TABLES` are looked at.
    problems : Problems
        Takes whatever is wrong.

    Returns
    -------
    Bilayer, Stack or None
        None if anything is wrong.
    """
    return _Reader(problems).film(data)


def film_tables(film: Film) -> dict[str, Any]:
    """Tables that read back as the film, as it was given.

    Parameters
    ----------
    film : Bilayer or Stack

    Returns
    -------
    dict
        Of strings, numbers, lists and dicts.
    """
    stack = as_stack(film)
    k_f = stack.fermi_wavevector
    whole: dict[str, Any] = {key: getattr(film, key) for key in FILM_QUANTITIES}
    ends = {end: _component_table(getattr(stack, end), k_f, Surface) for end in _ENDS}
    if isinstance(film, Bilayer):
        whole[_M] = list(film.magnetization)
        tables: dict[str, Any] = {"film": whole}
        names = dict(zip(("heavy_metal", "ferromagnet"), stack.names, strict=True))
        for key, kind in _SHORT.items():
            part = _component_table(getattr(film, key), k_f, kind)
            name = names.get(key) or (film.interface_names or (None,))[0]
            tables[key] = {**({"name": name} if name else {}), **part}
    else:
        given = stack.interface_names or (None,) * len(stack.interfaces)
        tables = {
            "film": whole,
            "layers": [
                {"kind": layer.kind, "name": name, **_component_table(layer, k_f, type(layer))}
                for name, layer in zip(stack.names, stack.layers, strict=True)
            ],
            "interfaces": [
                {
                    "kind": part.kind,
                    **({"name": name} if name else {}),
                    **_component_table(part, k_f, type(part)),
                }
                for name, part in zip(given, stack.interfaces, strict=True)
            ],
        }
    tables["surfaces"] = ends
    return tables


def _component_table(part: Component, k_f: float, kind: type[Component]) -> dict[str, Any]:
    """Keys and values of a component, its kind where it is not the expected one."""
    table: dict[str, Any] = {} if type(part) is kind else {"kind": part.kind}
    for key, value in part.as_given(k_f).items():
        if value is not None:
            table[key] = _lists(value)
    return table


def _lists(value: Any) -> Any:
    if isinstance(value, complex):
        return [value.real, value.imag]
    return [_lists(part) for part in value] if isinstance(value, tuple) else value
