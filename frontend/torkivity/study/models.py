"""Which models a film can be computed by."""

from __future__ import annotations

from torkivity.catalogue import MODELS
from torkivity.study.case import Case
from torkivity_engine.film.kinetic import unkinetic_parts

__all__ = ["default_models", "models_for", "why_not_kinetic"]


def why_not_kinetic(case: Case) -> str:
    """What keeps the Boltzmann equation from knowing the film, in words; empty if nothing does."""
    return "; ".join(
        f"{name} ({part.kind}) lacks {part.unkinetic}"
        for name, part in unkinetic_parts(case.film).items()
    )


def models_for(case: Case, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Those of some models that the film and its mesh allow."""
    rings = case.tolerance is not None or case.mesh().rings is not None
    kinetic = not unkinetic_parts(case.film)
    return tuple(
        name
        for name in wanted
        if (rings or not MODELS[name].needs_rings) and (kinetic or not MODELS[name].kinetic)
    )


def default_models(case: Case) -> tuple[str, ...]:
    """The model of a study that names none: the first that knows the film."""
    return models_for(case, tuple(MODELS))[:1]
