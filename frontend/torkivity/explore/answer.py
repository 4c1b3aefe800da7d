"""What is asked for a page, and what it is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from torkivity.explore.view import View
from torkivity.study.case import Case
from torkivity_engine.arrays import FloatArray

__all__ = ["Answer", "Panel", "Seen", "Wish"]


@dataclass(frozen=True, eq=False)
class Seen:
    """A film that is looked at.

    Attributes
    ----------
    key : str
        Empty for the one whose controls are shown; of pinned ones a name of its own.
    title : str
    case : Case
    colour : str
        Of its lines where it is pinned.
    """

    key: str
    title: str
    case: Case
    colour: str = ""


@dataclass(frozen=True, eq=False)
class Wish:
    """Everything that an answer depends on; never changed.

    Attributes
    ----------
    number : int
    view : View
    films : tuple of Seen
        The first is the one whose controls are shown.
    """

    number: int
    view: View
    films: tuple[Seen, ...]


@dataclass(frozen=True, eq=False)
class Panel:
    """A plot: lines over one axis.

    Attributes
    ----------
    title, label : str
    units : str
    lines : dict of str to ndarray
        By model, or spin component.
    """

    title: str
    label: str
    units: str
    lines: dict[str, FloatArray]


@dataclass(frozen=True, eq=False)
class Answer:
    """What is known of one film in one place of the page.

    Attributes
    ----------
    number : int
        Of the wish.
    slot : str
        Of `torkivity.explore.view.SLOTS`.
    film : str
        Key of the film.
    label : str
        Of the horizontal axis, with the unit.
    x : ndarray, shape (n,)
    logarithmic : bool
    panels : list of Panel
        Lines of shape (n,).
    notes : list of str
        What failed, or has to be known.
    facts : dict
        More that only this slot has.
    """

    number: int
    slot: str
    film: str
    label: str = ""
    x: FloatArray = field(default_factory=lambda: np.zeros(0))
    logarithmic: bool = False
    panels: list[Panel] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
