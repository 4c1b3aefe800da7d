"""The three interface tensors beside NumPy."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

import numpy as np

from films import pt_co
from measuring import Record, Rounds, number
from torkivity.tables import Table
from torkivity_engine.arrays import FloatArray
from torkivity_engine.diffusion.tensors import (
    _tensor_sums,
    interface_tensors,
    tensor_integrals,
)
from torkivity_engine.film.scattering import interface_parameters
from torkivity_meshes import SphericalMesh


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


def measure(quick: bool) -> Record:
    """Measure; small sizes and short times if `quick`."""
    mesh = SphericalMesh(64, 64) if quick else SphericalMesh(256, 256)
    film = pt_co()
    stack = film.stack()
    parameters = interface_parameters(stack.interfaces[0], stack.interface_magnetization(0))
    minus, plus = (layer.driven_amplitude() for layer in stack.layers)
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
        tried = Rounds({str(n): partial(variant, n) for n in blocks}, 0.2 if quick else 2.0)
        seconds = {n: tried.seconds(str(n)) for n in blocks}
        best[name] = min(seconds, key=seconds.__getitem__)
    rounds = Rounds(
        {
            "kernel": kernel,
            "public": partial(tensor_integrals, mesh, parameters, minus, plus),
            **{name: partial(variant, best[name]) for name, variant in variants.items()},
        },
        0.3 if quick else 4.0,
    )
    films = Rounds({"film": partial(interface_tensors, film)}, 0.1 if quick else 1.0)
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


def table(r: Record) -> Table:
    """What was measured, as a table."""
    speed = r["points_per_second"]
    rows = (
        ("compiled kernel on prepared arrays", speed["kernel"], "1"),
        (
            "`tensor_integrals` (public)",
            speed["public"],
            number(speed["kernel"] / speed["public"]),
        ),
        (
            f"NumPy, the same formulas, blocks of {r['block']['elementwise']}",
            speed["elementwise"],
            number(r["ratio_elementwise"]),
        ),
        (
            f"NumPy, moments by matrix product, blocks of {r['block']['moments']}",
            speed["moments"],
            number(r["ratio_moments"]),
        ),
    )
    return Table(
        f"Three tensors, both field directions, any m; {r['n_points']} points, one core",
        ("", "million points/s", "time / kernel"),
        tuple((name, number(value / 1e6), ratio) for name, value, ratio in rows),
    )
