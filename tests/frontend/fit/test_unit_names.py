"""Units of data files against scales worked by hand."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torkivity import InputError
from torkivity_engine.units import QUANTITIES

pytest.importorskip("pint")

from torkivity.fit import unit_names
from torkivity.fit.unit_names import Unit, parse_unit

# By hand. 1 Oe stands for 0.1 mT; 1e6 A/cm^2 = 1e10 A/m^2, so that one mT for it is ten for
# 1e11 A/m^2. 1/cm = 100/m. 1 uOhm cm = 1e-6 * 1e-2 Ohm m. hbar/e is two of hbar/2e.
WORKED = {
    ("efficiency", -0.025): ["-2.5 %"],
    ("length", 10.0): ["10 nm"],
    ("resistivity", 5e-9): ["0.5 uOhm cm"],
    ("per_e_tilde", 3.0): ["3 1/(Ohm m)", "3 S/m"],
    ("efficiency", 1.0): ["1", "mT/mT"],
    ("efficiency", 0.01): ["%", "percent", "1e-2 T/T", "10 %/10"],
    ("efficiency", -0.01): ["-1 %", "\N{MINUS SIGN}1 %"],
    ("length", 1.0): ["nm", "nanometre", "1e-9 m", "10^-9 m", "10⁻⁹ m", "10 Å"],
    ("length", 0.1): ["\N{ANGSTROM SIGN}", "Å", "angstrom", "Angstrom", "100 pm"],
    ("angle", 1.0): ["deg", "°", "degree", "degrees"],
    ("angle", 57.29577951308232): ["rad"],
    ("resistivity", 1.0): ["Ohm m", "ohm m", "\N{OHM SIGN} m", "Ωm", "V m/A"],
    ("resistivity", 1e-8): [
        *("uOhm cm", "uOhmcm", "uohm*cm", "uOhm-cm", "uOhm.cm", "microohm cm", "µΩ·cm"),
        *(f"{micro}{ohm} cm" for micro in "\u00b5\u03bcu" for ohm in "\u2126\u03a9"),
    ],
    ("resistivity", 1e-9): ["nOhm m", "nΩ m"],
    ("effective_field", 1.0): [
        *("mT/(1e11 A/m^2)", "mT/(10^11 A/m^2)", "mT per (10¹¹ A/m²)", "mT / (1e7A/cm^2)"),
        *("Oe/(1e6 A/cm^2)", "Oe/(10^6 A/cm2)", "Oe/(1e10 A m-2)", "Oe/(MA/cm²)", "G/(MA cm^-2)"),
    ],
    ("effective_field", 0.1): ["Oe/(1e11 A/m^2)"],
    ("effective_field", 20.0): ["2 mT/(1e6 A/cm^2)"],
    ("effective_field", 10.0): ["mT/(1e10 A/m^2)", "mT/(1e6 A/cm^2)", "mT cm^2/MA"],
    ("effective_field", 1e14): ["T/(A/m^2)", "T m²/A"],  # 1e3 mT for 1e-11 of the current
    ("per_e_tilde", 1.0): ["1/(Ohm m)", "S/m", "Ω⁻¹m⁻¹", "Ohm-1 m-1", "(Ω m)^-1", "1/(Ω·m)"],
    ("per_e_tilde", 100.0): ["1/(Ohm cm)", "S/cm", "(Ω cm)⁻¹"],
    ("spin_torque_conductivity", 1.0): [
        *("(hbar/2e)/(Ohm m)", "hbar/2e/(Ohm m)", "(hbar/2e) 1/(Ohm m)", "hbar/(2e) S/m"),
        *("(hbar/2e) Ohm^-1 m^-1", "(ħ/2e)(Ω m)⁻¹", "ħ/2e Ω⁻¹m⁻¹", "ℏ/(2e)·(Ω·m)^-1"),
    ],
    ("spin_torque_conductivity", -1e4): ["-1e4 hbar/2e/(Ohm m)", "-10⁴ (ħ/2e)/(Ω m)"],
    ("spin_torque_conductivity", 100.0): ["(hbar/2e)/(Ohm cm)", "(ħ/2e)(Ω cm)⁻¹"],
    ("spin_torque_conductivity", 200.0): ["(hbar/e)/(Ohm cm)", "(ħ/e)(Ω cm)⁻¹", "ħ/e S/cm"],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [(text, Unit(*unit)) for unit, texts in WORKED.items() for text in texts],
)
def test_worked_units(text: str, expected: Unit) -> None:
    found = parse_unit(f" {text} ")
    assert found.quantity == expected.quantity
    assert found.scale == pytest.approx(expected.scale, rel=1e-15)


def test_what_an_error_offers_is_understood() -> None:
    *offered, _ = unit_names._SPELLED.split("; ")
    assert len(offered) > 5
    assert all(parse_unit(text) for text in offered)


def test_units_of_the_engine_are_those_of_the_reader() -> None:
    for quantity, unit in QUANTITIES.items():
        # An E or an E~ in the denominator is the same unit; data are per E~.
        known = "spin_torque_conductivity" if quantity == "per_field" else quantity
        assert parse_unit(unit) == Unit(known, 1.0)


PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "μ": 1e-6, "n": 1e-9, "k": 1e3, "M": 1e6}
LENGTHS = {"m": 1.0, "cm": 1e-2, "nm": 1e-9, "Å": 1e-10}
prefix, length = st.sampled_from(list(PREFIXES)), st.sampled_from(list(LENGTHS))


@given(prefix, st.sampled_from(["Ohm", "Ω", "ohm"]), length, st.sampled_from([" ", "*", "·", "-"]))
def test_any_resistivity(before: str, ohm: str, metre: str, product: str) -> None:
    resistivity = PREFIXES[before] * LENGTHS[metre]
    text = f"{before}{ohm}{product}{metre}"
    assert parse_unit(text) == Unit("resistivity", pytest.approx(resistivity))
    assert parse_unit(f"1/({text})") == Unit("per_e_tilde", pytest.approx(1.0 / resistivity))
    spin = parse_unit(f"(ħ/2e)({text})⁻¹")
    assert spin == Unit("spin_torque_conductivity", pytest.approx(1.0 / resistivity))


@given(
    st.sampled_from([(f"{before}T", 1e3 * scale) for before, scale in PREFIXES.items()])
    | st.sampled_from([("Oe", 0.1), ("kOe", 100.0), ("G", 0.1)]),
    st.integers(-3, 12),
    prefix,
    length,
    st.sampled_from(["1e{0} {1}A/{2}^2", "10^{0} {1}A {2}⁻²", "10^{0}·{1}A/{2}2"]),
)
def test_any_effective_field(
    field: tuple[str, float], power: int, before: str, metre: str, form: str
) -> None:
    current = 10.0**power * PREFIXES[before] / LENGTHS[metre] ** 2
    found = parse_unit(f"{field[0]}/({form.format(power, before, metre)})")
    assert found == Unit("effective_field", pytest.approx(field[1] * 1e11 / current))


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "-", "furlong", "NM", "a.u.", "A", "K", "mT", "Ohm/m", "m m", "hbar/2e"),
        *("0 nm", "nan nm", "inf nm", "1e999 nm", "1e-999 nm", "1e4", "0.01", "10⁻²", "1/0", "("),
        *("1/Ohm m", "mT/1e11 A/m^2", "(hbar/2e)/Ohm m"),  # what is divided by has no brackets
        *("9^9^9^9 nm", "((9^9)^9)^9 nm", "(nm)^99", "().__class__ nm", "nm" * 100),
    ],
)
def test_what_is_not_understood(text: str) -> None:
    with pytest.raises(InputError, match="is not understood; write it like") as caught:
        parse_unit(text)
    assert "\n" not in str(caught.value)


@given(st.text(st.sampled_from("19.eE^*/()+-% mcnuTAÅOhmΩμħ²⁻°_"), max_size=20) | st.text())
def test_any_text_is_a_unit_or_an_error(text: str) -> None:
    try:
        found = parse_unit(text)
    except InputError:
        return
    assert 0.0 < abs(found.scale) < float("inf")


def test_without_pint(monkeypatch: pytest.MonkeyPatch) -> None:
    for cached in (unit_names._registry, unit_names._quantities):
        monkeypatch.setattr(unit_names, cached.__name__, cached.__wrapped__)
    monkeypatch.setitem(sys.modules, "pint", None)
    with pytest.raises(ModuleNotFoundError, match=r"units need pint: pip install 'torkivity\[fit"):
        parse_unit("nm")
