"""Which of several models the data ask for, by an information criterion."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torkivity.fit.data import TorqueData
from torkivity.fit.fit import FitResult, fit_torques
from torkivity.fit.models import TorqueModel
from torkivity.fit.request import Measurement, ParameterSetting
from torkivity_engine.errors import InputError

__all__ = ["CRITERIA", "Candidate", "Selection", "information_criterion", "select_model"]

CRITERIA = ("AICc", "BIC")
#: More terms than this are more fits than anyone waits for, or believes.
_MOST_TERMS = 5


@dataclass(frozen=True)
class Candidate:
    """One of the models that were compared.

    Attributes
    ----------
    terms : tuple of str
        Of the terms in question, those that it has.
    parameters : int
        How many it fits.
    chi_square : float
    value : float
        Of the criterion; infinite where there are too few points for so many parameters, or no fit.
    """

    terms: tuple[str, ...]
    parameters: int
    chi_square: float
    value: float


@dataclass(frozen=True, eq=False)
class Selection:
    """Models compared, the best one first.

    Attributes
    ----------
    criterion : {"AICc", "BIC"}
    candidates : tuple of Candidate
        By rising value of the criterion.
    result : FitResult
        Of the best one.
    """

    criterion: str
    candidates: tuple[Candidate, ...]
    result: FitResult

    @property
    def weights(self) -> tuple[float, ...]:
        """Relative likelihoods of the models, exp(-difference / 2), summing to one."""
        least = self.candidates[0].value
        likelihoods = [math.exp(0.5 * (least - entry.value)) for entry in self.candidates]
        return tuple(value / sum(likelihoods) for value in likelihoods)

    def record(self) -> dict[str, Any]:
        """The same as what JSON can hold."""
        return {
            "criterion": self.criterion,
            "candidates": [
                {
                    "terms": list(entry.terms),
                    "parameters": entry.parameters,
                    "chi_square": entry.chi_square,
                    "value": entry.value if math.isfinite(entry.value) else None,
                    "weight": weight,
                }
                for entry, weight in zip(self.candidates, self.weights, strict=True)
            ],
        }

    def text(self) -> str:
        """Table of the models."""
        rows = [("terms", "fitted", "chi-square", self.criterion, "difference", "weight")]
        least = self.candidates[0].value
        for entry, weight in zip(self.candidates, self.weights, strict=True):
            rows.append(
                (
                    " + ".join(entry.terms) or "none",
                    f"{entry.parameters}",
                    f"{entry.chi_square:.4g}",
                    f"{entry.value:.2f}",
                    f"{entry.value - least:.2f}" if math.isfinite(entry.value) else "",
                    f"{weight:.3f}",
                )
            )
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                cell.ljust(width) if place == 0 else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        return "\n".join(
            [
                f"models by {self.criterion} ({_MEANING[self.criterion]}); the lowest is reported",
                "",
                *(f"  {line}".rstrip() for line in lines),
            ]
        )


_MEANING = {
    "AICc": "Akaike's criterion with the correction for few points",
    "BIC": "Schwarz' Bayesian criterion",
}


def information_criterion(
    criterion: str, chi_square: float, points: int, parameters: int, error_bars: bool
) -> float:
    """Value of a criterion, up to a constant of the data; lower is better.

    With error bars -2 ln L is chi-square; without them n ln(chi-square / n), and the variance is
    one more parameter k. AICc adds 2 k n / (n - k - 1), BIC k ln n.

    Parameters
    ----------
    criterion : {"AICc", "BIC"}
    chi_square : float
    points, parameters : int
    error_bars : bool

    Raises
    ------
    InputError
        For an unknown criterion.
    """
    if criterion not in CRITERIA:
        raise InputError("criterion", criterion, f"must be one of {', '.join(CRITERIA)}")
    count = parameters if error_bars else parameters + 1
    misfit = chi_square
    if not error_bars:
        misfit = points * math.log(chi_square / points) if chi_square > 0.0 else -math.inf
    if criterion == "BIC":
        return misfit + count * math.log(points)
    room = points - count - 1
    return misfit + 2.0 * count * points / room if room > 0 else math.inf


def select_model(
    data: TorqueData | Sequence[TorqueData],
    model: TorqueModel,
    terms: Sequence[str],
    parameters: Mapping[str, float | ParameterSetting] | None = None,
    *,
    criterion: Literal["AICc", "BIC"] = "AICc",
    measurement: Measurement | Sequence[Measurement] | None = None,
    separate: Sequence[str] = (),
    profile: bool | Sequence[str] = True,
    outliers: bool = True,
    tell: Callable[[str], None] | None = None,
) -> Selection:
    """Fit with and without some terms, and report the model that the data ask for.

    Parameters
    ----------
    data, model, measurement, separate, profile, outliers, tell
        As in `torkivity.fit_torques`; intervals and outliers are those of the best model.
    terms : sequence of str
        Parameters in question, at most five. All combinations are compared: each is fitted (from
        where `parameters` says, if it does), or left as it is without being asked for.
    parameters : mapping, optional
        What is asked of all parameters.
    criterion : {"AICc", "BIC"}, optional

    Returns
    -------
    Selection

    Raises
    ------
    InputError
        As `torkivity.fit_torques`, or for terms that are fixed, unknown, or too many.
    """
    asked = dict(parameters or {})
    known = [entry.name for entry in model.parameters]
    if not 0 < len(terms) <= _MOST_TERMS or len(set(terms)) < len(terms):
        raise InputError("select", list(terms), f"must be one to {_MOST_TERMS} different names")
    starts: dict[str, ParameterSetting] = {}
    for name in terms:
        if name not in known:
            raise InputError("select", name, f"must be one of {', '.join(known)}")
        start = asked.pop(name, ParameterSetting())
        if not isinstance(start, ParameterSetting) or not start.vary or start.expression:
            raise InputError("select", name, "must not be fixed or tied: it is in question")
        starts[name] = start
    off = _without(model, terms)
    options = {"measurement": measurement, "separate": separate}
    tried: list[tuple[Candidate, dict[str, float | ParameterSetting]]] = []
    for count in range(len(terms) + 1):
        for chosen in itertools.combinations(terms, count):
            own = {**asked, **{n: starts[n] if n in chosen else off[n] for n in terms}}
            result = fit_torques(
                *(data, model, own),
                profile=False,
                outliers=False,
                **options,  # type: ignore[arg-type]
            )
            fitted = sum(entry.varied for entry in result.parameters)
            value = information_criterion(
                criterion, result.chi_square, len(result.points), fitted, result.error_bars
            )
            tried.append((Candidate(chosen, fitted, result.chi_square, value), own))
    tried.sort(key=lambda entry: entry[0].value)
    best = fit_torques(
        *(data, model, tried[0][1]),
        profile=profile,
        outliers=outliers,
        tell=tell,
        **options,  # type: ignore[arg-type]
    )
    return Selection(criterion, tuple(entry for entry, _ in tried), best)


def _without(model: TorqueModel, terms: Sequence[str]) -> dict[str, float]:
    """Values of the terms where a model does not have them.

    Raises
    ------
    InputError
        For a parameter that no film is without.
    """
    known = {entry.name: entry for entry in model.parameters}
    found = {}
    for name in terms:
        value = known[name].absent
        if value is None:
            names = ", ".join(n for n, entry in known.items() if entry.absent is not None)
            raise InputError("select", name, f"is no term to leave out; there are {names}")
        found[name] = value
    return found
