"""Layers with Fermi spheres of their own: what they refuse, and what the rest asks of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from torkivity_engine.errors import InputError
from torkivity_engine.film.boundaries import HalfSpace, Reservoir
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.magnetic_insulator import MagneticInsulator
from torkivity_engine.film.parameters import parameters, with_parameters
from torkivity_engine.film.split_ferromagnet import SplitFerromagnet
from torkivity_engine.film.stack import Bilayer, Stack
from torkivity_engine.kinetics.spheres import Bands, FermiSphere
from torkivity_engine.solve import solve_boltzmann
from torkivity_meshes import SphericalMesh, mesh_from_arrays

UP = (0.0, 0.0, 1.0)
RASHBA = RashbaInterface(0.4, 0.2, 0.1)
HM = HeavyMetal(4.0, 3.0, 20.0, fermi_wavevector=13.0)
SPLIT = SplitFerromagnet(3.0, 17.0, 9.0, 6.0, 2.0, 60.0)
HALF = SplitFerromagnet(3.0, 17.0, None, 6.0, None, decay_minority=5.0)


def test_bands() -> None:
    assert HM.bands(16.0) == Bands.common(13.0)
    assert HeavyMetal(4.0, 3.0, 20.0).bands(16.0) == Bands.common(16.0)
    assert Ferromagnet(4.0, 3.0, 3.0, 20.0, 1.0).bands(16.0) == Bands.common(16.0)
    assert SPLIT.bands(16.0).majority == FermiSphere(17.0)
    assert HALF.bands(16.0).minority == FermiSphere(0.0, 1.0, 5.0)
    assert HALF.is_half_metal


def test_equal_spheres_have_the_lengths_of_a_ferromagnet() -> None:
    equal = SplitFerromagnet(3.0, 16.0, 16.0, 6.0, 2.0, 60.0)
    one = Ferromagnet(3.0, 6.0, 2.0, 60.0, 1.0)
    assert equal.conductivity(16.0) == pytest.approx(one.conductivity(16.0), rel=1e-14)
    # 1/l_sf^2 = (3 / lambda_sf)(1/lambda'_up + 1/lambda'_down)
    rate = math.sqrt(3 / 60 * (1 / 6 + 2 / 60 + 1 / 2))
    assert equal.spin_diffusion_rate(16.0) == pytest.approx(rate, rel=1e-14)


@pytest.mark.parametrize(
    ("change", "key", "expected"),
    [
        ({"decay_minority": 5.0}, "fermi_wavevector_minority", "one of the two"),
        ({"decay_minority": -5.0}, "decay_minority", "between"),
        ({"decay_minority": 1e9}, "decay_minority", "between"),
        ({"decay_minority": "5"}, "decay_minority", "between"),
        ({"fermi_wavevector_minority": None}, "fermi_wavevector_minority", "one of the two"),
        ({"mean_free_path_minority": None}, "mean_free_path_minority", "must be given unless"),
        ({"fermi_wavevector_majority": -1.0}, "fermi_wavevector_majority", "1/nm"),
        ({"effective_mass_minority": 0.0}, "effective_mass_minority", "between"),
        ({"spin_flip_length": True}, "spin_flip_length", "inf"),
    ],
)
def test_bad_split_ferromagnets(change: dict[str, Any], key: str, expected: str) -> None:
    values = {
        "thickness": 3.0,
        "fermi_wavevector_majority": 17.0,
        "fermi_wavevector_minority": 9.0,
        "mean_free_path_majority": 6.0,
        "mean_free_path_minority": 2.0,
    }
    with pytest.raises(InputError, match=expected) as caught:
        SplitFerromagnet(**{**values, **change})
    assert caught.value.key == key


def test_an_insulator_lies_at_an_end() -> None:
    insulator = MagneticInsulator(4.0, 7.0, magnetization=UP)
    plain = RashbaInterface(0.4, 0.0, 0.1)
    with pytest.raises(InputError, match=r"MI.*lowest or highest"):
        Stack((HM, insulator, HM), (plain, plain))
    with pytest.raises(InputError, match="at least one layer with electrons"):
        Stack((insulator, insulator), (plain,))
    for boundary in (Reservoir(), HalfSpace()):
        with pytest.raises(InputError, match=r"left.*through MI"):
            Stack((insulator, HM), (plain,), left=boundary)
    assert Bilayer(HM, RASHBA, MagneticInsulator(4.0, 7.0)).stack().names == ("HM", "MI")


def test_own_wavevectors_are_parameters() -> None:
    film = Bilayer(HM, RASHBA, SPLIT)
    known = parameters(film)
    assert known["HM.fermi_wavevector"].value == 13.0
    assert known["FM.fermi_wavevector_minority"].quantity.unit == "1/nm"
    changed = with_parameters(
        film, {"HM.fermi_wavevector": 12.0, "FM.effective_mass_majority": 1.5}
    )
    assert changed.heavy_metal.fermi_wavevector == 12.0
    assert changed.ferromagnet.effective_mass_majority == 1.5


def test_resistivity_is_that_of_the_layers_own_sphere() -> None:
    values = {
        "thickness": 4.0,
        "resistivity": 2e-7,
        "spin_diffusion_length": 6.0,
        "fermi_wavevector": 12.0,
    }
    layer = HeavyMetal.from_values(values, 16.0)
    assert layer.fermi_wavevector == 12.0
    assert 1.0 / layer.conductivity(16.0) == pytest.approx(2e-7, rel=1e-14)
    moved = layer.with_values({"fermi_wavevector": 13.0}, 16.0)
    assert 1.0 / moved.conductivity(16.0) == pytest.approx(2e-7, rel=1e-14)
    assert moved.mean_free_path < layer.mean_free_path
    # Another film does not change what is its own.
    assert layer.with_values({}, 20.0, 16.0) == layer


def test_annuli_need_rings() -> None:
    film = Bilayer(HM, RASHBA, SPLIT)
    sphere = SphericalMesh(4, 6)
    bare = mesh_from_arrays(sphere.directions, sphere.weights)
    for method in ("reduced", "dense"):
        with pytest.raises(InputError, match="azimuthal rings"):
            solve_boltzmann(film, bare, method=method)


def test_an_interface_given_by_tensors_belongs_to_its_spheres() -> None:
    class Tabulated(RashbaInterface):
        def closed_form(self, m: object) -> None:
            return None

    film = Bilayer(HM, Tabulated(0.4, 0.2, 0.1), SPLIT)
    with pytest.raises(InputError, match=r"HM\|FM.*given by its potential"):
        solve_boltzmann(film, SphericalMesh(4, 6))


def test_kinds_have_names() -> None:
    from torkivity_engine.film.kinds import kinds

    known = kinds()
    assert known["split_ferromagnet"] is SplitFerromagnet
    assert known["magnetic_insulator"] is MagneticInsulator
    assert np.isfinite(HALF.conductivity(16.0))
