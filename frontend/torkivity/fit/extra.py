"""Libraries of the extra ``torkivity[fit]``, imported when they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["import_extra"]


def import_extra(name: str, purpose: str) -> Any:
    """A module of the extra.

    Parameters
    ----------
    name : str
    purpose : str
        What needs it, for the error: "fits", "units".

    Raises
    ------
    ModuleNotFoundError
        That says what to install.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{purpose} need {error.name}: pip install 'torkivity[fit]'", name=error.name
        ) from None
