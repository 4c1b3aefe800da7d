"""What has happened to a result file is one line with its name, whichever command reads it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

import torkivity
from torkivity_engine.errors import InputError

Call = Callable[..., tuple[int, str, str]]

SWEEP = """
[sweep]
models = ["drift_diffusion", "boundary_layer"]
[sweep.axes]
interface.exchange = [0.1, 0.2]
"""

READERS = {
    "info": (),
    "export": ("--to", "csv"),
    "compare": (),
    "plot": (),
    "anisotropy": (),
    "status": (),
    "sweep": (),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, small_toml: str) -> Path:
    folder = tmp_path_factory.mktemp("good")
    (folder / "a.toml").write_text(small_toml + SWEEP)
    torkivity.sweep(folder / "a.toml", out=folder / "a.h5")
    return folder


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def foreign(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["status"] = 3


def text(path: Path) -> None:
    path.write_text("a,b\n1,2\n")


def edit(change: Callable[[h5py.File], object]) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        with h5py.File(path, "a") as file:
            change(file)

    return apply


def attribute(name: str, value: object) -> Callable[[Path], None]:
    return edit(lambda file: file.attrs.__setitem__(name, value))


FAULTS = {
    "truncated": (truncated, "is damaged (truncated)"),
    "foreign": (foreign, "is an HDF5 file, but not one of torkivity's"),
    "text": (text, "is not an HDF5 file"),
    "future": (attribute("schema_version", 99), "was written by a newer torkivity (schema 99"),
    "json": (attribute("config_json", "{oh"), "is damaged (attribute config_json)"),
    "json_list": (attribute("physics_json", "[1]"), "is damaged (attribute physics_json)"),
    "toml": (attribute("config_toml", "a = "), "is damaged (attribute config_toml)"),
    "number": (attribute("config_json", 3.0), "is damaged (attribute config_json)"),
    "version": (attribute("schema_version", "one"), "is damaged (schema_version)"),
    "missing": (Path.unlink, "no such file"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("command", READERS)
def test_every_reader_says_the_same(
    good: Path,
    tmp_path: Path,
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    fault: str,
) -> None:
    if (command, fault) == ("sweep", "missing"):
        pytest.skip("a sweep makes its file")
    damage, message = FAULTS[fault]
    for name in ("a.toml", "a.h5"):
        shutil.copy(good / name, tmp_path / name)
    damage(tmp_path / "a.h5")
    monkeypatch.chdir(tmp_path)
    target = "a.toml" if command == "sweep" else "a.h5"
    status, out, errors = call(command, target, *READERS[command])
    assert (status, out) == (2, "")
    last = errors.splitlines()[-1]
    assert last.startswith(f"torkivity: error: file = 'a.h5': {message}")
    assert {path.name for path in tmp_path.iterdir()} <= {"a.toml", "a.h5"}


def test_what_a_user_adds_is_left_alone(
    good: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add(file: h5py.File) -> None:
        file.create_group("mine/deeper")["x"] = np.arange(5)
        file["notes"] = np.arange(7.0)
        file["table"] = np.zeros(3, dtype=[("a", "f8"), ("b", "i4")])
        file["empty"] = h5py.Empty("f8")
        file["phase"] = 1.0 + 2.0j
        file["remark"] = "thin"
        file.attrs["author"] = "me"

    for name in ("a.toml", "a.h5"):
        shutil.copy(good / name, tmp_path / name)
    edit(add)(tmp_path / "a.h5")
    monkeypatch.chdir(tmp_path)
    for command, options in READERS.items():
        if command == "anisotropy":  # needs a sweep over angles
            continue
        target = "a.toml" if command == "sweep" else "a.h5"
        status, out, errors = call(command, target, *options)
        if command == "compare":  # needs the Boltzmann equation too
            assert status == 2
            assert "boltzmann" in errors
            continue
        assert status == 0, (command, errors)
        if command == "info":
            assert "empty, mine, notes, phase, table" in out
            assert "author" in out
    known, extended = (torkivity.open_results(p / "a.h5") for p in (good, tmp_path))
    assert {"notes", "table", "phase"}.isdisjoint(extended.variables)
    for name in known.variables:
        np.testing.assert_array_equal(known[name], extended[name])


def test_a_sweep_without_its_books(good: Path, tmp_path: Path) -> None:
    from torkivity.study.status import describe_status

    shutil.copy(good / "a.h5", tmp_path / "a.h5")
    edit(lambda file: file.pop("finished"))(tmp_path / "a.h5")
    with pytest.raises(InputError, match="is damaged \\(no finished\\)"):
        describe_status(tmp_path / "a.h5")


READ_DAMAGED = """
import sys
from pathlib import Path
import numpy as np
import torkivity

good, path = map(Path, sys.argv[1:3])
data, rng = good.read_bytes(), np.random.default_rng(int(sys.argv[3]))
for place in rng.integers(0, len(data), 40):
    damaged = bytearray(data)
    damaged[place : place + 64] = rng.bytes(64)
    path.write_bytes(damaged)
    try:
        torkivity.open_results(path)
    except torkivity.InputError as error:
        print(error)
"""


def test_bytes_that_cannot_be_read(good: Path, tmp_path: Path) -> None:
    """Any byte of the structure overwritten: read as before, or one line with the name.

    In a process of its own: what HDF5 makes of such bytes in memory is nobody else's.
    """
    path = tmp_path / "a.h5"
    result = subprocess.run(
        [sys.executable, "-c", READ_DAMAGED, str(good / "a.h5"), str(path), "11"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    refused = result.stdout.splitlines()
    assert refused
    assert all(line.startswith(f"file = '{path}': ") for line in refused)
