"""Measured speed, memory and accuracy of the solvers, beside what they are compared with.

Everything is measured in rounds in which the things compared run one after the other, and
quoted as the median over rounds, so that a drifting machine moves a ratio little. Nothing
here limits threads: start the program with `SINGLE_THREAD` in its environment, as
``scripts/benchmark.py`` does, to compare core with core.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numba
import numpy as np
import scipy
from numpy.typing import NDArray

import torkivity
from torkivity_engine import modes, response_cache
from torkivity_engine.bmatrix import b_matrix
from torkivity_engine.collision import collision_terms, driven_distribution
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.model import (
    Bilayer,
    Ferromagnet,
    HeavyMetal,
    Interface,
    Layer,
    RashbaInterface,
    Stack,
)
from torkivity_engine.reduced import Assembly, ring_structure, solve_reduced
from torkivity_engine.scattering import interface_parameters
from torkivity_engine.solve import solve_boltzmann
from torkivity_engine.tensors import (
    _tensor_sums,
    driven_amplitude,
    interface_tensors,
    tensor_integrals,
)
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh

__all__ = [
    "SECTIONS",
    "SINGLE_THREAD",
    "SPEED_SECTIONS",
    "Table",
    "TextbookModes",
    "machine_facts",
    "measure_speed",
    "pt_co",
    "replace_tables",
    "run_benchmark",
    "solve_textbook",
    "speed_table",
    "tables",
    "tensor_sums_elementwise",
    "tensor_sums_moments",
    "textbook_modes",
    "torque_vector",
]

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
Record = dict[str, Any]

#: Environment that keeps every numerical library at one thread, read when they are loaded.
SINGLE_THREAD = {
    name: "1"
    for name in (
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMBA_NUM_THREADS",
    )
}

U0, U_EX = 0.42645, 0.20055
TILTED = (0.3, 0.2, 1.0)


def pt_co(
    exchange: float = U_EX,
    rashba: float = 0.5 * U0,
    magnetization: tuple[float, float, float] = TILTED,
    spin_hall_angle: float = 0.0,
) -> Bilayer:
    """Pt/Co film of Haney et al., Phys. Rev. B 87, 174411 (2013), that everything is timed on.

    Parameters
    ----------
    exchange, rashba : float, optional
        u_ex and u_R.
    magnetization : vector, optional
    spin_hall_angle : float, optional

    Returns
    -------
    Bilayer
    """
    return Bilayer(
        HeavyMetal.from_spin_diffusion_length(10.0, 2.0853, 2.57, spin_hall_angle),
        RashbaInterface(U0, exchange, rashba),
        Ferromagnet(5.0, 16.25, 6.01, 1000.0, 1.36),
        magnetization=magnetization,
    )


def torque_vector(film: Bilayer, mesh: FermiSurfaceMesh) -> FloatArray:
    """tau_tot of a film, shape (3,), per E~ in 1/(Ohm m)."""
    return solve_boltzmann(film, mesh).torque_total


# ------------------------------------------------------------------------------------------
# Measuring and printing


class _Rounds:
    """Seconds of several calls, measured in turns.

    Parameters
    ----------
    calls : mapping of str to callable
    seconds : float
        About how long to measure altogether; every call runs at least `least` times.
    warm : bool, optional
        Run everything once beforehand.
    """

    def __init__(
        self,
        calls: Mapping[str, Callable[[], object]],
        seconds: float,
        *,
        least: int = 3,
        most: int = 400,
        warm: bool = True,
    ) -> None:
        if warm:
            for call in calls.values():
                call()
        self._times: dict[str, list[float]] = {name: [] for name in calls}
        end = time.perf_counter() + seconds
        while len(next(iter(self._times.values()))) < most:
            for name, call in calls.items():
                start = time.perf_counter()
                call()
                self._times[name].append(time.perf_counter() - start)
            if time.perf_counter() > end and len(next(iter(self._times.values()))) >= least:
                break

    def seconds(self, name: str) -> float:
        """Median time of one call."""
        return median(self._times[name])

    def ratio(self, slow: str, fast: str) -> float:
        """Median over rounds of time(slow) / time(fast)."""
        pairs = zip(self._times[slow], self._times[fast], strict=True)
        return median(a / b for a, b in pairs)


@dataclass(frozen=True)
class Table:
    """Measured values, formatted.

    Attributes
    ----------
    title : str
    columns : tuple of str
    rows : tuple of tuple of str
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def text(self) -> str:
        """Aligned for a terminal."""
        return "\n".join([self.title, *self._aligned("  ", "  ", "  ")])

    def markdown(self) -> str:
        """For a document, without the title."""
        return "\n".join(self._aligned("| ", " | ", " |"))

    def _aligned(self, left: str, between: str, right: str) -> list[str]:
        lines = [self.columns, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        dashes = tuple("-" * (w - 1) + ("-" if i == 0 else ":") for i, w in enumerate(widths))
        if left == "  ":
            dashes = tuple("-" * w for w in widths)
        out = []
        for line in (self.columns, dashes, *self.rows):
            cells = [line[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
            out.append((left + between.join(cells) + right).rstrip())
        return out


def replace_tables(text: str, found: Mapping[str, Table]) -> str:
    """A document with its tables replaced.

    Parameters
    ----------
    text : str
        Holds ``<!-- table NAME -->`` and ``<!-- end NAME -->`` on lines of their own.
    found : mapping of str to Table
        Tables by those names; others in the document stay as they are.

    Returns
    -------
    str

    Raises
    ------
    KeyError
        If the document has no place for one of the tables.
    """
    for name, table in found.items():
        begin, end = f"<!-- table {name} -->\n", f"<!-- end {name} -->"
        head, found_begin, rest = text.partition(begin)
        _, found_end, tail = rest.partition(end)
        if not found_begin or not found_end:
            raise KeyError(f"no place for table {name!r}")
        text = f"{head}{begin}\n{table.markdown()}\n\n{end}{tail}"
    return text


def machine_facts() -> Record:
    """What the numbers depend on besides the program."""
    facts: Record = {
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "numba": numba.__version__,
        "torkivity": torkivity.__version__,
        "blas_threads": os.environ.get("OPENBLAS_NUM_THREADS", "not limited"),
    }
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                facts["cpu"] = " ".join(line.partition(":")[2].split())
                break
    except OSError:
        pass
    for library in (np, scipy):
        config = library.show_config(mode="dicts")
        blas = (config or {}).get("Build Dependencies", {}).get("blas", {})
        facts[f"{library.__name__}_blas"] = f"{blas.get('name')} {blas.get('version')}"
    return facts


def _exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def _number(x: float | None, digits: int = 3) -> str:
    if x is None:
        return "-"
    if x == 0.0 or 1e-2 <= abs(x) < 1e5:
        decimals = max(0, digits - 1 - int(np.floor(np.log10(abs(x or 1.0)))))
        return f"{x:.{decimals}f}"
    return f"{x:.{digits - 1}e}"


def _duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{_number(seconds / scale)} {unit}"
    return f"{_number(seconds / 1e-9)} ns"


# ------------------------------------------------------------------------------------------
# The three tensors in NumPy


def tensor_sums_elementwise(
    points: FloatArray,
    parameters: FloatArray,
    minus: FloatArray,
    plus: FloatArray,
    block: int = 8192,
) -> FloatArray:
    """What `tensor_integrals` computes, in vectorised NumPy that stays in the cache.

    Parameters
    ----------
    points : ndarray, shape (4, n)
        k_x, k_y, mu and solid angle of each channel.
    parameters : ndarray, shape (12,)
        Of a `RashbaInterface`.
    minus, plus : ndarray, shape (4,)
    block : int, optional
        Points handled together.

    Returns
    -------
    ndarray, shape (11, 2)
    """
    u0, _, ax, ay, bz, _, ur, *_, unit = (float(p) for p in parameters)
    out = np.zeros((11, 2))

    def applied(
        diagonal: FloatArray, im2: FloatArray, re2: FloatArray, charge: FloatArray, g: FloatArray
    ) -> FloatArray:
        result = np.empty((4, len(diagonal)))
        dot = bx * g[0]
        dot += by * g[1]
        dot += bz * g[2]
        along = q2 * dot
        along += re2 * g[3]
        result[0] = diagonal * g[0] + along * bx + im2 * (by * g[2] - bz * g[1])
        result[1] = diagonal * g[1] + along * by + im2 * (bz * g[0] - bx * g[2])
        result[2] = diagonal * g[2] + along * bz + im2 * (bx * g[1] - by * g[0])
        result[3] = charge * g[3] + re2 * dot
        return result

    for start in range(0, points.shape[1], block):
        x, y, z, weight = points[:, start : start + block]
        bx, by = ax + ur * y, ay - ur * x
        b2 = bx * bx
        b2 += by * by
        b2 += bz * bz
        delta = b2 - u0 * u0
        x1 = z * unit
        x2 = x1 * x1
        even = x2 + delta
        inverse = even * even
        inverse += (4.0 * u0 * u0) * x2
        np.divide(1.0, inverse, out=inverse)
        q = x2 * inverse
        q2 = 2.0 * q
        p_t = q * (x2 + u0 * u0)
        ir2 = (-2.0 * x1) * delta
        ir2 *= inverse
        it2 = q2 * x1
        re2 = -u0 * q2
        qb2 = q * b2
        t_cc = p_t + qb2
        t_diagonal = p_t - qb2
        r_diagonal = p_t + 3.0 * qb2
        np.negative(r_diagonal, out=r_diagonal)
        mirrored, lost = -re2, -t_cc
        into_minus = applied(r_diagonal, ir2, mirrored, lost, minus)
        into_plus = applied(r_diagonal, ir2, mirrored, lost, plus)
        through = applied(t_diagonal, it2, re2, t_cc, minus)
        across = applied(t_diagonal, it2, re2, t_cc, plus)
        into_minus += across
        into_plus += through
        through += across
        weights = np.empty((len(x), 2))
        weights[:, 0], weights[:, 1] = weight * x, weight * y
        flux = weights * z[:, None]
        out[:4] -= into_minus @ flux
        out[4:8] += into_plus @ flux
        out[8:] += through[:3] @ weights
    return out


def tensor_sums_moments(
    points: FloatArray,
    parameters: FloatArray,
    minus: FloatArray,
    plus: FloatArray,
    block: int = 8192,
) -> FloatArray:
    """The same sums with less arithmetic: moments of five scalars by one matrix product.

    b is linear in k_parallel, so every sum is a combination of moments of p_t, q, Im(s_r c*)
    and Im(s_t c*) with monomials in k_x and k_y up to the third degree.

    Parameters
    ----------
    points : ndarray, shape (4, n)
        k_x, k_y, mu and solid angle of each channel.
    parameters : ndarray, shape (12,)
        Of a `RashbaInterface`.
    minus, plus : ndarray, shape (4,)
    block : int, optional
        Points handled together.

    Returns
    -------
    ndarray, shape (11, 2)
    """
    u0, _, ax, ay, az, _, ur, *_, unit = (float(p) for p in parameters)
    # Rows: flux-weighted p_t, q, Im r, Im t, then solid-angle-weighted p_t, q, Im t.
    total = np.zeros((7, 9))
    n = min(block, points.shape[1])
    scalars, monomials = np.empty((7, n)), np.empty((9, n))
    for start in range(0, points.shape[1], block):
        x, y, z, weight = points[:, start : start + block]
        a, k = scalars[:, : len(x)], monomials[:, : len(x)]
        k[0], k[1] = x, y
        for row, left, right in (
            (2, 0, 0), (3, 0, 1), (4, 1, 1), (5, 2, 0), (6, 2, 1), (7, 4, 0), (8, 4, 1),
        ):  # fmt: skip
            np.multiply(k[left], k[right], out=k[row])
        delta = ur * y
        delta += ax
        delta *= delta
        by = (-ur) * x
        by += ay
        by *= by
        delta += by
        delta += az * az - u0 * u0
        x1 = z * unit
        x2 = x1 * x1
        inverse = x2 + delta
        inverse *= inverse
        np.multiply(x2, 4.0 * u0 * u0, out=by)
        inverse += by
        np.divide(weight, inverse, out=inverse)
        inverse *= x1
        np.multiply(inverse, x1, out=a[5])
        np.multiply(inverse, x2, out=a[6])
        inverse *= delta
        inverse *= z
        np.negative(inverse, out=a[2])
        x2 += u0 * u0
        np.multiply(a[5], x2, out=a[4])
        for row, source in ((0, 4), (1, 5), (3, 6)):
            np.multiply(a[source], z, out=a[row])
        total += a @ k.T
    return _from_moments(total, parameters, minus, plus)


def _from_moments(
    total: FloatArray, parameters: FloatArray, minus: FloatArray, plus: FloatArray
) -> FloatArray:
    """(11, 2) sums from the moments with x, y, xx, xy, yy, xxx, xxy, xyy, yyy."""
    u0 = float(parameters[0])
    # Per field direction the moments of 1, x, y, xx, xy, yy times v_E.
    by_field = total[:, [[0, 2, 3, 5, 6, 7], [1, 3, 4, 6, 7, 8]]]
    # b_i = offset + slope . (x, y), and the polynomials b_i b_j.
    b = np.column_stack([parameters[2:5], parameters[5:11].reshape(3, 2)])
    b1 = np.zeros((3, 6))
    b1[:, :3] = b
    b2 = np.zeros((3, 3, 6))
    for (i, p), (j, q) in itertools.product(np.ndindex(3, 3), np.ndindex(3, 3)):
        row, column = min(p, q), max(p, q)
        place = {(0, 0): 0, (0, 1): 1, (0, 2): 2, (1, 1): 3, (1, 2): 4, (2, 2): 5}[row, column]
        b2[i, j, place] += b[i, p] * b[j, q]
    one = np.eye(6)[0]
    levi = np.zeros((3, 3, 3))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        levi[i, j, k], levi[i, k, j] = 1.0, -1.0
    trace = np.einsum("iip->p", b2)

    def tensor(p: FloatArray, q: FloatArray, im: FloatArray, sign: float) -> FloatArray:
        """Summed T (sign 1) or R - 1 (sign -1), shape (field, 4, 4)."""
        result = np.zeros((2, 4, 4))
        # Unitarity gives the diagonal of R - 1 from that of T.
        diagonal = sign * (p @ one) - (1.0 if sign > 0.0 else 3.0) * (q @ trace)
        result[:, :3, :3] = diagonal[:, None, None] * np.eye(3)
        result[:, :3, :3] += 2.0 * np.einsum("fp,ijp->fij", q, b2)
        result[:, :3, :3] -= 2.0 * np.einsum("fp,kp,ijk->fij", im, b1, levi)
        spin_charge = -2.0 * sign * u0 * (q @ b1.T)
        result[:, :3, 3], result[:, 3, :3] = spin_charge, spin_charge
        result[:, 3, 3] = sign * (p @ one + q @ trace)
        return result

    reflected = tensor(by_field[0], by_field[1], by_field[2], -1.0)
    through = tensor(by_field[0], by_field[1], by_field[3], 1.0)
    density = tensor(by_field[4], by_field[5], by_field[6], 1.0)
    out = np.empty((11, 2))
    out[:4] = -(reflected @ minus + through @ plus).T
    out[4:8] = (reflected @ plus + through @ minus).T
    out[8:] = (density[:, :3] @ (minus + plus)).T
    return out


def _measure_tensors(quick: bool) -> Record:
    mesh = SphericalMesh(64, 64) if quick else SphericalMesh(256, 256)
    film = pt_co()
    stack = film.stack()
    parameters = interface_parameters(stack.interfaces[0], stack.interface_magnetization(0))
    minus, plus = (driven_amplitude(layer) for layer in stack.layers)
    up = mesh.upward
    points = np.ascontiguousarray(np.vstack([mesh.directions[up].T, mesh.weights[up]]))
    reference = np.empty((11, 2))
    kernel = partial(_tensor_sums, *points, parameters, minus, plus, reference)
    kernel()
    variants: dict[str, Callable[[int], FloatArray]] = {
        "elementwise": partial(tensor_sums_elementwise, points, parameters, minus, plus),
        "moments": partial(tensor_sums_moments, points, parameters, minus, plus),
    }
    blocks = (1024, 4096) if quick else (1024, 2048, 4096, 8192, 16384)
    best: dict[str, int] = {}
    worst = 0.0
    for name, variant in variants.items():
        worst = max(worst, float(np.abs(variant(blocks[0]) - reference).max()))
        tried = _Rounds({str(n): partial(variant, n) for n in blocks}, 0.2 if quick else 2.0)
        seconds = {n: tried.seconds(str(n)) for n in blocks}
        best[name] = min(seconds, key=seconds.__getitem__)
    rounds = _Rounds(
        {
            "kernel": kernel,
            "public": partial(tensor_integrals, mesh, parameters, minus, plus),
            **{name: partial(variant, best[name]) for name, variant in variants.items()},
        },
        0.3 if quick else 4.0,
    )
    films = _Rounds({"film": partial(interface_tensors, film)}, 0.1 if quick else 1.0)
    n = points.shape[1]
    return {
        "n_points": n,
        "difference": worst / float(np.abs(reference).max()),
        "points_per_second": {
            name: n / rounds.seconds(name)
            for name in ("kernel", "public", "elementwise", "moments")
        },
        "block": best,
        "ratio_elementwise": rounds.ratio("elementwise", "kernel"),
        "ratio_moments": rounds.ratio("moments", "kernel"),
        "seconds_default_mesh": films.seconds("film"),
    }


def _tensor_table(r: Record) -> Table:
    speed = r["points_per_second"]
    rows = (
        ("compiled kernel on prepared arrays", speed["kernel"], "1"),
        (
            "`tensor_integrals` (public)",
            speed["public"],
            _number(speed["kernel"] / speed["public"]),
        ),
        (
            f"NumPy, the same formulas, blocks of {r['block']['elementwise']}",
            speed["elementwise"],
            _number(r["ratio_elementwise"]),
        ),
        (
            f"NumPy, moments by matrix product, blocks of {r['block']['moments']}",
            speed["moments"],
            _number(r["ratio_moments"]),
        ),
    )
    return Table(
        f"Three tensors, both field directions, any m; {r['n_points']} points, one core",
        ("", "million points/s", "time / kernel"),
        tuple((name, _number(value / 1e6), ratio) for name, value, ratio in rows),
    )


# ------------------------------------------------------------------------------------------
# The matrix B


def _measure_b_matrix(quick: bool) -> Record:
    mesh = SphericalMesh(8, 16) if quick else SphericalMesh(16, 32)
    terms = collision_terms(pt_co().heavy_metal)
    array = np.empty((mesh.n_unknowns, mesh.n_unknowns))
    rounds = _Rounds(
        {"fill": partial(array.fill, 1.0), "build": partial(b_matrix, terms, mesh, array)},
        0.2 if quick else 4.0,
    )
    return {
        "n_unknowns": mesh.n_unknowns,
        "fill_seconds": rounds.seconds("fill"),
        "build_seconds": rounds.seconds("build"),
        "fraction_of_fill_speed": 1.0 / rounds.ratio("build", "fill"),
    }


def _b_matrix_table(r: Record) -> Table:
    size = 8.0 * r["n_unknowns"] ** 2
    rows = [("`array.fill`, warm", r["fill_seconds"]), ("building B", r["build_seconds"])]
    return Table(
        f"B of an isotropic layer, NT = {r['n_unknowns']}",
        ("", "time", "GB/s", "of the speed of fill"),
        tuple(
            (name, _duration(s), _number(size / s / 1e9), share)
            for (name, s), share in zip(
                rows, ("1", _number(r["fraction_of_fill_speed"], 2)), strict=True
            )
        ),
    )


# ------------------------------------------------------------------------------------------
# The reduced method


def _forget() -> None:
    """Empty every cache of layer responses."""
    response_cache.clear_cache()
    driven_distribution.cache_clear()
    modes._cached_modes.cache_clear()


def _films(seed: int = 1) -> Iterator[Bilayer]:
    """Endless films that differ in interface parameters and magnetization."""
    rng = np.random.default_rng(seed)
    base = pt_co()
    while True:
        v = rng.normal(size=3)
        u0, ux, ur = rng.uniform((0.2, 0.05, -0.3), (0.6, 0.6, 0.3))
        yield replace(
            base,
            interface=RashbaInterface(float(u0), float(ux), float(ur)),
            magnetization=(float(v[0]), float(v[1]), float(v[2])),
        )


def _channel_flops(drives: int = 2) -> float:
    """Floating-point operations of one k_parallel channel of a bilayer: 8 unknowns."""
    n, columns = 8, 8 + drives
    form = 2 * n * 32  # 1 - S A, with two 4 x 4 blocks in A
    factor = 2 * n**3 / 3
    solve = 2 * n**2 * columns
    mean = 2 * n * columns
    density = 2 * 4 * n * columns + 2 * 3 * 4 * columns + 2 * 3 * columns
    return form + factor + solve + mean + density


def _closing_flops(n_polar: int, ranks: Sequence[int], drives: int = 2) -> float:
    """Operations of the closing system of a bilayer."""
    rank = sum(ranks)
    response = 2 * n_polar * 8 * 4 * rank
    project = 2 * 4 * n_polar * rank * rank
    return response + project + 2 * rank**3 / 3 + 2 * rank**2 * drives


def _dgemm_rate(n: int = 512) -> float:
    a = np.random.default_rng(0).normal(size=(n, n))
    out = np.empty_like(a)
    rounds = _Rounds({"dgemm": partial(np.matmul, a, a, out=out)}, 0.3, least=5)
    return 2.0 * n**3 / rounds.seconds("dgemm")


def _sweep_point(films: Iterator[Bilayer], mesh: FermiSurfaceMesh) -> None:
    solve_boltzmann(next(films), mesh)


def _bare_point(films: Iterator[Bilayer], mesh: FermiSurfaceMesh) -> None:
    solve_reduced(next(films).stack(), mesh)


def _new_thickness(thickness: Iterator[float], mesh: FermiSurfaceMesh) -> None:
    film = pt_co()
    layer = replace(film.heavy_metal, thickness=next(thickness))
    solve_boltzmann(replace(film, heavy_metal=layer), mesh)


def _cold_responses(mesh: FermiSurfaceMesh) -> None:
    _forget()
    Assembly(pt_co().stack(), ring_structure(mesh))


def _measure_reduced(quick: bool) -> Record:
    sizes = (8, 16) if quick else (32, 64)
    seconds = 0.3 if quick else 4.0
    rate = _dgemm_rate(256 if quick else 512)
    cases = []
    for size in sizes:
        mesh = SphericalMesh(size, size)
        rings = ring_structure(mesh)
        cold = _Rounds({"cold": partial(_cold_responses, mesh)}, seconds)
        thickness = itertools.count(10.0, 1e-3)
        thick = _Rounds({"thickness": partial(_new_thickness, thickness, mesh)}, seconds)
        warm = _Rounds(
            {
                "point": partial(_sweep_point, _films(), mesh),
                "bare": partial(_bare_point, _films(), mesh),
            },
            seconds,
            least=20,
        )
        stack = pt_co().stack()
        ranks = [r.operator.left.shape[3] for r in Assembly(stack, rings).returns]
        channels = size * size * _channel_flops()
        floor = channels + _closing_flops(size, ranks)
        full = channels + _closing_flops(size, [4 * size, 4 * size])
        cases.append(
            {
                "n_polar": size,
                "n_azimuth": size,
                "n_unknowns": mesh.n_unknowns,
                "point_seconds": warm.seconds("point"),
                "solve_reduced_seconds": warm.seconds("bare"),
                "points_per_second": 1.0 / warm.seconds("point"),
                "cold_seconds": cold.seconds("cold"),
                "new_thickness_seconds": thick.seconds("thickness"),
                "rank": sum(ranks),
                "channel_megaflop": channels / 1e6,
                "closing_megaflop": (floor - channels) / 1e6,
                "floor_seconds": floor / rate,
                "floor_full_rank_seconds": full / rate,
                "time_over_floor": warm.seconds("point") * rate / floor,
                "time_over_floor_full_rank": warm.seconds("point") * rate / full,
            }
        )
    return {
        "cases": cases,
        "dgemm_gflops": rate / 1e9,
        "memory": _memory(sizes[0], sizes[0]),
    }


def _reduced_table(r: Record) -> Table:
    cases = r["cases"]

    def row(name: str, cell: Callable[[Record], str]) -> tuple[str, ...]:
        return (name, *(cell(case) for case in cases))

    return Table(
        "Reduced method, Pt/Co bilayer, interface parameters and m changing at every point",
        ("", *(f"SphericalMesh({c['n_polar']}, {c['n_azimuth']})" for c in cases)),
        (
            row("unknowns per layer face, NT", lambda c: str(c["n_unknowns"])),
            row("points/s, `solve_boltzmann`", lambda c: _number(c["points_per_second"])),
            row("points/s, `solve_reduced`", lambda c: _number(1.0 / c["solve_reduced_seconds"])),
            row("layer responses from nothing", lambda c: _duration(c["cold_seconds"])),
            row("point at a new thickness", lambda c: _duration(c["new_thickness_seconds"])),
            row("rank of the closing system", lambda c: str(c["rank"])),
            row("Mflop in 8 x 8 systems", lambda c: _number(c["channel_megaflop"])),
            row("Mflop in the closing system", lambda c: _number(c["closing_megaflop"])),
            row(
                f"point / operations at {_number(r['dgemm_gflops'])} Gflop/s",
                lambda c: _number(c["time_over_floor"]),
            ),
            row(
                "the same, closing system of rank 8 n_polar",
                lambda c: _number(c["time_over_floor_full_rank"]),
            ),
        ),
    )


_PROBE = """
import json, sys
from torkivity.analysis import benchmark
print(json.dumps(benchmark.memory_probe(int(sys.argv[1]), int(sys.argv[2]))))
"""


def _memory(n_polar: int, n_azimuth: int) -> Record:
    """Memory of the reduced method in a fresh process, in bytes; empty if not measurable."""
    result: Record = json.loads(_output("-c", _PROBE, str(n_polar), str(n_azimuth)))
    return result


def _output(*arguments: str) -> str:
    """What another Python process, one thread to each library, writes to standard output."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **SINGLE_THREAD},
    ).stdout


def memory_probe(n_polar: int, n_azimuth: int) -> Record:
    """Resident memory that a first and some more points add to this process.

    Parameters
    ----------
    n_polar, n_azimuth : int

    Returns
    -------
    dict
        In bytes: "program" after the imports, "above_program" the peak beyond that, and
        "above_kernels" the peak beyond the program with its compiled kernels loaded.
    """
    try:
        program = _resident("VmRSS")
        films = _films()
        solve_boltzmann(next(films), SphericalMesh(5, 4))
        kernels = _resident("VmRSS")
        # Imports may have peaked higher than they settled.
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return {}
    mesh = SphericalMesh(n_polar, n_azimuth)
    for film in itertools.islice(films, 20):
        solve_boltzmann(film, mesh)
    peak = _resident("VmHWM")
    return {
        "n_polar": n_polar,
        "n_azimuth": n_azimuth,
        "program": program,
        "above_program": peak - program,
        "above_kernels": peak - kernels,
    }


def _resident(key: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"no {key}")


def _memory_table(probes: Sequence[Record]) -> Table:
    return Table(
        "Memory of the reduced method in a fresh process, MB",
        ("mesh", "imported program", "added at the peak", "of that, without kernels"),
        tuple(
            (
                f"SphericalMesh({p['n_polar']}, {p['n_azimuth']})",
                *(_number(p[key] / 1e6) for key in ("program", "above_program", "above_kernels")),
            )
            for p in probes
            if p
        ),
    )


# ------------------------------------------------------------------------------------------
# The method of the paper, with SciPy


@dataclass(frozen=True, eq=False)
class TextbookModes:
    """Solutions in one layer from the eigenvectors of its full matrix B.

    Attributes
    ----------
    rates : ndarray of complex, shape (NT - 2,)
    vectors : ndarray of complex, shape (NT, NT - 2)
    constant, linear : ndarray, shape (NT,)
        The charge pair: ``constant`` and ``z constant + linear``.
    driven : ndarray, shape (NT, 2)
        Uniform response to fields along x and y.
    """

    rates: ComplexArray
    vectors: ComplexArray
    constant: FloatArray
    linear: FloatArray
    driven: FloatArray

    def states(self, z: float, thickness: float) -> FloatArray:
        """All solutions, the driven ones last, at depth z; shape (n_directions, 4, NT + 2)."""
        # Growing exponentials are referred to the far face.
        distance = np.where(self.rates.real > 0.0, z, z - thickness)
        complex_states = self.vectors * np.exp(-self.rates * distance)
        # A conjugate pair becomes its real and its imaginary part.
        real = np.where(self.rates.imag < 0.0, complex_states.imag, complex_states.real)
        pair = (self.constant, (z - 0.5 * thickness) * self.constant + self.linear)
        every = np.column_stack([real, *pair, self.driven])
        return every.reshape(-1, 4, every.shape[1])


def textbook_modes(layer: Layer, mesh: FermiSurfaceMesh) -> TextbookModes:
    """Eigenvectors of the NT x NT matrix B of a layer with isotropic scattering.

    Parameters
    ----------
    layer : HeavyMetal or Ferromagnet
    mesh : FermiSurfaceMesh

    Returns
    -------
    TextbookModes
    """
    terms = collision_terms(layer)
    k_out, k_in = terms.k_out, terms.k_in[0, 0]
    k = mesh.directions
    n = len(k)
    b = np.empty((n, 4, n, 4))
    b[:] = -(k_in[:, None, :] * (mesh.weights / (4.0 * np.pi))[:, None])
    b[np.arange(n), :, np.arange(n), :] += k_out
    b /= k[:, 2, None, None, None]
    rates, vectors = scipy.linalg.eig(b.reshape(4 * n, 4 * n), overwrite_a=True, check_finite=False)
    # The conserved charge makes zero a defective eigenvalue; its solutions are known.
    kept = np.argsort(np.abs(rates), kind="stable")[2:]
    charge = np.array([0.0, 0.0, 0.0, 1.0])
    response = np.linalg.solve(k_out, charge)
    return TextbookModes(
        rates=rates[kept],
        vectors=vectors[:, kept],
        constant=np.tile(charge, n),
        linear=-np.multiply.outer(k[:, 2], response).ravel(),
        driven=np.stack([np.multiply.outer(k[:, a], response).ravel() for a in (0, 1)], axis=1),
    )


_PAULI = np.array(
    [[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]], [[1, 0], [0, 1]]], dtype=complex
)


def _textbook_scattering(
    interface: Interface, m: FloatArray, k: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """R and T, shape (n, 4, 4), from the 2 x 2 amplitudes."""
    b = interface.exchange * m + k[:, :2] @ np.transpose(interface.spin_orbit)
    u = interface.barrier * np.eye(2) + np.einsum("na,aij->nij", b, _PAULI[:3])
    t = np.linalg.inv(np.eye(2) + 1j * u / np.abs(k[:, 2])[:, None, None])
    both = []
    for amplitude in (t - np.eye(2), t):
        left = np.einsum("nji,ajk->naik", amplitude.conj(), _PAULI)
        right = np.einsum("nkl,bli->nbki", amplitude, _PAULI)
        both.append(0.5 * np.einsum("naik,nbki->nab", left, right).real)
    return both[0], both[1]


def solve_textbook(
    film: Bilayer,
    mesh: FermiSurfaceMesh,
    kept: tuple[TextbookModes, TextbookModes] | None = None,
) -> dict[str, FloatArray]:
    """Bilayer with specular faces by matching all modes of both layers, (C14)-(C22).

    This is the published method as one would write it with SciPy, kept apart from the
    package's own solvers and slow on purpose: it is what they are compared with.

    Parameters
    ----------
    film : Bilayer
        Isotropic scattering, specular outer faces.
    mesh : FermiSurfaceMesh
    kept : tuple of TextbookModes, optional
        Modes of both layers from an earlier point.

    Returns
    -------
    dict of str to ndarray
        "current_minus" and "current_plus", shape (4,), and "torque_interface", shape (3,),
        per E~ in 1/(Ohm m).
    """
    stack = film.stack()
    lower, upper = kept or (
        textbook_modes(stack.layers[0], mesh),
        textbook_modes(stack.layers[1], mesh),
    )
    m = np.array(stack.interface_magnetization(0))
    up, down, size = mesh.upward, mesh.downward, mesh.n_unknowns
    reflection, transmission = _textbook_scattering(stack.interfaces[0], m, mesh.directions[up])
    t_lower, t_upper = (layer.thickness for layer in stack.layers)
    bottom, minus = lower.states(0.0, t_lower), lower.states(t_lower, t_lower)
    plus, top = upper.states(0.0, t_upper), upper.states(t_upper, t_upper)

    half = size // 2
    matrix, rhs = np.zeros((2 * size, 2 * size)), np.zeros((2 * size, 2))
    for row, column, block in (
        (0, 0, bottom[up] - bottom[down]),
        (1, 0, minus[down] - reflection @ minus[up]),
        (1, 1, -transmission @ plus[down]),
        (2, 0, -transmission @ minus[up]),
        (2, 1, plus[up] - reflection @ plus[down]),
        (3, 1, top[down] - top[up]),
    ):
        flat = block.reshape(half, -1)
        rows = slice(row * half, (row + 1) * half)
        matrix[rows, column * size : (column + 1) * size] = flat[:, :size]
        rhs[rows] -= flat[:, size:]
    # A constant charge shift is free; it is fixed by the charge that leaves the interface.
    flux = mesh.weights[up] * mesh.directions[up, 2]
    flux = flux / flux.sum()
    leaving = [flux @ face[rows, 3] for face, rows in ((minus, down), (plus, up))]
    slack = np.tile([0.0, 0.0, 0.0, 1.0], 2 * mesh.n_directions)
    matrix += np.outer(slack, np.concatenate([x[:size] for x in leaving]))
    rhs -= np.outer(slack, leaving[0][size:] + leaving[1][size:])
    amplitudes = scipy.linalg.solve(
        matrix, rhs, overwrite_a=True, overwrite_b=True, check_finite=False
    )

    weights = stack.field_direction[:2] * (stack.prefactor * METRE_PER_NM)
    g_minus = (minus[..., :size] @ amplitudes[:size] + minus[..., size:]) @ weights
    g_plus = (plus[..., :size] @ amplitudes[size:] + plus[..., size:]) @ weights
    flow = mesh.weights * mesh.directions[:, 2]
    arriving = g_minus[up] + g_plus[down]
    density = np.einsum("n,nab,nb->a", mesh.weights[up], transmission, arriving)[:3]
    return {
        "current_minus": flow @ g_minus,
        "current_plus": flow @ g_plus,
        "torque_interface": 2.0 * stack.interfaces[0].exchange * np.cross(density, m),
    }


def _dense_from_nothing(film: Bilayer, mesh: FermiSurfaceMesh) -> None:
    modes._cached_modes.cache_clear()
    solve_boltzmann(film, mesh, method="dense")


def _measure_methods(quick: bool) -> Record:
    meshes = [(4, 8)] if quick else [(8, 8), (8, 16), (16, 16)]
    film = pt_co()
    cases = []
    for n_polar, n_azimuth in meshes:
        mesh = SphericalMesh(n_polar, n_azimuth)
        stack = film.stack()
        kept = (textbook_modes(stack.layers[0], mesh), textbook_modes(stack.layers[1], mesh))
        ours = solve_boltzmann(film, mesh)
        theirs = solve_textbook(film, mesh, kept)
        scale = float(np.abs(ours.torque_total).max())
        difference = max(
            float(np.abs(theirs["current_minus"][:3] - ours.spin_current_minus).max()),
            float(np.abs(theirs["current_plus"][:3] - ours.spin_current_plus).max()),
            float(np.abs(theirs["torque_interface"] - ours.torque_interface).max()),
        )

        calls: dict[str, Callable[[], object]] = {
            "textbook": partial(solve_textbook, film, mesh),
            "textbook_kept": partial(solve_textbook, film, mesh, kept),
            "dense": partial(_dense_from_nothing, film, mesh),
            "dense_kept": partial(solve_boltzmann, film, mesh, method="dense"),
        }
        rounds = _Rounds(calls, 0.5 if quick else 10.0, least=1 if quick else 3, warm=False)
        point = _Rounds(
            {"reduced": partial(_sweep_point, _films(), mesh)}, 0.2 if quick else 2.0, least=10
        )
        reduced = point.seconds("reduced")
        cases.append(
            {
                "n_polar": n_polar,
                "n_azimuth": n_azimuth,
                "n_unknowns": mesh.n_unknowns,
                "difference": difference / scale,
                "seconds": {**{name: rounds.seconds(name) for name in calls}, "reduced": reduced},
                "ratio": {name: rounds.seconds(name) / reduced for name in calls},
            }
        )
    return {"cases": cases}


_METHODS = {
    "textbook": "SciPy, everything at each point",
    "textbook_kept": "SciPy, modes kept",
    "dense": '`method="dense"`, everything at each point',
    "dense_kept": '`method="dense"`, modes kept',
    "reduced": '`method="reduced"`, responses kept',
}


def _methods_table(r: Record) -> Table:
    cases = r["cases"]
    rows = []
    for name, label in _METHODS.items():
        cells = []
        for case in cases:
            cell = _duration(case["seconds"][name])
            if name in case["ratio"]:
                cell += f" (x {_number(case['ratio'][name], 2)})"
            cells.append(cell)
        rows.append((label, *cells))
    rows.append(("SciPy - reduced", *(_number(case["difference"], 2) for case in cases)))
    return Table(
        "One Pt/Co point by each method on the same mesh, one BLAS thread (over reduced)",
        ("", *(f"NT = {case['n_unknowns']}" for case in cases)),
        tuple(rows),
    )


# ------------------------------------------------------------------------------------------
# Scaling


def _multilayer(n_layers: int, spin_hall_angle: float) -> Stack:
    """Pt/Co/Pt/Co..., alternating magnetizations."""
    film = pt_co(spin_hall_angle=spin_hall_angle)
    directions = itertools.cycle([TILTED, (-0.5, 0.1, 1.0)])
    layers: list[Layer] = []
    interfaces = []
    for index in range(n_layers):
        if index % 2 == 0:
            m = next(directions)
            layers.append(film.heavy_metal)
        else:
            layers.append(replace(film.ferromagnet, magnetization=m))
        if index:
            interfaces.append(replace(film.interface, magnetization=m))
    return Stack(tuple(layers), tuple(interfaces))


def _measure_scaling(quick: bool) -> Record:
    if quick:
        azimuths, polars, counts, fixed = [8, 16], [8, 16], [2, 3], (8, 8)
    else:
        azimuths, polars, counts, fixed = (
            [16, 32, 64, 128, 256],
            [16, 32, 64, 128],
            [2, 3, 4, 5, 6],
            (32, 16),
        )
    series = []
    for angle in (0.0, 0.059):
        pair = _multilayer(2, angle)
        axes: dict[str, list[tuple[int, Stack, FermiSurfaceMesh]]] = {
            "n_azimuth": [(n, pair, SphericalMesh(fixed[0], n)) for n in azimuths],
            "n_polar": [(n, pair, SphericalMesh(n, fixed[1])) for n in polars],
            "layers": [(n, _multilayer(n, angle), SphericalMesh(*fixed)) for n in counts],
        }
        for axis, cases in axes.items():
            sizes = [n for n, _, _ in cases]
            calls = {str(n): partial(solve_boltzmann, film, mesh) for n, film, mesh in cases}
            rounds = _Rounds(calls, 0.2 if quick else 5.0, least=3 if quick else 5)
            seconds = [rounds.seconds(str(n)) for n in sizes]
            series.append(
                {
                    "axis": axis,
                    "skew": angle != 0.0,
                    "sizes": sizes,
                    "seconds": seconds,
                    "exponent": _exponent(sizes, seconds),
                    "last_exponent": _exponent(sizes[-2:], seconds[-2:]),
                }
            )
    memory = [] if quick else [_memory(n, fixed[1]) for n in polars]
    result: Record = {"series": series, "memory": memory, "fixed": list(fixed)}
    if memory and all(memory):
        result["memory_exponent"] = _exponent(polars, [p["above_kernels"] for p in memory])
    return result


def _scaling_table(r: Record) -> Table:
    labels = {
        "n_azimuth": f"n_azimuth (n_polar = {r['fixed'][0]})",
        "n_polar": f"n_polar (n_azimuth = {r['fixed'][1]})",
        "layers": f"layers ({r['fixed'][0]} x {r['fixed'][1]})",
    }
    return Table(
        "Scaling of a warm point, fitted exponents",
        ("against", "scattering", "sizes", "ms", "exponent", "last step"),
        tuple(
            (
                labels[s["axis"]],
                "skew" if s["skew"] else "isotropic",
                ", ".join(map(str, s["sizes"])),
                ", ".join(_number(1e3 * t, 2) for t in s["seconds"]),
                f"{s['exponent']:.2f}",
                f"{s['last_exponent']:.2f}",
            )
            for s in r["series"]
        ),
    )


# ------------------------------------------------------------------------------------------
# Accuracy against time


def _measure_accuracy(quick: bool) -> Record:
    polars = [6, 8] if quick else [6, 8, 12, 16, 24, 32, 48, 64]
    n_azimuth, finest = (8, 24) if quick else (24, 160)
    curves = []
    # With u_ex = u0 and weak u_R the poles of the amplitudes nearly touch grazing incidence.
    for exchange, rashba in ((U_EX, 0.5 * U0), (U0, 0.05 * U0)):
        film = pt_co(exchange=exchange, rashba=rashba)
        reference = torque_vector(film, SphericalMesh(finest, n_azimuth, "graded"))
        coarser = torque_vector(film, SphericalMesh(finest * 3 // 4, n_azimuth, "graded"))
        scale = float(np.abs(reference).max())
        meshes = {
            f"{rule} {n}": SphericalMesh(n, n_azimuth, rule)
            for n in polars
            for rule in ("gauss", "graded")
        }
        calls: dict[str, Callable[[], object]] = {
            name: partial(solve_boltzmann, film, mesh) for name, mesh in meshes.items()
        }
        rounds = _Rounds(calls, 0.2 if quick else 3.0)
        for rule in ("gauss", "graded"):
            names = [f"{rule} {n}" for n in polars]
            curves.append(
                {
                    "exchange": exchange,
                    "rashba": rashba,
                    "rule": rule,
                    "n_polar": polars,
                    "error": [
                        float(np.abs(torque_vector(film, meshes[name]) - reference).max()) / scale
                        for name in names
                    ],
                    "seconds": [rounds.seconds(name) for name in names],
                    "reference_error": float(np.abs(coarser - reference).max()) / scale,
                }
            )
    return {"n_azimuth": n_azimuth, "reference_n_polar": finest, "curves": curves}


def _accuracy_table(r: Record) -> Table:
    curves = r["curves"]
    rows = []
    for i, n in enumerate(curves[0]["n_polar"]):
        cells = [str(n)]
        for c in curves:
            cells += [_number(c["error"][i], 2), _duration(c["seconds"][i])]
        rows.append(tuple(cells))
    columns = ["n_polar"]
    for c in curves:
        which = "u_ex = u0" if c["exchange"] == U0 else "u_ex = 0.2"
        columns += [f"{c['rule']}, {which}", "time"]
    return Table(
        f"Error of tau_tot (over max |tau_tot|) against time of a warm point; {r['n_azimuth']} "
        f"azimuths, reference {r['reference_n_polar']} graded polar points",
        tuple(columns),
        tuple(rows),
    )


# ------------------------------------------------------------------------------------------
# Whole processes


_COMMANDS = {
    "python": "an empty Python program, `python -c pass`",
    "help": "`torkivity --help`",
    "run_no_figure": "`torkivity run film.toml --no-figure`, kernels compiled",
    "run": "`torkivity run film.toml`, with 23 thicknesses and the figure",
}


def _measure_startup(quick: bool) -> Record:
    with tempfile.TemporaryDirectory(prefix="torkivity-benchmark-") as folder:
        film = str(Path(folder) / "film.toml")
        program = ("-m", "torkivity")
        _output(*program, "init", film)
        run = (*program, "run", film, "--force")
        calls: dict[str, Callable[[], object]] = {
            "python": partial(_output, "-c", "pass"),
            "help": partial(_output, *program, "--help"),
            "run_no_figure": partial(_output, *run, "--no-figure"),
            "run": partial(_output, *run),
        }
        if quick:
            del calls["run"]
        rounds = _Rounds(calls, 15.0, least=3, most=1 if quick else 9, warm=not quick)
        return {"seconds": {name: rounds.seconds(name) for name in calls}}


def _startup_table(r: Record) -> Table:
    return Table(
        "Wall time of whole processes",
        ("", "time"),
        tuple((_COMMANDS[name], _duration(seconds)) for name, seconds in r["seconds"].items()),
    )


# ------------------------------------------------------------------------------------------

_MEASURE: dict[str, Callable[[bool], Record]] = {
    "tensors": _measure_tensors,
    "b-matrix": _measure_b_matrix,
    "reduced": _measure_reduced,
    "methods": _measure_methods,
    "scaling": _measure_scaling,
    "accuracy": _measure_accuracy,
    "startup": _measure_startup,
}
SECTIONS = tuple(_MEASURE)

#: What tells a machine's speed in about a minute.
SPEED_SECTIONS = ("tensors", "reduced", "startup")

#: Of docs/performance.md, by the rows of `speed_table`.
_REFERENCE_MACHINE = "two-core x86-64 virtual machine"
_REFERENCE = {
    "million interface-tensor points/s": 125.0,
    "Boltzmann points/s, SphericalMesh(32, 32)": 470.0,
    "Boltzmann points/s, SphericalMesh(64, 64)": 190.0,
    "s for torkivity --help": 0.07,
    "s for torkivity run, with the figure": 3.7,
}


def run_benchmark(
    sections: Sequence[str] = SECTIONS,
    *,
    quick: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Record:
    """Measure.

    Parameters
    ----------
    sections : sequence of str, optional
        Of `SECTIONS`.
    quick : bool, optional
        Small sizes and short times: shows that everything works, not how fast it is.
    progress : callable, optional
        Called with the name of each section before it starts.

    Returns
    -------
    dict
        "machine", "quick", and one entry per section; numbers, strings and lists only.
    """
    record: Record = {"machine": machine_facts(), "quick": quick}
    for section in sections:
        if progress is not None:
            progress(section)
        record[section] = _MEASURE[section](quick)
    return record


def tables(record: Record) -> dict[str, Table]:
    """What was measured, as tables.

    Parameters
    ----------
    record : dict
        From `run_benchmark`.

    Returns
    -------
    dict of str to Table
    """
    facts = tuple((key.replace("_", " "), str(value)) for key, value in record["machine"].items())
    found = {"machine": Table("Machine", ("", ""), facts)}
    makers: dict[str, Callable[[Record], Table]] = {
        "tensors": _tensor_table,
        "b-matrix": _b_matrix_table,
        "reduced": _reduced_table,
        "methods": _methods_table,
        "scaling": _scaling_table,
        "accuracy": _accuracy_table,
        "startup": _startup_table,
    }
    for name, make in makers.items():
        if name in record:
            found[name] = make(record[name])
    probes = [record["reduced"]["memory"]] if "reduced" in record else []
    probes += record.get("scaling", {}).get("memory", [])
    if any(probes):
        found["memory"] = _memory_table(probes)
    return found


_SPEED = """
import json
from torkivity.analysis import benchmark
print(json.dumps(benchmark.run_benchmark(benchmark.SPEED_SECTIONS)))
"""


def measure_speed() -> Record:
    """`SPEED_SECTIONS` of the benchmark in a process of its own, one thread to each library.

    Returns
    -------
    dict
        As from `run_benchmark`.

    Raises
    ------
    subprocess.CalledProcessError
        If that process fails.
    """
    record: Record = json.loads(_output("-c", _SPEED))
    return record


def speed_table(record: Record) -> Table:
    """Speed of a machine beside that of the machine in docs/performance.md.

    Parameters
    ----------
    record : dict
        From `measure_speed`.

    Returns
    -------
    Table
    """
    small, large = record["reduced"]["cases"]
    here = (
        record["tensors"]["points_per_second"]["kernel"] / 1e6,
        small["points_per_second"],
        large["points_per_second"],
        record["startup"]["seconds"]["help"],
        record["startup"]["seconds"]["run"],
    )
    return Table(
        "Speed, one core",
        ("", "here", _REFERENCE_MACHINE),
        tuple(
            (name, _number(value), _number(reference))
            for value, (name, reference) in zip(here, _REFERENCE.items(), strict=True)
        ),
    )
