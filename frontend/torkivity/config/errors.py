"""Errors in a configuration: file, key, value and what would be right."""

from __future__ import annotations

import json
from typing import Any

from torkivity_engine.errors import InputError

__all__ = ["ConfigError", "literal", "shorten"]


class ConfigError(InputError):
    """Input error with the file it is in.

    Parameters
    ----------
    file : str
    problem : str
        What is wrong and what would be right, in one line.
    """

    def __init__(self, file: str, problem: str) -> None:
        super().__init__(file, problem, "")
        self.args = (f"{file}: {problem}",)

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[type[ConfigError], tuple[str, str]]:  # type: ignore[override]
        return (type(self), (self.key, str(self.value)))


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
