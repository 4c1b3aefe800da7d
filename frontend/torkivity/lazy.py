"""Names that a package hands on, imported when first used.

lazy_loader does the same for names of a package's own modules only; most of ours live in the
engine.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

__all__ = ["attach"]


def attach(
    package: str, file: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """What a package needs to hand on the names that its stub imports.

    Parameters
    ----------
    package : str
        ``__name__`` of the package.
    file : str
        Its ``__file__``; the stub lies beside it and holds nothing but ``from module import
        name as name``.

    Returns
    -------
    getattr, dir : callable
        ``__getattr__`` and ``__dir__`` of the package.
    names : list of str
        Its ``__all__``.
    """
    stub = ast.parse(Path(file).with_suffix(".pyi").read_text(encoding="utf-8"))
    homes = {
        alias.name: statement.module
        for statement in stub.body
        if isinstance(statement, ast.ImportFrom) and statement.module is not None
        for alias in statement.names
    }

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(homes[name]), name)
        setattr(import_module(package), name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(import_module(package)), *homes})

    return load, names, sorted(homes)
