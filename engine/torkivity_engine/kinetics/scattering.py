"""Scattering at a delta-function interface with exchange and spin-orbit coupling.

The amplitudes of the potential (31) between equal Fermi spheres are

    t = (1 + i U / mu)^(-1),   r = t - 1,   U = u0 + b . sigma,
    b = u_ex m + w,   w = W (k_x, k_y) / k_F,

the same from both sides, with mu = |k_z| / k_F and W a real 3 x 2 matrix (Rashba coupling:
w = u_R (k_y, -k_x, 0) / k_F). Writing both as s + c b.sigma,

    D = (mu + i u0)^2 + b^2,   c = -i mu / D,
    s_t = mu (mu + i u0) / D,   s_r = -(delta + i mu u0) / D,   delta = b^2 - u0^2,

needs neither the length of b (no special case at b = 0) nor the difference t - 1, and
every tensor R_ab = tr[r^+ sigma_a r sigma_b] / 2 (A9) follows from a handful of real
numbers. The only cancellation left is delta, which is taken from factors:
delta = (u_ex - u0) (u_ex + u0) + w . (w + 2 u_ex m).
"""

from __future__ import annotations

from torkivity_engine.machine.kernels import njit

__all__ = ["fill_matrices", "fill_tensor", "scatter", "tensor_elements"]


@njit(cache=True, inline="always", error_model="numpy")
def scatter(kx, ky, mu, parameters):  # type: ignore[no-untyped-def]
    """The real numbers that make up R and T at one k_parallel.

    Returns
    -------
    bx, by, bz : float
        b over the common scale; q below belongs to the same scaling, so that only
        products such as q b_i b_j are meaningful.
    p_r, p_t : float
        |s_r|^2 and |s_t|^2.
    q : float
        |c|^2, common to reflection and transmission.
    re_t, im_r, im_t : float
        Re(s_t c*) = -Re(s_r c*), Im(s_r c*), Im(s_t c*).
    """
    u0, ux = parameters[0], parameters[1]
    ax, ay, az = parameters[2], parameters[3], parameters[4]
    wx = parameters[5] * kx + parameters[6] * ky
    wy = parameters[7] * kx + parameters[8] * ky
    wz = parameters[9] * kx + parameters[10] * ky
    x = mu * parameters[11]
    bx, by, bz = ax + wx, ay + wy, az + wz
    delta = (ux - u0) * (ux + u0)
    delta += wx * (wx + 2.0 * ax) + wy * (wy + 2.0 * ay) + wz * (wz + 2.0 * az)
    x2 = x * x
    even = x2 + delta
    inverse = 1.0 / (even * even + 4.0 * x2 * u0 * u0)
    q = x2 * inverse
    p_t = q * (x2 + u0 * u0)
    p_r = (delta * delta + x2 * u0 * u0) * inverse
    return bx, by, bz, p_r, p_t, q, -q * u0, -x * delta * inverse, x * q


@njit(cache=True, inline="always", error_model="numpy")
def tensor_elements(p, q, re, im, bx, by, bz):  # type: ignore[no-untyped-def]
    """4x4 tensor of one amplitude s + c b.sigma from p = |s|^2, q = |c|^2, s c* = re + i im.

    Returns
    -------
    tuple of 16 floats
        Row by row.
    """
    b2 = bx * bx + by * by + bz * bz
    diagonal = p - q * b2
    q2 = 2.0 * q
    im2 = 2.0 * im
    re2 = 2.0 * re
    return (
        diagonal + q2 * bx * bx, q2 * bx * by - im2 * bz, q2 * bx * bz + im2 * by, re2 * bx,
        q2 * bx * by + im2 * bz, diagonal + q2 * by * by, q2 * by * bz - im2 * bx, re2 * by,
        q2 * bx * bz - im2 * by, q2 * by * bz + im2 * bx, diagonal + q2 * bz * bz, re2 * bz,
        re2 * bx, re2 * by, re2 * bz, p + q * b2,
    )  # fmt: skip


@njit(cache=True, inline="always", error_model="numpy")
def fill_tensor(out, p, q, re, im, bx, by, bz):  # type: ignore[no-untyped-def]
    """Write `tensor_elements` into a matrix, shape (4, 4)."""
    elements = tensor_elements(p, q, re, im, bx, by, bz)
    for i in range(4):
        for j in range(4):
            out[i, j] = elements[4 * i + j]


@njit(cache=True, error_model="numpy")
def fill_matrices(directions, parameters, reflection, transmission):  # type: ignore[no-untyped-def]
    """R and T at every direction, shape (n, 4, 4) each."""
    for n in range(directions.shape[0]):
        bx, by, bz, p_r, p_t, q, re_t, im_r, im_t = scatter(
            directions[n, 0], directions[n, 1], abs(directions[n, 2]), parameters
        )
        fill_tensor(reflection[n], p_r, q, -re_t, im_r, bx, by, bz)
        fill_tensor(transmission[n], p_t, q, re_t, im_t, bx, by, bz)
