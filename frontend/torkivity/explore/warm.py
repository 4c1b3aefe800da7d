"""Everything once before anybody waits for it: kernels compiled, libraries loaded."""

from __future__ import annotations

from dataclasses import replace

from torkivity.catalogue import MODELS
from torkivity.explore.answer import Seen, Wish
from torkivity.explore.answers import answer_steps
from torkivity.explore.view import default_view
from torkivity.study.case import Case
from torkivity.study.models import models_for

__all__ = ["warm_up"]


def warm_up(case: Case) -> None:
    """Answer everything about a film, by all models, at few points."""
    view = default_view(case)
    axes = {slot: replace(axis, count=2) for slot, axis in view.axes.items()}
    view = replace(view, axes=axes, models=models_for(case, tuple(MODELS)))
    for _ in answer_steps(Wish(0, view, (Seen("", "", case),)), {}):
        pass
