"""Files of amplitudes: what is written is read, and what is wrong is one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from draws import U0, U_EX
from torkivity_engine.errors import InputError
from torkivity_engine.film.free_electron_table import free_electron_table
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.split_ferromagnet import SplitFerromagnet
from torkivity_engine.film.stack import Stack
from torkivity_engine.film.tabulated_interface import TabulatedInterface
from torkivity_hpc.files.amplitudes import read_amplitudes, write_amplitudes
from torkivity_meshes import SphericalMesh

M = (0.48, 0.6, 0.64)
FILM = Stack(
    (
        HeavyMetal(5.0, 2.2, 30.0, fermi_wavevector=13.0),
        SplitFerromagnet(3.0, 15.0, 9.0, 6.0, 2.0, 80.0, magnetization=M),
    ),
    (RashbaInterface(U0, U_EX, 0.3, M),),
)


@pytest.fixture(scope="module")
def interface() -> TabulatedInterface:
    rings = SphericalMesh(2, 4).rings
    assert rings is not None
    return TabulatedInterface.of(free_electron_table(FILM, 0, rings))


@pytest.fixture
def path(interface: TabulatedInterface, tmp_path: Path) -> Path:
    write_amplitudes(tmp_path / "a.h5", interface, provenance="free electrons")
    return tmp_path / "a.h5"


def test_read_back(interface: TabulatedInterface, path: Path) -> None:
    found = read_amplitudes(path)
    assert found == interface
    assert hash(found) == hash(interface)
    assert found.digest == interface.digest
    assert found.file == str(path)
    with h5py.File(path) as file:
        assert file.attrs["provenance"] == "free electrons"
    with pytest.raises(InputError, match="exists"):
        write_amplitudes(path, interface)
    bare = replace(interface.table(), torque_matrices=None, current_above=None)
    write_amplitudes(path, bare, force=True)
    again = read_amplitudes(path)
    assert again != interface
    assert again.digest != interface.digest
    assert again.torque_matrices is None
    assert again.current_below is not None
    assert [p.name for p in path.parent.iterdir()] == ["a.h5"]


def _set(name: str, change: Callable[[np.ndarray], object]) -> Callable[[h5py.File], None]:
    def apply(file: h5py.File) -> None:
        value = change(np.array(file[name]))
        del file[name]
        file[name] = value

    return apply


def _put(index: tuple[int, ...], value: object) -> Callable[[np.ndarray], np.ndarray]:
    def change(array: np.ndarray) -> np.ndarray:
        array[index] = value
        return array

    return change


def _attribute(name: str, value: object, where: str = "/") -> Callable[[h5py.File], None]:
    def apply(file: h5py.File) -> None:
        file[where].attrs[name] = value

    return apply


def _delete(name: str) -> Callable[[h5py.File], None]:
    return lambda file: file.__delitem__(name)


BAD = {
    "not unitary": (_set("amplitudes", lambda s: 1.001 * s), "must be unitary"),
    "missing mode": (_set("below/incoming/spin", _put((-1, 0), 0)), "a mode is missing"),
    "no amplitudes": (_delete("amplitudes"), "amplitudes = 'missing': must be a dataset"),
    "no side": (_delete("above"), "above = 'missing': must be a group"),
    "no spin": (_delete("above/outgoing/spin"), "above/outgoing/spin = 'missing'"),
    "weights": (_set("weights", lambda w: -w), "must be positive areas"),
    "nan": (_set("amplitudes", _put((0, 0, 0), np.nan)), "must be finite"),
    "infinite k": (_set("k_parallel", _put((0, 0), np.inf)), "must be finite"),
    "twice": (_set("k_parallel", lambda k: np.repeat(k[:1], len(k), axis=0)), "a point twice"),
    "shape": (_set("amplitudes", lambda s: s[:, :-1]), r"must have shape \(24, 4, 4\)"),
    "points": (_set("k_parallel", lambda k: k[:-1]), r"must have shape \(24, 2\)"),
    "rank": (_set("weights", lambda w: w[:, None]), "must have 1 dimensions"),
    "velocities": (_set("above/incoming/velocity", lambda v: -v), "must have v_z below zero"),
    "velocity shape": (_set("above/incoming/velocity", lambda v: v[:, :, :2]), "must have shape"),
    "labels": (_set("below/incoming/spin", lambda s: -s), "must hold 1 or 0"),
    "spin shape": (_set("below/incoming/spin", lambda s: s[:-1]), "must have shape"),
    "not Hermitian": (_set("torque_matrices", lambda t: t * 1j), "must be Hermitian"),
    "matrix shape": (_set("current_above", lambda t: t[:, :2]), "must have shape"),
    "text": (_set("weights", lambda w: np.array([b"x"] * len(w))), "must hold numbers"),
    "kind": (_attribute("kind", "wood", "below"), "must be one of metal, magnet"),
    "m": (_attribute("magnetization", [0.0, 0.0]), "a direction"),
    "no m": (lambda file: file.attrs.__delitem__("magnetization"), "must be given"),
    "format": (_attribute("format", "something"), "not of amplitudes"),
    "newer": (_attribute("version", 99), "newer torkivity"),
    "version": (_attribute("version", "x"), "damaged"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_one_line(path: Path, name: str) -> None:
    change, message = BAD[name]
    with h5py.File(path, "a") as file:
        change(file)
    with pytest.raises(InputError, match=message) as caught:
        read_amplitudes(path)
    assert str(caught.value).startswith(f"file = {str(path)!r}: ")
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="damaged"):
        read_amplitudes(path)
    path.write_text("k_x k_y")
    with pytest.raises(InputError, match="is not an HDF5 file"):
        read_amplitudes(path)
    path.unlink()
    with pytest.raises(InputError, match="no such file"):
        read_amplitudes(path)


def test_amplitudes_of_absent_modes(interface: TabulatedInterface) -> None:
    """Points outside a sphere have no mode there, and nothing may be said of it."""
    table = interface.table()
    point, lane = np.argwhere(~table.present("incoming"))[0]
    s = table.amplitudes.copy()
    s[point, 0, lane] = 1e-3
    with pytest.raises(InputError, match="absent modes"):
        replace(table, amplitudes=s)
    t = table.torque_matrices.copy()
    t[point, 0, lane, lane] = 1e-3
    with pytest.raises(InputError, match="absent modes"):
        replace(table, torque_matrices=t)


def test_thousands_of_points_with_eight_modes_a_side(tmp_path: Path) -> None:
    """Reading, checking and the tensors of a table of its own size, without Python per point."""
    from torkivity_engine.diffusion.tensors import interface_tensors
    from torkivity_engine.kinetics.amplitudes import AmplitudeTable, Modes, TableSide

    n, rng = 2_000, np.random.default_rng(1)
    k = rng.uniform(-10, 10, size=(n, 2))
    k[n // 2 :] = -k[: n // 2]

    def modes(lanes: int, spins: list[int], up: float) -> Modes:
        v = rng.normal(size=(n // 2, lanes, 3)) * 1e6
        v = np.concatenate([v, -v])
        v[:, :, 2] = up * np.abs(v[:, :, 2])
        return Modes(v, np.tile(spins, (n, 1)))

    metal = TableSide(False, modes(4, [1] * 4, 1.0), modes(4, [1] * 4, -1.0))
    spins = [1, -1] * 4
    magnet = TableSide(True, modes(8, spins, -1.0), modes(8, spins, 1.0))
    one = np.linalg.qr(rng.normal(size=(16, 16)) + 1j * rng.normal(size=(16, 16)))[0]
    s = np.exp(1j * rng.uniform(size=(n, 16, 1))) * one
    matrices = rng.normal(size=(n, 3, 1, 1)) * (one + one.conj().T)
    table = AmplitudeTable(
        k, np.full(n, 1e-2), metal, magnet, s, M, matrices, current_above=matrices
    )
    write_amplitudes(tmp_path / "big.h5", table)
    film = replace(FILM, interfaces=(read_amplitudes(tmp_path / "big.h5"),))
    tensors = interface_tensors(film)
    assert np.isfinite(tensors.torkivity_interface).all()
    # Charge is the same on both sides, whatever is drawn.
    np.testing.assert_allclose(
        tensors.conductivity[3],
        tensors.torkivity_ferromagnet[3],
        atol=1e-10 * np.abs(tensors.conductivity).max(),
    )


def test_time_reversal_without_a_magnet(tmp_path: Path) -> None:
    metal = HeavyMetal(5.0, 2.2, 30.0)
    film = Stack((metal, metal), (RashbaInterface(0.4, 0.0, 0.3),))
    rings = SphericalMesh(2, 4).rings
    assert rings is not None
    table = free_electron_table(film, 0, rings)
    write_amplitudes(tmp_path / "good.h5", table)
    assert not read_amplitudes(tmp_path / "good.h5").magnetic
    # Another barrier on one half of the plane is unitary, and no crystal.
    other = free_electron_table(
        replace(film, interfaces=(RashbaInterface(0.9, 0.0, 0.3),)), 0, rings
    )
    half = table.k_parallel[:, 0] > 1e-3
    mixed = np.where(half[:, None, None], other.amplitudes, table.amplitudes)
    bare = replace(table, current_below=None, current_above=None, amplitudes=mixed)
    write_amplitudes(tmp_path / "bad.h5", bare)
    with pytest.raises(InputError, match="time reversal"):
        read_amplitudes(tmp_path / "bad.h5")
