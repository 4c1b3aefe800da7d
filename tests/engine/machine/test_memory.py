"""Memory: what is there, what is needed, and the refusal in between."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from torkivity_engine.errors import CapacityError
from torkivity_engine.machine import memory
from torkivity_engine.machine.memory import (
    available_memory,
    dense_memory,
    human_size,
    require_memory,
)

MIB = 2**20

PROGRAM = """
import sys
from torkivity_engine.dense.matching import solve_dense
from torkivity_engine.machine.memory import dense_memory
from torkivity_engine.film.interfaces import RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.stack import Stack
from torkivity_meshes import SphericalMesh

m = (0.3, 0.2, 1.0)
layers = [HeavyMetal(10, 3, 30), Ferromagnet(5, 8, 3, 100, 1.5, m), HeavyMetal(4, 2, 20)]
n = int(sys.argv[1])
stack = Stack(layers[:n], [RashbaInterface(0.4, 0.2, 0.2, m)] * (n - 1))
mesh = SphericalMesh(8, 16)

def peak():
    # Not ru_maxrss: that one starts with the size of the parent process.
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024

solve_dense(stack, SphericalMesh(2, 4))
before = peak()
solve_dense(stack, mesh)
print(peak() - before, dense_memory(n, mesh.n_unknowns))
"""


def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str) -> Path:
    """A machine with 8 GiB and control groups of our making."""
    root = tmp_path / "cgroup"
    root.mkdir()
    (tmp_path / "meminfo").write_text("MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\n")
    (tmp_path / "own").write_text(own)
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_CGROUP", root)
    monkeypatch.setattr(memory, "_OWN_CGROUP", tmp_path / "own")
    return root


def limit(folder: Path, names: tuple[str, str], allowed: str, used: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{allowed}\n")
    (folder / names[1]).write_text(f"{used}\n")


V2 = ("memory.max", "memory.current")
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes")


def test_this_machine_has_memory() -> None:
    assert available_memory() > 16 * MIB


def test_without_groups_the_machine_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups(tmp_path, monkeypatch, "0::/\n")
    assert available_memory() == 8192 * MIB


def test_a_group_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = groups(tmp_path, monkeypatch, "0::/job/step\n")
    limit(root / "job" / "step", V2, "max", 100 * MIB)
    assert available_memory() == 8192 * MIB
    limit(root / "job", V2, str(1000 * MIB), 300 * MIB)
    assert available_memory() == 700 * MIB
    (root / "job" / "memory.stat").write_text(f"anon 1\ninactive_file {50 * MIB}\n")
    assert available_memory() == 750 * MIB
    limit(root / "job", V2, str(200 * MIB), 300 * MIB)
    assert available_memory() == 0


def test_a_group_of_version_one_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = groups(tmp_path, monkeypatch, "3:cpu:/other\n2:memory:/job\n")
    limit(root / "memory" / "job", V1, str(500 * MIB), 100 * MIB)
    limit(root / "memory" / "other", V1, str(MIB), 0)
    assert available_memory() == 400 * MIB


def test_a_system_without_proc_still_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups(tmp_path, monkeypatch, "")
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "nothing")
    monkeypatch.setattr(memory, "_OWN_CGROUP", tmp_path / "nothing")
    assert available_memory() > 0


def test_refusal_names_both_sizes() -> None:
    with pytest.raises(CapacityError) as caught:
        require_memory(3 * 2**30, 512 * MIB, "the solution")
    assert str(caught.value) == ("the solution needs 3 GiB of memory, 512 MiB are allowed")
    with pytest.raises(CapacityError, match="available"):
        require_memory(2**60, None, "the solution")
    require_memory(100, 100, "the solution")


def test_sizes_for_people() -> None:
    assert [human_size(x) for x in (0, 1023, 1536, 5 * MIB, 2.5 * 2**40)] == [
        "0 B",
        "1023 B",
        "1.5 KiB",
        "5 MiB",
        "2.5 TiB",
    ]


def test_need_grows_with_layers_unknowns_and_coupling() -> None:
    assert dense_memory(2, 2048) > 3.0 * dense_memory(2, 1024)
    assert dense_memory(4, 1024) > 2.0 * dense_memory(2, 1024)
    sizes = [dense_memory(1, 4096, coupling=c) for c in ("axis", "spins", "points")]
    assert sizes == sorted(sizes)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("n_layers", [2, 3])
def test_need_is_an_upper_bound_of_what_is_used(n_layers: int) -> None:
    path = os.pathsep.join(sys.path)
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(n_layers)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    used, expected = map(int, result.stdout.split())
    assert used <= expected <= 1.5 * used
