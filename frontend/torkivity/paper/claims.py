"""What the paper says about its Figs. 2, 3 and 4, and how each statement is judged.

Every claim has one deciding number, measured from the data of its figure, and a rule with two
thresholds. The rules follow the wording: what "mostly" or "roughly" requires is the same in
every claim and was settled before anything was measured. The tables of ``docs/claims.md`` are
those that `rules_table` and `WORDS` give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from torkivity.paper.data import FigureData
from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.diffusion.drift_diffusion import dephased_spin_current
from torkivity_engine.errors import PhysicsError

__all__ = [
    "CLAIMS",
    "VERDICTS",
    "WORDS",
    "Claim",
    "Finding",
    "Rule",
    "claims_markdown",
    "claims_record",
    "evaluate_claims",
    "rules_table",
    "words_table",
]

Measurement = tuple[float, dict[str, float]]

#: From best to worst.
VERDICTS = ("holds", "in part", "does not")

D, F = 0, 1  # damping-like, field-like

#: Thicknesses of Fig. 2 between the limits that stand at both ends.
_DRAWN = slice(1, -1)

#: Models that Fig. 2 is judged by: the paper's own and the one it tests it with.
_PAIR = ("boltzmann", "particular")


@dataclass(frozen=True)
class Rule:
    """Thresholds of a deciding number.

    Attributes
    ----------
    sense : {">=", "<="}
    holds, in_part : float
        Thresholds of the two better verdicts; beyond them the claim does not hold.
    """

    sense: str
    holds: float
    in_part: float

    def verdict(self, value: float) -> str:
        """One of `VERDICTS`."""
        sign = 1.0 if self.sense == ">=" else -1.0
        for verdict, threshold in zip(VERDICTS, (self.holds, self.in_part), strict=False):
            if sign * value >= sign * threshold:
                return verdict
        return VERDICTS[-1]


#: What the words of the paper are taken to require.
WORDS: dict[str, tuple[Rule, str]] = {
    "mostly": (Rule(">=", 2.0, 1.0), "one component over the other"),
    "dominates": (Rule(">=", 2.0, 1.0), "one part over the other"),
    "exceeds": (Rule(">=", 1.0, 0.5), "one quantity over the other"),
    "roughly": (Rule("<=", 1.5, 3.0), "factor between the two numbers, never below 1"),
    "significant": (Rule(">=", 0.2, 0.1), "share of the whole"),
    "contains": (Rule(">=", 0.05, 0.01), "share of the whole"),
    "quantitative": (Rule("<=", 0.1, 0.3), "rms difference of the curves over their rms value"),
    "excellent": (Rule("<=", 0.05, 0.15), "rms difference of the curves over their rms value"),
    "negligible": (Rule("<=", 0.05, 0.15), "relative change"),
    "approaches": (Rule("<=", 0.01, 0.1), "relative distance from the limit"),
    "everywhere": (Rule(">=", 0.9, 0.5), "fraction of the points or steps"),
    "vanishes": (Rule("<=", 1e-9, 1e-3), "over the torque beside it"),
    "accurate": (Rule("<=", 1.0, 1.5), "error over that of the alternative"),
    "necessary": (Rule(">=", 2.0, 1.0), "error without over error with"),
    "turns": (Rule(">=", 15.0, 5.0), "angle in degrees"),
    "exact": (Rule("<=", 0.01, 0.05), "rms difference of the curves over their rms value"),
}


@dataclass(frozen=True)
class Claim:
    """One statement and how it is judged.

    Attributes
    ----------
    identifier : str
        Figure, dot, number.
    place : str
        Where the paper says so.
    statement : str
    word : str
        Key of `WORDS`.
    quantity : str
        The deciding number.
    measure : callable
        From the data of the figure to that number and others beside it.
    """

    identifier: str
    place: str
    statement: str
    word: str
    quantity: str
    measure: Callable[[FigureData], Measurement]

    @property
    def figure(self) -> str:
        """Name of the figure."""
        return f"fig{self.identifier.partition('.')[0]}"

    @property
    def rule(self) -> Rule:
        """Rule that its word stands for."""
        return WORDS[self.word][0]


@dataclass(frozen=True)
class Finding:
    """A claim, what was measured and the verdict that follows.

    Attributes
    ----------
    claim : Claim
    value : float
        The deciding number.
    details : dict of str to float
        Numbers beside it.
    """

    claim: Claim
    value: float
    details: dict[str, float]

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`, by the rule of the claim."""
        return self.claim.rule.verdict(self.value)


def evaluate_claims(figures: Mapping[str, FigureData]) -> list[Finding]:
    """Judge every claim whose figure is there.

    Parameters
    ----------
    figures : mapping of str to FigureData

    Returns
    -------
    list of Finding
        In the order of `CLAIMS`.

    Raises
    ------
    PhysicsError
        If something measured is not a number.
    """
    findings = []
    for claim in CLAIMS:
        if claim.figure not in figures:
            continue
        value, details = claim.measure(figures[claim.figure])
        if any(math.isnan(number) for number in (value, *details.values())):
            raise PhysicsError(f"claim {claim.identifier}: the data hold what is not a number")
        findings.append(Finding(claim, float(value), {k: float(v) for k, v in details.items()}))
    return findings


def _size(torque: FloatArray) -> FloatArray:
    """Length of (d, f) vectors, components first."""
    return np.asarray(np.hypot(torque[D], torque[F]))


def _deviation(ours: ArrayLike, reference: ArrayLike) -> float:
    """Rms difference over the rms of the reference."""
    reference = np.asarray(reference)
    return float(np.linalg.norm(np.asarray(ours) - reference) / np.linalg.norm(reference))


def _ratio(error: float, other: float) -> float:
    """One error over another, which may be none at all."""
    if other == 0.0:
        return math.inf if error else 1.0
    return error / other


def _factor(value: float, expected: float) -> float:
    """Factor between two numbers, at least 1; infinite for opposite signs."""
    ratio = value / expected
    return max(ratio, 1.0 / ratio) if ratio > 0.0 else math.inf


def _at(axis: FloatArray, value: float) -> int:
    return int(np.argmin(np.abs(axis - value)))


def _character(source: str, main: int) -> Callable[[FigureData], Measurement]:
    """Smallest ratio of the main component to the other one over the thicknesses."""

    def measure(data: FigureData) -> Measurement:
        details = {}
        for model in _PAIR:
            torque = np.abs(data.torque("total", model, source)[:, _DRAWN])
            details[f"smallest, {model}"] = float((torque[main] / torque[1 - main]).min())
            details[f"thick film, {model}"] = float(torque[main, -1] / torque[1 - main, -1])
        return min(details[f"smallest, {model}"] for model in _PAIR), details

    return measure


def _both_components(data: FigureData) -> Measurement:
    details = {}
    for source in ("spin_hall", "rashba"):
        for model in _PAIR:
            torque = np.abs(data.torque("total", model, source)[:, -2])
            details[f"{source}, {model}"] = float(torque.min() / np.hypot(*torque))
    return min(details.values()), details


def _conductance_ratio(data: FigureData) -> Measurement:
    expected = float(
        -data.values["mixing_conductance_real"] / data.values["mixing_conductance_imag"]
    )
    details = {"Re G / -Im G": expected}
    worst = 1.0
    for model in _PAIR:
        torque = data.torque("total", model, "spin_hall")[:, -2]
        details[f"d/f, {model}"] = float(torque[D] / torque[F])
        worst = max(worst, _factor(details[f"d/f, {model}"], expected))
    return worst, details


def _saturation(data: FigureData) -> Measurement:
    thickness = data.axis("heavy_metal_thickness")

    def saturated_at(model: str, source: str) -> float:
        """Thickness from which the torque keeps within 5 % of its way to saturation."""
        torque = data.torque("total", model, source)
        left = _size(torque - torque[:, -1:])
        left = left / left[0]
        last = int(np.flatnonzero(left > 0.05)[-1])
        share = (left[last] - 0.05) / (left[last] - left[last + 1])
        return float(thickness[last] + share * (thickness[last + 1] - thickness[last]))

    details: dict[str, float] = {}
    worst = 1.0
    for model in _PAIR:
        hall, rashba = (saturated_at(model, source) for source in ("spin_hall", "rashba"))
        details |= {f"spin Hall (nm), {model}": hall, f"Rashba (nm), {model}": rashba}
        details[f"ratio, {model}"] = hall / rashba
        worst = max(worst, _factor(hall / rashba, 2.0))
    return worst, details


def _thin_film_advantage(data: FigureData) -> Measurement:
    thin = _at(data.axis("heavy_metal_thickness"), 1.0)
    details = {}
    for model in _PAIR:
        ratio = _size(data.torque("total", model, "rashba")) / _size(
            data.torque("total", model, "spin_hall")
        )
        details[f"at 1 nm, {model}"] = float(ratio[thin])
        details[f"thick film, {model}"] = float(ratio[-2])
    return min(details[f"at 1 nm, {m}"] / details[f"thick film, {m}"] for m in _PAIR), details


def _what_sets_the_rashba_ratio(data: FigureData) -> Measurement:
    values = data.values
    length = float(values["spin_diffusion_length"])
    scale = 2.0 * length * METRE_PER_NM / float(values["heavy_metal_conductivity"])
    g = scale * complex(values["mixing_conductance_real"], values["mixing_conductance_imag"])
    x = float(data.axis("heavy_metal_thickness")[-2]) / length
    driven = data.pair("driven_current_minus")
    lattice = data.torque("lattice", "particular", "rashba")[:, -2]
    details = {}
    for name, conductance in (("with Im G", g), ("without Im G", complex(g.real))):
        # Right-handed frame (f, d, m).
        current = complex(dephased_spin_current(x, conductance, complex(driven[F], driven[D]), 0.0))
        details[f"d/f {name}"] = (current.imag - lattice[D]) / (current.real - lattice[F])
    return _factor(details["d/f without Im G"], details["d/f with Im G"]), details


def _thin_heavy_metal(data: FigureData) -> Measurement:
    details = {}
    for model in _PAIR:
        total = data.torque("total", model, "rashba")[:, 0]
        lattice = data.torque("lattice", model, "rashba")[:, 0]
        details[model] = float(np.linalg.norm(total + lattice) / np.linalg.norm(total))
    return max(details.values()), details


def _thin_ferromagnet(data: FigureData) -> Measurement:
    total = data.pair("thin_ferromagnet_torque_total")
    interface = data.pair("thin_ferromagnet_torque_interface")
    distance = float(np.linalg.norm(total - interface) / np.linalg.norm(total))
    return distance, {"boltzmann": distance}


def _no_lattice_torque(data: FigureData) -> Measurement:
    details = {}
    for model in _PAIR:
        lattice, total = (
            _size(data.torque(part, model, "spin_hall")).max() for part in ("lattice", "total")
        )
        details[model] = float(lattice / total)
    return max(details.values()), details


def _boundary_layer_thickness(data: FigureData) -> Measurement:
    keep = data.axis("heavy_metal_thickness") >= 3.0
    details = {}
    for source in ("spin_hall", "rashba"):
        exact = data.torque("total", "boltzmann", source)[:, keep]
        for model in ("particular", "boundary_layer"):
            ours = data.torque("total", model, source)[:, keep]
            details[f"{source}, {model}"] = _deviation(ours, exact)
    return max(v for k, v in details.items() if k.endswith("boundary_layer")), details


def _agreement(
    model: str, parts: Sequence[str] = ("total",), *, per_strength: bool = True
) -> Callable[[FigureData], Measurement]:
    """Worst deviation over panels: per part and component, and per u_R in Fig. 3."""

    def measure(data: FigureData) -> Measurement:
        ratios = data.axis("rashba_ratio")
        groups: list[tuple[int | slice, str]] = [(slice(None), "")]
        if per_strength:
            groups = [(i, f", u_R/u0 = {ratio:g}") for i, ratio in enumerate(ratios)]
        details = {}
        for part in parts:
            ours, exact = data.torque(part, model), data.torque(part, "boltzmann")
            for k, letter in enumerate("df"):
                for index, label in groups:
                    name = f"{letter}, {part}{label}"
                    details[name] = _deviation(ours[k, index], exact[k, index])
        return max(details.values()), details

    return measure


def _more_accurate(data: FigureData) -> Measurement:
    exact = data.torque("total", "boltzmann")
    details = {
        f"error, {model}": _deviation(data.torque("total", model), exact)
        for model in ("particular", "half_space")
    }
    return _ratio(details["error, half_space"], details["error, particular"]), details


def _per_strength(
    function: Callable[[FigureData, int], float],
    choose: Callable[[Sequence[float]], float] = min,
) -> Callable[[FigureData], Measurement]:
    """Worst of a number that is measured for each u_R of Fig. 3."""

    def measure(data: FigureData) -> Measurement:
        details = {
            f"u_R/u0 = {ratio:g}": function(data, i)
            for i, ratio in enumerate(data.axis("rashba_ratio"))
        }
        return choose(list(details.values())), details

    return measure


def _final_character(data: FigureData, strength: int) -> float:
    torque = np.abs(data.torque("total", "boltzmann")[:, strength, -1])
    return float(torque[F] / torque[D])


def _growing_character(data: FigureData, strength: int) -> float:
    torque = np.abs(data.torque("total", "boltzmann")[:, strength])
    return float((np.diff(torque[F] / torque[D]) > 0.0).mean())


def _part_ratio(over: str, under: str, point: int) -> Callable[[FigureData, int], float]:
    def ratio(data: FigureData, strength: int) -> float:
        above, below = (
            _size(data.torque(part, "boltzmann")[:, strength, point]) for part in (over, under)
        )
        return float(above / below)

    return ratio


def _interface_character(data: FigureData, strength: int) -> float:
    torque = np.abs(data.torque("interface", "boltzmann")[:, strength])
    return float((torque[F] / torque[D]).min())


def _bulk_damping_share(data: FigureData) -> Measurement:
    torque = data.torque("ferromagnet", "boltzmann")
    shares = np.median(np.abs(torque[D]) / _size(torque), axis=1)
    details: dict[str, float] = {}
    for i, (ratio, share) in enumerate(zip(data.axis("rashba_ratio"), shares, strict=True)):
        each = np.abs(torque[D, i]) / _size(torque[:, i])
        label = f"u_R/u0 = {ratio:g}"
        details |= {f"median, {label}": float(share), f"smallest, {label}": float(each.min())}
        details[f"at weakest exchange, {label}"] = float(each[0])
    return float(shares.min()), details


def _driven_current_share(data: FigureData, strength: int) -> float:
    weak = data.axis("exchange") <= 0.1
    driven = data.pair("driven_current_plus")[D, strength, weak]
    total = data.torque("total", "boltzmann")[D, strength, weak]
    return float(np.abs(driven / total).min())


def _driven_current_over_torque(data: FigureData, strength: int) -> float:
    current = data.pair("driven_current_plus")[D, strength, 0]
    return float(abs(current / data.pair("driven_torque")[F, strength, 0]))


def _growing_interface_torque(data: FigureData) -> Measurement:
    torque = np.abs(data.torque("interface", "boltzmann"))
    growing = (np.diff(torque, axis=2) > 0.0).mean(axis=2)
    peaks = data.axis("exchange")[torque.argmax(axis=2)]
    details: dict[str, float] = {}
    for i, ratio in enumerate(data.axis("rashba_ratio")):
        for k, letter in enumerate("df"):
            label = f"{letter}, u_R/u0 = {ratio:g}"
            details |= {label: float(growing[k, i]), f"u_ex of peak, {label}": float(peaks[k, i])}
    return float(growing.min()), details


def _largest_contribution(data: FigureData, strength: int) -> float:
    interface, bulk = (
        np.abs(data.torque(part, "boltzmann")[:, strength, -1])
        for part in ("interface", "ferromagnet")
    )
    return float(interface[F] / max(interface[D], *bulk))


def _turning(data: FigureData, strength: int) -> float:
    torque = data.torque("total", "boltzmann")[:, strength]
    angle = np.unwrap(np.arctan2(torque[F], torque[D]))
    return math.degrees(float(np.ptp(angle)))


def _without_spin_currents(data: FigureData) -> Measurement:
    # Without j_E nothing accumulates, and tau_E is all the torque there is.
    exact, alone = data.torque("total", "boltzmann"), data.pair("driven_torque")
    whole = data.torque("total", "particular")
    details: dict[str, float] = {}
    worst = math.inf
    for i, ratio in enumerate(data.axis("rashba_ratio")):
        for letter, rows in (("d", slice(0, 1)), ("f", slice(1, 2)), ("both", slice(None))):
            errors = (_deviation(model[rows, i], exact[rows, i]) for model in (alone, whole))
            details[f"{letter}, u_R/u0 = {ratio:g}"] = _ratio(*errors)
        worst = min(worst, details[f"both, u_R/u0 = {ratio:g}"])
    return worst, details


def _conductance_change(data: FigureData, strength: int) -> float:
    return float(data.values["conductance_change"][strength].max())


def _underestimated(data: FigureData) -> Measurement:
    exact, ours = (
        np.abs(data.torque("total", model)[D, 1:]) for model in ("boltzmann", "particular")
    )
    relative = ours / exact - 1.0
    return float((relative < 0.0).mean()), {
        "mean relative difference": float(relative.mean()),
        "smallest": float(relative.min()),
        "largest": float(relative.max()),
    }


def _large_space(data: FigureData) -> Measurement:
    exact, ours = (data.torque("total", model) for model in ("boltzmann", "particular"))
    ratios = data.axis("rashba_ratio")
    details = {
        f"u_R/u0 = {ratios[i]:g}": _deviation(ours[:, i], exact[:, i])
        for i in range(1, len(ratios))
    }
    chosen = [1, len(ratios) // 2, len(ratios) - 1]
    names = list(details)
    return max(details.values()), {names[i - 1]: details[names[i - 1]] for i in chosen}


def _nothing_without_tensors(data: FigureData) -> Measurement:
    torque = float(_size(data.torque("total", "boltzmann")).max())
    share = float(data.values["torque_without_tensors"].max()) / torque
    return share, {"share of the Boltzmann torque": share}


_STRONG = "largest u_ex, Boltzmann; worse of the two u_R"
_WEAK = "smallest u_ex, Boltzmann; worse of the two u_R"

#: All of them, in the order of the figures.
CLAIMS: tuple[Claim, ...] = (
    Claim(
        "2.1",
        "III A",
        "The spin Hall torque is mostly damping-like.",
        "mostly",
        "smallest |d|/|f| over thickness; worse of Boltzmann and App. B",
        _character("spin_hall", D),
    ),
    Claim(
        "2.2",
        "III A",
        "The Rashba torque is mostly field-like.",
        "mostly",
        "smallest |f|/|d| over thickness; worse of Boltzmann and App. B",
        _character("rashba", F),
    ),
    Claim(
        "2.3",
        "III A",
        "Each of the two torques has a damping-like and a field-like component.",
        "contains",
        "smaller component over the torque, thick film; worst of source and model",
        _both_components,
    ),
    Claim(
        "2.4",
        "III A, caption of Fig. 2",
        "Re/Im of the mixing conductance roughly gives d/f of the spin Hall torque.",
        "roughly",
        "factor between d/f, thick film, and -Re G/Im G; worse of Boltzmann and App. B",
        _conductance_ratio,
    ),
    Claim(
        "2.5",
        "III A, caption of Fig. 2",
        "The spin Hall torque saturates at roughly twice the thickness of the Rashba torque.",
        "roughly",
        "factor between 2 and the ratio of thicknesses within 5 % of saturation; worse model",
        _saturation,
    ),
    Claim(
        "2.6",
        "III A, caption of Fig. 2",
        "Thin heavy metals suppress the spin Hall torque more, in favour of the Rashba torque.",
        "dominates",
        "Rashba over spin Hall torque at 1 nm, over the same in a thick film; worse model",
        _thin_film_advantage,
    ),
    Claim(
        "2.7",
        "III A",
        "Driven spin currents and lattice torque, not Im G, set d/f of the Rashba torque.",
        "roughly",
        "factor between d/f with and without Im G, App. B, thick film",
        _what_sets_the_rashba_ratio,
    ),
    Claim(
        "2.8",
        "II B, after (16)",
        "As the heavy metal vanishes, the torque approaches minus the lattice torque.",
        "approaches",
        "|total + lattice|/|total|, Rashba, 0.01 nm; worse of Boltzmann and App. B",
        _thin_heavy_metal,
    ),
    Claim(
        "2.9",
        "II B, after (16)",
        "As the ferromagnet vanishes, the torque approaches that at the interface.",
        "approaches",
        "|total - interface|/|total|, Rashba, Boltzmann, 0.01 nm of ferromagnet",
        _thin_ferromagnet,
    ),
    Claim(
        "2.10",
        "II A, III A after (30)",
        "Without interfacial spin-orbit coupling there is no lattice torque.",
        "vanishes",
        "largest |lattice|/|total| of the spin Hall torque; worse of Boltzmann and App. B",
        _no_lattice_torque,
    ),
    Claim(
        "2.11",
        "not in the paper",
        "Boundary-layer parameters make drift-diffusion exact from 3 nm on, for both sources.",
        "exact",
        "rms difference of total torque from Boltzmann, t >= 3 nm; worse source",
        _boundary_layer_thickness,
    ),
    Claim(
        "3.1",
        "III B, Fig. 3 (a)-(d)",
        "Drift-diffusion (App. B) agrees quantitatively with Boltzmann.",
        "quantitative",
        "rms difference of total torque, worst of the four panels",
        _agreement("particular"),
    ),
    Claim(
        "3.2",
        "III B, Fig. 3 (a)-(d)",
        "Drift-diffusion with the parameters of App. D agrees well too.",
        "quantitative",
        "rms difference of total torque, worst of the four panels",
        _agreement("half_space"),
    ),
    Claim(
        "3.3",
        "caption of Fig. 3, App. D",
        "The parameters of App. D are more accurate than those of App. B.",
        "accurate",
        "rms error of total torque with App. D over that with App. B, both u_R",
        _more_accurate,
    ),
    Claim(
        "3.4",
        "caption of Fig. 3",
        "At strong exchange the total torque is mostly field-like.",
        "mostly",
        f"|f|/|d|, {_STRONG}",
        _per_strength(_final_character),
    ),
    Claim(
        "3.5",
        "caption of Fig. 3",
        "The total torque becomes more field-like as the exchange grows.",
        "everywhere",
        "fraction of steps in u_ex on which |f|/|d| grows, Boltzmann; worse u_R",
        _per_strength(_growing_character),
    ),
    Claim(
        "3.6",
        "caption of Fig. 3, (e)-(f)",
        "The bulk part dominates at weak exchange.",
        "dominates",
        f"|bulk|/|interface|, {_WEAK}",
        _per_strength(_part_ratio("ferromagnet", "interface", 0)),
    ),
    Claim(
        "3.7",
        "caption of Fig. 3, (e)-(f)",
        "The interface part dominates at strong exchange.",
        "dominates",
        f"|interface|/|bulk|, {_STRONG}",
        _per_strength(_part_ratio("interface", "ferromagnet", -1)),
    ),
    Claim(
        "3.8",
        "III B, Fig. 3 (e)-(f)",
        "The interface part is always field-like.",
        "mostly",
        "smallest |f|/|d| of the interface part over u_ex, Boltzmann; worse u_R",
        _per_strength(_interface_character),
    ),
    Claim(
        "3.9",
        "III B, Fig. 3 (e)-(f)",
        "The bulk part has significant damping-like contributions.",
        "significant",
        "median |d|/|bulk| over u_ex, Boltzmann; worse u_R",
        _bulk_damping_share,
    ),
    Claim(
        "3.10",
        "caption of Fig. 3",
        "The current j_E,d(0+) contributes significantly to the damping-like torque at weak "
        "exchange.",
        "significant",
        "smallest |j_E,d(0+)|/|d| for u_ex <= 0.1, Boltzmann torque; worse u_R",
        _per_strength(_driven_current_share),
    ),
    Claim(
        "3.11",
        "III B",
        "The current j_E,d(0+) exceeds the torque tau_E,f at weak exchange.",
        "exceeds",
        "|j_E,d(0+)|/|tau_E,f|, smallest u_ex; worse u_R",
        _per_strength(_driven_current_over_torque),
    ),
    Claim(
        "3.12",
        "III B",
        "Both components of the interface part grow with exchange.",
        "everywhere",
        "fraction of steps in u_ex on which it grows, Boltzmann; worst component and u_R",
        _growing_interface_torque,
    ),
    Claim(
        "3.13",
        "III B, caption of Fig. 3",
        "In the end the field-like interface part exceeds all other contributions.",
        "exceeds",
        f"|f, interface| over the largest other contribution, {_STRONG}",
        _per_strength(_largest_contribution),
    ),
    Claim(
        "3.14",
        "III B",
        "The exchange at the interface (proximity effect) can turn the torque.",
        "turns",
        "range of the angle of the total torque over u_ex, Boltzmann; smaller of the two u_R",
        _per_strength(_turning),
    ),
    Claim(
        "3.15",
        "IV",
        "Agreement requires the spin currents driven at the interface.",
        "necessary",
        "rms error of total torque (d and f) without j_E over that with it, App. B; worse u_R",
        _without_spin_currents,
    ),
    Claim(
        "3.16",
        "II B",
        "Spin-orbit coupling changes the conductances negligibly.",
        "negligible",
        "largest relative change of the transverse conductance matrix by u_R over u_ex",
        _per_strength(_conductance_change, max),
    ),
    Claim(
        "3.17",
        "not in the paper",
        "Boundary-layer parameters make drift-diffusion exact for every exchange.",
        "exact",
        "rms difference of total torque from Boltzmann, worst of the four panels",
        _agreement("boundary_layer"),
    ),
    Claim(
        "4.1",
        "III B, Fig. 4",
        "Drift-diffusion (App. B) agrees excellently with Boltzmann in all panels.",
        "excellent",
        "rms difference of total, interface and bulk torque, worst of the six panels",
        _agreement("particular", ("total", "interface", "ferromagnet"), per_strength=False),
    ),
    Claim(
        "4.2",
        "caption of Fig. 4",
        "Drift-diffusion (App. B) agrees quantitatively with Boltzmann in all panels.",
        "quantitative",
        "rms difference of total, interface and bulk torque, worst of the six panels",
        _agreement("particular", ("total", "interface", "ferromagnet"), per_strength=False),
    ),
    Claim(
        "4.3",
        "caption of Fig. 4",
        "Drift-diffusion underestimates the damping-like torque.",
        "everywhere",
        "fraction of points with smaller |d|, total torque",
        _underestimated,
    ),
    Claim(
        "4.4",
        "IV",
        "The agreement extends to weak and strong interfacial spin-orbit coupling.",
        "quantitative",
        "rms difference of total torque (d and f), all u_ex together, worst u_R",
        _large_space,
    ),
    Claim(
        "4.5",
        "caption of Fig. 4",
        "Without conductivity and torkivity there is no Rashba torque in drift-diffusion.",
        "vanishes",
        "largest torque without them over the largest Boltzmann torque",
        _nothing_without_tensors,
    ),
)


def claims_record(findings: Sequence[Finding]) -> list[dict[str, object]]:
    """Findings as plain data for JSON."""
    return [
        {
            "id": finding.claim.identifier,
            "figure": finding.claim.figure,
            "place": finding.claim.place,
            "statement": finding.claim.statement,
            "quantity": finding.claim.quantity,
            "rule": {"word": finding.claim.word, **asdict(finding.claim.rule)},
            "value": _json_number(finding.value),
            "verdict": finding.verdict,
            "details": {name: _json_number(v) for name, v in finding.details.items()},
        }
        for finding in findings
    ]


def claims_markdown(findings: Sequence[Finding], heading: str) -> str:
    """Findings as a Markdown page.

    Parameters
    ----------
    findings : sequence of Finding
    heading : str
        Paragraph under the title.
    """
    counts = ", ".join(
        f"{sum(finding.verdict == verdict for finding in findings)} {verdict}"
        for verdict in VERDICTS
    )
    rows = [
        (
            finding.claim.identifier,
            finding.claim.statement,
            finding.claim.quantity,
            _rule_text(finding.claim.rule),
            f"{finding.value:.3g}",
            f"**{finding.verdict}**",
        )
        for finding in findings
    ]
    table = _table(("claim", "statement", "measured", "holds; in part", "value", "verdict"), rows)
    details = [
        f"- {finding.claim.identifier} ({finding.claim.place}): "
        + "; ".join(f"{name}: {value:.4g}" for name, value in finding.details.items())
        for finding in findings
    ]
    summary = f"{len(findings)} claims: {counts}."
    parts = ("# Claims", heading, summary, table, "## Numbers", "\n".join(details))
    return "\n\n".join(parts) + "\n"


def rules_table() -> str:
    """Markdown table of all claims and the rules they are judged by."""
    rows = [
        (c.identifier, c.place, c.statement, c.quantity, c.word, _rule_text(c.rule)) for c in CLAIMS
    ]
    return _table(("claim", "place", "statement", "measured", "word", "holds; in part"), rows)


def words_table() -> str:
    """Markdown table of what each word requires."""
    rows = [(word, measured, _rule_text(rule)) for word, (rule, measured) in WORDS.items()]
    return _table(("word", "number", "holds; in part"), rows)


def _rule_text(rule: Rule) -> str:
    return f"{rule.sense} {rule.holds:g}; {rule.sense} {rule.in_part:g}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown table; bars inside cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def _json_number(value: float) -> float | None:
    """None for what JSON has no number for."""
    return value if math.isfinite(value) else None
