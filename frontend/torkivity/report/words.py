"""Labels of figures, which are mathtext, as plain text."""

# ruff: noqa: RUF001 - Greek letters and signs are what this is about

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["plain"]

_COMMANDS = {
    "Omega": "Ω", "hbar": "ħ", "alpha": "α", "beta": "β", "theta": "θ", "varphi": "φ", "phi": "φ",
    "chi": "χ", "kappa": "κ", "lambda": "λ", "rho": "ρ", "sigma": "σ", "tau": "τ", "mu": "µ",
    "gamma": "γ", "Gamma": "Γ", "Delta": "Δ", "uparrow": "↑", "downarrow": "↓", "times": "×",
    "infty": "∞", "pm": "±", "cdot": "·", "parallel": "∥", "perp": "⊥",
}  # fmt: skip
_ACCENTS = {"tilde": "\N{COMBINING TILDE}", "hat": "\N{COMBINING CIRCUMFLEX ACCENT}"}
#: Keeps delimiters of TeX apart that a name has.
_APART = "\N{ZERO WIDTH SPACE}"
_RAISED = str.maketrans("0123456789+-−*", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻*")
_LOWERED = str.maketrans("0123456789↑↓", "₀₁₂₃₄₅₆₇₈₉↑↓")


@lru_cache(maxsize=1024)
def plain(text: str) -> str:
    r"""Mathtext as text, ``$10^{5}\,\Omega^{-1}$m`` as "10⁵ Ω⁻¹m".

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        Without anything that Bokeh would take for TeX.
    """
    text = re.sub(r"\$([^$]+)\$", lambda found: _formula(found[1]), text)
    text = " ".join(text.split())
    return re.sub(r"\$(?=\$)|\\(?=[(\[])", lambda found: found[0] + _APART, text)


def _formula(text: str) -> str:
    text = re.sub(r"\\(?:mathrm|rm|mathbf|text)\s*\{([^{}]*)\}", r"\1", text)
    for name, accent in _ACCENTS.items():
        text = re.sub(rf"\\{name}\s*\{{([^{{}}]*)\}}", rf"\1{accent}", text)
    text = re.sub(r"\\[,;: ]", " ", text)
    text = re.sub(r"\\([A-Za-z]+)", lambda found: _COMMANDS.get(found[1], found[1]), text)
    text = re.sub(r"\^(?:\{([^{}]*)\}|(.))", lambda f: _raised(f[1] or f[2] or ""), text)
    text = re.sub(r"_(?:\{([^{}]*)\}|(.))", lambda f: _lowered(f[1] or f[2] or ""), text)
    return text.replace("{", "").replace("}", "").replace("\\", "")


def _raised(text: str) -> str:
    return text.translate(_RAISED) if re.fullmatch(r"[-0-9+−*]+", text) else f"^{text}"


def _lowered(text: str) -> str:
    return text.translate(_LOWERED) if re.fullmatch(r"[0-9↑↓]+", text) else f"_{text}"
