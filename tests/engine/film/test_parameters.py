"""Parameters by path: names, values, changes, and what stays fixed."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from draws import CO, PT, pt_co
from torkivity_engine.film.boundaries import HalfSpace, Reservoir, Surface
from torkivity_engine.film.interfaces import RashbaInterface, SpinOrbitInterface
from torkivity_engine.film.kinds import load_plugins, plugin_digest
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.parameters import parameter, parameters, path_of, with_parameters
from torkivity_engine.film.stack import Bilayer, Stack, as_stack, mirrored
from torkivity_meshes import InputError

MAGNET = replace(CO, magnetization=(0.0, 0.6, 0.8))
W = ((0.1, 0.2), (0.3, 0.4), (0.5, 0.6))


def three_layers(**changes: Any) -> Stack:
    return Stack(
        (PT, MAGNET, HeavyMetal(2.0, 5.0, math.inf)),
        (RashbaInterface(0.3, 0.2, 0.1), SpinOrbitInterface(0.1, 0.0, W)),
        left=Surface(0.25),
        right=Reservoir(1.0, (0.0, 0.0, 0.5)),
        **{"layer_names": ("Pt", "Co", "Ta 2"), **changes},
    )


def test_every_parameter_can_be_set_and_read_back() -> None:
    for film in (three_layers(), pt_co(0.2, magnetization=(0.48, 0.6, 0.64))):
        known = parameters(film)
        for path, p in known.items():
            assert p.path == path
            value = 1.1 * p.value if math.isfinite(p.value) and p.value else 7.0
            if path.endswith("specularity"):
                value = 0.125
            moved = with_parameters(film, {path: value})
            after = {k: q.value for k, q in parameters(moved).items()}
            assert after.pop(path) == pytest.approx(value, rel=1e-14), path
            for other, q in known.items():
                if other != path:
                    assert after[other] == pytest.approx(q.value, rel=1e-13, abs=1e-13), other
            assert type(moved) is type(film)


def test_all_at_once_is_one_after_the_other() -> None:
    values = {
        "Pt.thickness": 3.0,
        '"Pt|Co".exchange': 0.4,
        "Co.magnetization.theta_deg": 20.0,
        "Co.magnetization.phi_deg": 30.0,
        '"Co|Ta 2".spin_orbit_zy': -0.7,
        "left.specularity": 0.0,
        "right.spin_z": 0.9,
        "film.fermi_wavevector": 14.0,
        '"Ta 2".spin_flip_length': 40.0,
    }
    film = three_layers()
    once, each = with_parameters(film, values), film
    for path, value in values.items():
        each = with_parameters(each, {path: value})
    assert parameter(once, "Co.magnetization.phi_deg").value == pytest.approx(30.0)
    for path in values:
        assert parameter(each, path).value == pytest.approx(parameter(once, path).value)
    assert once.interfaces[1].spin_orbit == ((0.1, 0.2), (0.3, 0.4), (0.5, -0.7))
    # The interface takes the m of its neighbour, turned as it is.
    assert once.interface_magnetization(0) == once.layers[1].magnetization


def test_units_and_words() -> None:
    film = three_layers()
    p = parameter(film, "Ta 2.thickness")
    assert (p.path, p.unit, p.label, p.kind) == ('"Ta 2".thickness', "nm", "$t$", float)
    assert parameter(film, "film.field_direction_deg").unit == "degree"
    assert parameter(film, "Ta 2.spin_flip_length").step == 0.0  # infinite
    assert all(p.meaning and p.unit for p in parameters(film).values())


def test_names_that_always_work_in_a_bilayer() -> None:
    film = Bilayer(PT, RashbaInterface(0.4, 0.2, 0.1), CO, layer_names=("Pt", "Co"))
    for alias, path in (
        ("heavy_metal.thickness", "Pt.thickness"),
        ("interface.exchange", '"Pt|Co".exchange'),
        ("Pt|Co.exchange", '"Pt|Co".exchange'),
        ("ferromagnet.precession_length", "Co.precession_length"),
        ("magnetization.theta_deg", "film.magnetization.theta_deg"),
        ("film.magnetization.phi_deg", "film.magnetization.phi_deg"),
        ("surfaces.left_specularity", "left.specularity"),
        ("surfaces.right.specularity", "right.specularity"),
    ):
        assert path_of(film, alias) == path
    # The m that both share turns both.
    turned = with_parameters(film, {"magnetization.theta_deg": 90.0}).stack()
    assert turned.layers[1].magnetization == turned.interfaces[0].magnetization
    np.testing.assert_allclose(turned.layers[1].magnetization, (1, 0, 0), atol=1e-15)
    assert path_of(pt_co(), "HM|FM.rashba") == '"HM|FM".rashba'


@pytest.mark.parametrize("angle", [0.1, -0.3, 0.0])
def test_a_metal_keeps_what_it_was_given_by(angle: float) -> None:
    by_rho = HeavyMetal.from_resistivity(4.0, 2e-7, 4.0, 0.06)
    by_lengths = HeavyMetal.from_spin_diffusion_length(4.0, 2.0, 3.0, 0.06)
    by_kinetics = HeavyMetal(4.0, 3.0, 20.0, 0.06)
    for metal, again in (
        (by_rho, HeavyMetal.from_resistivity(4.0, 2e-7, 4.0, angle)),
        (by_lengths, HeavyMetal.from_spin_diffusion_length(4.0, 2.0, 3.0, angle)),
        (by_kinetics, HeavyMetal(4.0, 3.0, 20.0, angle)),
    ):
        film = Bilayer(metal, RashbaInterface(0.4, 0.2, 0.1), CO)
        moved = with_parameters(film, {"HM.spin_hall_angle": angle})
        assert moved.heavy_metal == again
        assert set(parameters(moved)) == set(parameters(film))
    # Thickness is free; a kinetic length put in by hand is what the layer is given by from then on.
    assert "resistivity" in replace(by_rho, thickness=9.0).leaves(16.0)
    assert "mean_free_path" in replace(by_rho, spin_flip_length=9.0).leaves(16.0)


def test_resistivity_holds_when_k_f_changes() -> None:
    metal = HeavyMetal.from_resistivity(4.0, 2e-7, 8.0, 0.1, fermi_wavevector=16.0)
    film = Bilayer(metal, RashbaInterface(0.4, 0.2, 0.1), CO)
    moved = with_parameters(film, {"film.fermi_wavevector": 12.0})
    assert moved.heavy_metal == HeavyMetal.from_resistivity(
        4.0, 2e-7, 8.0, 0.1, fermi_wavevector=12.0
    )
    assert moved.heavy_metal.mean_free_path > 1.5 * metal.mean_free_path
    assert parameter(moved, "HM.resistivity").value == 2e-7
    # In a film of another k_F it does not have that resistivity, and is not said to.
    other = replace(film, fermi_wavevector=12.0)
    assert "HM.mean_free_path" in parameters(other)
    assert "HM.resistivity" not in parameters(other)


def test_given_survives_pickling_and_hides_from_comparison() -> None:
    metal = HeavyMetal.from_resistivity(4.0, 2e-7, 8.0)
    again = pickle.loads(pickle.dumps(metal))
    assert again.given == metal.given
    plain = replace(metal, given=None)
    assert plain == metal
    assert hash(plain) == hash(metal)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"Pt.thicknes": 1.0}, r"'Pt\.thicknes': is not known; did you mean Pt\.thickness\?"),
        ({"Pt.resistivity": 1.0}, "Pt is given by thickness, total_mean_free_path, spin_diff"),
        ({"Pd.thickness": 1.0}, r"did you mean Pt\.thickness"),
        ({"thickness": 1.0}, "is not known"),
        ({"": 1.0}, "is not known"),
        ({3: 1.0}, "must be a path"),
        ({"Pt.thickness": -1.0}, r"^Pt\.thickness = -1\.0: must be a positive length"),
        ({"Pt.thickness": "4"}, r"^Pt\.thickness = '4'"),
        ({"Co.magnetization.theta_deg": math.inf}, r"^Co\.magnetization\.theta_deg = inf"),
        ({'"Co|Ta 2".spin_orbit_xy': 1e9}, r'^"Co\|Ta 2"\.spin_orbit_xy = 1000000000\.0'),
        ({"left.specularity": 1.5}, r"^left\.specularity = 1\.5: .* between 0 and 1"),
        ({"film.fermi_wavevector": 0.0}, r"^film\.fermi_wavevector = 0\.0"),
        ({"Pt.total_mean_free_path": 50.0}, r"^Pt\.spin_diffusion_length = .*must be longer"),
        ({"Pt|Co.barrier": 1.0, '"Pt|Co".barrier': 2.0}, r"given twice: also as Pt\|Co\.barrier"),
    ],
)
def test_errors_name_the_path(values: dict[Any, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        with_parameters(three_layers(), values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer_names": ("Pt", "Co")}, "must be 3 names"),
        ({"layer_names": ("Pt", "Co", "Pt")}, "occurs twice"),
        ({"layer_names": ("Pt", "Co", "a.b")}, "must not hold"),
        ({"layer_names": ("Pt", "Co", "a/b")}, "must not hold"),
        ({"layer_names": ("Pt", "Co", "a|b")}, "must not hold"),
        ({"layer_names": ("Pt", "Co", 'a"b')}, "must not hold"),
        ({"layer_names": ("Pt", "Co", "\b")}, "must"),
        ({"layer_names": ("Pt", "Co", "a\x07b")}, "control characters"),
        ({"layer_names": ("Pt", "Co", "")}, "must be a text"),
        ({"layer_names": ("Pt", "Co", 3)}, "must be a text"),
        ({"layer_names": ("Pt", "Co", "film")}, "meaning of its own"),
        ({"layer_names": "abc"}, "must be a list"),
        ({"interface_names": ("a",)}, "must be 2 names"),
        ({"interface_names": ("a", "a")}, "occurs twice"),
        ({"interface_names": ("a", "Pt")}, "occurs twice"),
        ({"interface_names": (None, "Pt|Co")}, "occurs twice"),
    ],
)
def test_bad_names(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        three_layers(**changes)


def test_names() -> None:
    film = three_layers(interface_names=("lower", None))
    assert film.names_of_interfaces == ("lower", "Co|Ta 2")
    image = mirrored(film)
    assert image.names == ("Ta 2", "Co", "Pt")
    assert image.names_of_interfaces == ("Ta 2|Co", "lower")
    assert parameter(image, "lower.rashba").value == -0.1
    plain = Stack(film.layers, film.interfaces, HalfSpace(), HalfSpace())
    assert plain.names == ("HM1", "FM", "HM2")
    assert plain.names_of_interfaces == ("HM1|FM", "FM|HM2")
    assert pt_co().stack().names == ("HM", "FM")


def test_an_interface_without_any_m_has_no_exchange() -> None:
    film = Stack((PT, PT), (RashbaInterface(0.3, 0.0, 0.1),))
    with pytest.raises(InputError, match="needs a magnetization"):
        with_parameters(film, {"HM1|HM2.exchange": 0.1})


def test_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = """
from dataclasses import dataclass
from torkivity_engine.film.kinds import register
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal

@dataclass(frozen=True)
class Mine(HeavyMetal):
    kind = "plugin_for_a_test"

register("plugin_for_a_test", Mine)
"""
    (tmp_path / "plugin_for_a_test.py").write_text(source)
    (tmp_path / "broken_for_a_test.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    first = load_plugins(["plugin_for_a_test"])["plugin_for_a_test"]
    (tmp_path / "plugin_for_a_test.py").write_text(source + "# changed\n")
    assert plugin_digest("plugin_for_a_test") != first
    for name, what in (
        ("broken_for_a_test", "ZeroDivisionError"),
        ("not_there", "No module"),
        (3, "must be names"),
    ):
        with pytest.raises(InputError, match=what):
            load_plugins([name])  # type: ignore[list-item]


def test_a_varied_film_is_the_film_made_anew() -> None:
    """What is copied without being checked again is what the constructors would make."""
    bilayer = Bilayer(
        HeavyMetal.from_resistivity(4.0, 4.2e-7, 3.57, 0.1),
        RashbaInterface(0.4, 0.2, 0.1),
        Ferromagnet(2.0, 16.25, 6.01, 1000.0, 1.36),
        magnetization=(0.3, 0.2, 1.0),
        layer_names=("Pt", "Co"),
    )
    values = {
        "Pt.spin_hall_angle": 0.05,
        '"Pt|Co".exchange': 0.3,
        "Co.thickness": 1.5,
        "film.magnetization.theta_deg": 40.0,
        "film.field_direction_deg": 30.0,
        "film.fermi_wavevector": 14.0,
        "left.specularity": 0.5,
    }
    for film in (bilayer, bilayer.stack()):
        for count in range(1, len(values) + 1):
            some = {
                key: value for key, value in list(values.items())[:count] if key in parameters(film)
            }
            varied = with_parameters(film, some)
            anew = replace(varied)
            assert varied == anew
            assert as_stack(varied) == as_stack(anew)
            assert hash(varied) == hash(anew)
            keys = [[layer.kinetic_key() for layer in as_stack(x).layers] for x in (varied, anew)]
            assert keys[0] == keys[1]


def test_a_varied_stack_still_needs_its_magnetizations() -> None:
    metals = (HeavyMetal(4.0, 3.0, 8.0), HeavyMetal(2.0, 5.0, 9.0))
    film = Stack(metals, (RashbaInterface(0.4, 0.0, 0.1),))
    with pytest.raises(InputError, match="needs a magnetization"):
        with_parameters(film, {"interfaces.0.exchange": 0.2})
