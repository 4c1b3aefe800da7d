"""Errors in a configuration: file, key, value and what would be right."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Any

from torkivity_engine.errors import InputError

__all__ = ["ConfigError", "Problems", "literal", "shorten"]


class ConfigError(InputError):
    """Input error with the file it is in.

    Parameters
    ----------
    file : str
    problem : str
        What is wrong and what would be right, one line for each thing.
    """

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(file, problem, "")
        self.args = ("\n".join(f"{file}: {line}" for line in problem.splitlines()),)

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[type[ConfigError], tuple[str, str]]:  # type: ignore[override]
        return (type(self), (self.key, str(self.value)))


class Problems:
    """Everything that is wrong with a configuration, to be said at once.

    Parameters
    ----------
    file : str
        Name for errors.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self._lines: list[str] = []

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, key: str, expected: str, *value: Any) -> None:
        """A key with the value it has, if any, and what would be right."""
        plain = expected.startswith(("is ", "has ", "must ", "does ", "needs "))
        found = f" = {shorten(literal(value[0]))}:" if value else "" if plain else ":"
        line = " ".join(f"{key}{found} {expected}".split())
        if line not in self._lines:
            self._lines.append(line)

    def unknown(self, key: str, name: str, known: Iterable[str]) -> None:
        """A key that nobody knows, with the nearest one that there is."""
        names = list(known)
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(names)}"
        # A misspelt key is the reason of much else.
        self._lines.insert(0, f"{key}: unknown key; {hint}")

    def raise_any(self) -> None:
        """Raise what there is.

        Raises
        ------
        ConfigError
        """
        if self._lines:
            raise ConfigError(self.file, "\n".join(self._lines))


def literal(value: Any) -> str:
    """TOML spelling of a value; Python's for what TOML does not have."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {literal(item)}" for key, item in value.items()) + " }"
    return repr(value)


def shorten(text: str, limit: int = 80) -> str:
    """Text that fits into a line."""
    return text if len(text) <= limit else text[: limit - 3] + "..."
