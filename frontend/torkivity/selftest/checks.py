"""What `torkivity selftest` measures: errors against something exact.

Each function computes a number of the package and the same number by another way (a closed
form, a published constant, another algorithm, a conservation law, the same bits once more)
and gives the largest difference. They need no more than the package itself needs.
"""

from __future__ import annotations

import importlib.util
import math
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from scipy.integrate import quad

from torkivity.config.sections import RunConfig
from torkivity.config.text import check_config, preset_text, to_toml
from torkivity.study.plan import plan_sweep
from torkivity_engine.arrays import ComplexArray, FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.diffusion.boundary_layer import boundary_layer_parameters
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.diffusion.tensors import (
    interface_tensors,
    mixing_conductance,
)
from torkivity_engine.film.boundaries import HalfSpace, Reservoir, Surface
from torkivity_engine.film.interfaces import DeltaInterface, RashbaInterface
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.parameters import parameter, with_parameters
from torkivity_engine.film.scattering import scattering_amplitudes, scattering_matrices
from torkivity_engine.film.stack import Bilayer, Stack, mirrored
from torkivity_engine.reduced.sensitivity import sensitivities, sensitivity_names
from torkivity_engine.solution import TorqueNames
from torkivity_engine.solve import solve_boltzmann
from torkivity_hpc.running.crew import ThreadCrew
from torkivity_hpc.running.launcher import detect_launch, find_mpiexec
from torkivity_hpc.running.session import run_plan
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh

__all__ = ["SkippedError"]


CHARGE = 3
#: Milne's extrapolation length; E. Hopf, Mathematical Problems of Radiative Equilibrium (1934).
MILNE = 0.710446089598763
#: Seconds that a sweep under mpiexec may take.
MPI_TIMEOUT = 120.0

#: Barrier and exchange of the Pt/Co preset.
U0, U_EX = 0.42645, 0.20055

_SIGMA = np.array(
    [[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]], [[1, 0], [0, 1]]], dtype=complex
)


class SkippedError(Exception):
    """A check that this machine cannot do, and why."""


# ------------------------------------------------------------------------------------------
# Interfaces


def unitarity() -> float:
    """Largest element of r^+ r + t^+ t - 1 over 200 random interfaces."""
    rng = np.random.default_rng(1)
    worst = 0.0
    for _ in range(200):
        r, t = scattering_amplitudes(_random_interface(rng), _unit(rng), _directions(rng, 40))
        total = r.conj().transpose(0, 2, 1) @ r + t.conj().transpose(0, 2, 1) @ t
        worst = max(worst, float(np.abs(total - np.eye(2)).max()))
    return worst


def scattering_tensors() -> float:
    """R_ab and T_ab against tr[x^+ sigma_a x sigma_b] / 2 with t = (1 + i U / mu)^-1."""
    rng = np.random.default_rng(2)
    worst = 0.0
    for _ in range(100):
        interface = RashbaInterface(*rng.uniform(-1.0, 1.0, size=3).tolist())
        m, k = _unit(rng), _directions(rng, 40)
        found = scattering_matrices(interface, m, k)
        for ours, theirs in zip(found, _inverted(interface, np.array(m), k), strict=True):
            worst = max(worst, float(np.abs(ours - theirs).max()))
    return worst


def spin_torque_at_interface() -> float:
    """j_s(0-) - j_s(0+) - tau_mag at u_R = 0 for any distributions, over the largest of them."""
    rng = np.random.default_rng(3)
    mesh = SphericalMesh(8, 12)
    worst = 0.0
    for _ in range(50):
        interface, m = replace(_random_interface(rng), rashba=0.0), np.array(_unit(rng))
        tensors = scattering_matrices(interface, m, mesh.directions[mesh.upward])
        arriving = rng.normal(size=(2, mesh.n_channels, 4))
        minus, plus, density = _moments(mesh, *tensors, *arriving)
        torque = 2.0 * interface.exchange * np.cross(density[:CHARGE], m)
        scale = max(np.abs(minus).max(), np.abs(plus).max(), np.abs(torque).max())
        worst = max(worst, float(np.abs((minus - plus)[:CHARGE] - torque).max() / scale))
    return worst


def tensors_by_matrices() -> float:
    """Conductivity and torkivity tensors of Pt/Co against sums over inverted 2x2 matrices."""
    film, mesh = _pt_co(), SphericalMesh(12, 16)
    stack = film.stack()
    m = np.array(stack.interface_magnetization(0))
    k = mesh.directions[mesh.upward]
    assert isinstance(film.interface, RashbaInterface)
    tensors = _inverted(film.interface, m, k)
    found = interface_tensors(film, mesh)
    unit = stack.prefactor * METRE_PER_NM
    worst, scale = 0.0, float(np.abs(found.conductivity).max())
    for axis in (0, 1):
        arriving = [k[:, axis, None] * layer.driven_amplitude() for layer in stack.layers]
        minus, plus, density = _moments(mesh, *tensors, *arriving)
        torque = 2.0 * film.interface.exchange * np.cross(density[:CHARGE], m)
        for ours, theirs in (
            (found.conductivity[:, axis], minus),
            (found.torkivity_ferromagnet[:, axis], plus),
            (found.torkivity_interface[:CHARGE, axis], torque),
        ):
            worst = max(worst, float(np.abs(ours - unit * theirs).max()))
    return worst / scale


def mixing_by_quadrature() -> float:
    """G = 2 pi C int mu (1 - r_up r_down*) dmu with r = -i u / (mu + i u), relative."""
    worst = 0.0
    for u0, u_ex in ((U0, U_EX), (0.3, 0.3), (-0.5, 1.2), (2.0, 0.1)):
        film = replace(_pt_co(), interface=RashbaInterface(u0, u_ex, 0.0))
        exact = _quadrature_mixing(film)
        worst = max(worst, abs(mixing_conductance(film) - exact) / abs(exact))
    return worst


# ------------------------------------------------------------------------------------------
# The Boltzmann equation of films


def reduced_against_dense() -> float:
    """Currents and torques by both methods: skew scattering, a diffuse face, a third layer."""
    mesh = SphericalMesh(4, 8)
    film = replace(_pt_co(spin_hall_angle=0.3), left=Surface(0.4), field_direction_deg=20.0)
    stack = film.stack()
    three = replace(
        stack,
        layers=(*stack.layers, HeavyMetal(2.0, 5.0, 50.0)),
        interfaces=(*stack.interfaces, RashbaInterface(0.1, 0.0, 0.3)),
    )
    worst = 0.0
    for each in (film, three):
        reduced, dense = (
            solve_boltzmann(each, mesh, method=method).at_interface(0)
            for method in ("reduced", "dense")
        )
        worst = max(worst, _difference(reduced, dense))
    return worst


def charge_current() -> float:
    """Charge current through closed films over the torque, 20 random bilayers."""
    rng = np.random.default_rng(4)
    mesh = SphericalMesh(12, 12)
    worst = 0.0
    for index in range(20):
        film = replace(_random_bilayer(rng), left=Surface(0.05 * index), right=Surface(0.4))
        found = solve_boltzmann(film, mesh)
        current = max(abs(found.charge_current_minus), abs(found.charge_current_plus))
        worst = max(worst, current / float(np.abs(found.torque_total).max()))
    return worst


def spin_balance() -> float:
    """What flows into a heavy metal is what flips there: j(0-) = -(2/lambda_sf) int mu dz."""
    film = _pt_co(spin_hall_angle=0.059)
    metal = film.heavy_metal
    solution = solve_boltzmann(film, SphericalMesh(8, 8))
    z, weight = _panels(metal.thickness)
    flipped = weight @ solution.profile(0, z=z).spin_accumulation * 2.0 / metal.spin_flip_length
    current = solution.spin_current_minus
    return float(np.abs(current + flipped).max() / np.abs(current).max())


def currents_beside_interface() -> float:
    """Spin currents at an interface against the profiles of the layers on both sides of it."""
    solution = solve_boltzmann(_pt_co(spin_hall_angle=0.059), SphericalMesh(8, 8))
    metal, magnet = (
        solution.profile(i, z=[z]) for i, z in ((0, _pt_co().heavy_metal.thickness), (1, 0.0))
    )
    pairs = (
        (solution.spin_current_minus, metal.spin_current[0]),
        (solution.spin_current_plus, magnet.spin_current[0]),
    )
    apart = max(float(np.abs(here - there).max()) for here, there in pairs)
    return apart / float(np.abs(solution.spin_current_plus).max())


def slices() -> float:
    """A bilayer cut into five pieces by transparent planes against the film in one piece."""
    mesh = SphericalMesh(8, 8)
    stack = _pt_co(spin_hall_angle=0.059).stack()
    metal, magnet = stack.layers
    clear = RashbaInterface(0.0, 0.0, 0.0)
    cut = replace(
        stack,
        layers=(
            *(metal.with_thickness(share * metal.thickness) for share in (0.15, 0.5, 0.35)),
            *(magnet.with_thickness(share * magnet.thickness) for share in (0.7, 0.3)),
        ),
        interfaces=(clear, clear, *stack.interfaces, clear),
    )
    whole, pieces = solve_boltzmann(stack, mesh), solve_boltzmann(cut, mesh).at_interface(2)
    return _difference(whole, pieces)


def reversed_field() -> float:
    """T(-E) + T(E) over T, both models, both sources."""
    film, mesh = _pt_co(spin_hall_angle=0.059), SphericalMesh(8, 8)
    back = replace(film, field_direction_deg=180.0)
    pairs = (
        (solve_boltzmann(film, mesh), solve_boltzmann(back, mesh)),
        (solve_drift_diffusion(film, mesh=mesh), solve_drift_diffusion(back, mesh=mesh)),
    )
    worst = 0.0
    for here, there in pairs:
        total = np.abs(here.torque_total + there.torque_total).max()
        worst = max(worst, float(total / np.abs(here.torque_total).max()))
    return worst


def mirrored_film() -> float:
    """Film upside down: torques are axial, (-x, -y, z), both models."""
    mesh = SphericalMesh(8, 8)
    film = replace(_pt_co(spin_hall_angle=0.3), field_direction_deg=20.0, left=Surface(0.3))
    upside_down = mirrored(film.stack())
    axial = np.array([-1.0, -1.0, 1.0])
    pairs = (
        (solve_boltzmann(film, mesh), solve_boltzmann(upside_down, mesh)),
        (solve_drift_diffusion(film, mesh=mesh), solve_drift_diffusion(upside_down, mesh=mesh)),
    )
    worst = 0.0
    for here, there in pairs:
        apart = np.abs(here.torque_total - axial * there.torque_total).max()
        worst = max(worst, float(apart / np.abs(here.torque_total).max()))
    return worst


def sensitivity_by_differences() -> float:
    """d(total torque) of Pt/Co by every parameter against fourth-order differences."""
    film, mesh = _pt_co(spin_hall_angle=0.059), SphericalMesh(6, 8)
    found = sensitivities(film, mesh)
    torque = np.abs(solve_boltzmann(film, mesh).torque_total).max()
    worst = 0.0
    for name in sensitivity_names(film):
        value = parameter(film, name).value
        if name.startswith("magnetization") or name.endswith("specularity"):
            continue  # angles turn the frame as well; specular faces are at a limit
        step = 1e-3 * value
        expected = np.zeros(3)
        for multiple, weight in ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12)):
            moved = with_parameters(film, {name: value + multiple * step})
            expected += weight / step * solve_boltzmann(moved, mesh).torque_total
        apart = np.abs(found[name][0].torque_total - expected).max()
        # Beside the torque itself where it hardly depends on the parameter.
        scale = max(np.abs(expected).max(), 1e-3 * torque / value)
        worst = max(worst, float(apart / scale))
    return worst


# ------------------------------------------------------------------------------------------
# Exact results of transport theory


def fuchs_sondheimer() -> float:
    """Conductivity of films of one and five mean free paths against the closed integral."""
    length, mesh = 7.0, SphericalMesh(20, 8, "graded")
    worst = 0.0
    for k, p in ((1.0, 0.0), (1.0, 0.5), (5.0, 0.0)):
        film = Stack((_metal(k, 0.6, length),), (), left=Surface(p), right=Surface(p))
        z, weight = _panels(k * length)
        profile = solve_boltzmann(film, mesh).profile(0, z=z)
        # The charge coefficient carries half of the conductivity of both spins.
        bulk = 0.5 * film.layers[0].conductivity(film.fermi_wavevector) * k * length
        found = weight @ profile.in_plane_current[:, CHARGE, 0] / bulk
        integral = quad(_fuchs_integrand, 0.0, 1.0, args=(k, p), epsabs=1e-13, epsrel=1e-13)[0]
        exact = 1.0 - 1.5 / k * (1.0 - p) * integral
        worst = max(worst, abs(float(found / exact) - 1.0))
    return worst


def _fuchs_integrand(mu: float, k: float, p: float) -> float:
    if mu == 0.0:
        return 0.0
    return -(mu - mu**3) * math.expm1(-k / mu) / (1.0 - p * math.exp(-k / mu))


def milne() -> float:
    """Extrapolation length of a half space before a black face, relative."""
    length, depth = 2.5, 60.0
    film = Stack((_metal(depth, 1.0, length),), (), left=Reservoir(charge=1.0), right=Reservoir())
    solution = solve_boltzmann(film, SphericalMesh(48, 4, "graded"), source="reservoirs")
    # Where exp(-distance) no longer shows.
    distance = np.array([26.0, 34.0])
    near, far = solution.profile(0, z=(depth - distance) * length).charge_accumulation
    found = near * (distance[1] - distance[0]) / (far - near) - distance[0]
    return float(abs(found / MILNE - 1.0))


def half_space_albedo() -> float:
    """Spins that a half space returns against Chandrasekhar's H function, relative."""
    length, mesh = 1.3, SphericalMesh(40, 4, "graded")
    worst = 0.0
    for albedo in (0.1, 0.5, 0.9):
        left = Reservoir(spin=(0.0, 0.0, 1.0))
        film = Stack((_metal(3.0, albedo, length),), (), left=left, right=HalfSpace())
        solution = solve_boltzmann(film, mesh, source="reservoirs")
        flow = solution.profile(0, z=np.array([0.0])).spin_current[0, 2] / film.prefactor
        returned = 1.0 - 2.0 * math.sqrt(1.0 - albedo) * _h_moment(albedo)
        worst = max(worst, abs(flow / (math.pi * (1.0 - returned)) - 1.0))
    return worst


def _h_moment(albedo: float) -> float:
    """int_0^1 mu H(mu) dmu from ln H = -(mu/pi) int ln(1 - w arctan(t)/t) / (1 + mu^2 t^2) dt."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    # t = tan(angle), graded where the logarithm varies.
    s, ds = 0.5 * (1.0 + nodes), 0.5 * weights
    angle = 0.5 * math.pi * s * s * (3.0 - 2.0 * s)
    jacobian = 0.5 * math.pi * 6.0 * s * (1.0 - s)
    log = np.log1p(-albedo * angle / np.tan(angle))
    mu, dmu = s**3, 3.0 * s * s * ds
    below = np.cos(angle) ** 2 + mu[:, None] ** 2 * np.sin(angle) ** 2
    h = np.exp(-mu / math.pi * ((log * jacobian * ds) / below).sum(axis=1))
    return float((mu * h) @ dmu)


def bulk_spin_hall() -> float:
    """Spin Hall current in the middle of a thick film against -theta sigma / 2(1 + 2 theta^2)."""
    mean_free_path, spin_flip_length = 3.0, 60.0
    total = 1.0 / (1.0 / mean_free_path + 1.0 / spin_flip_length)
    worst = 0.0
    for angle in (0.02, 0.5):
        metal = HeavyMetal(400.0, mean_free_path, spin_flip_length, spin_hall_angle=angle)
        film = Stack((metal,), (), left=Surface(0.0), right=Surface(0.0))
        profile = solve_boltzmann(film, SphericalMesh(12, 8)).profile(0, z=np.array([200.0]))
        half = film.prefactor * 4.0 * math.pi / 3.0 * total * METRE_PER_NM
        exact = -angle * half / (1.0 + 2.0 * angle**2)
        worst = max(worst, abs(profile.spin_current[0, 1] / exact - 1.0))
    return float(worst)


def valet_fert() -> float:
    """Spin polarisation at a transparent contact, weak spin flip: -beta r_F / (r_F + r_N)."""
    majority, minority, normal, flip = 4.0, 1.5, 2.5, 1e5
    m = (0.48, 0.6, 0.64)
    beta = (majority - minority) / (majority + minority)
    l_f = math.sqrt(flip / 3.0 / (1.0 / majority + 1.0 / minority))
    l_n = math.sqrt(flip * normal / 6.0)
    # Conductivities of one coefficient in the same unit.
    r_f = l_f / (0.5 * (majority + minority) * (1.0 - beta**2))
    r_n = l_n / normal
    exact = -beta * r_f / (r_f + r_n)
    # Momentum relaxes at 1/lambda_mf + 1/lambda_sf.
    up, down, both = (1.0 / (1.0 / x - 1.0 / flip) for x in (majority, minority, normal))
    magnet = Ferromagnet(14.0 * l_f, up, down, flip, math.inf, magnetization=m)
    film = Stack(
        (magnet, HeavyMetal(14.0 * l_n, both, flip)),
        (RashbaInterface(0.0, 0.0, 0.0, magnetization=m),),
        left=Reservoir(charge=1.0),
        right=Reservoir(),
    )
    found = solve_boltzmann(film, SphericalMesh(16, 4, "graded"), source="reservoirs")
    return float(
        abs(found.spin_current_plus @ np.array(m) / found.charge_current_plus / exact - 1.0)
    )


def drift_diffusion_torque() -> float:
    """Spin Hall torque of drift-diffusion against its closed form, with quadrature for G."""
    film = replace(_pt_co(spin_hall_angle=0.059), magnetization=(0.0, 0.0, 1.0))
    metal = film.heavy_metal
    found = solve_drift_diffusion(film, source="spin_hall")
    # Pt is made to have this spin diffusion length.
    length, sigma = 2.57, metal.conductivity(film.fermi_wavevector)
    ratio = 2.0 * length * METRE_PER_NM * _quadrature_mixing(film) / sigma
    x = metal.thickness / length
    current = -0.5 * metal.spin_hall_angle * sigma * math.tanh(x) * math.tanh(0.5 * x) * ratio
    current /= math.tanh(x) + ratio
    # j = j_x + i j_y with (x, y, m) right-handed, and the spin Hall effect drives spins along y.
    exact = np.array([(1j * current).real, (1j * current).imag, 0.0])
    return float(np.abs(found.torque_total - exact).max() / np.abs(exact).max())


def thick_film() -> float:
    """Boltzmann torque of 20 nm of Pt against the boundary-layer-exact thickness formula."""
    film, mesh = _pt_co(), SphericalMesh(12, 12)
    exact = boundary_layer_parameters(film, mesh).response(20.0)
    thick = replace(film, heavy_metal=replace(film.heavy_metal, thickness=20.0))
    return _difference(solve_boltzmann(thick, mesh), exact)


# ------------------------------------------------------------------------------------------
# Files and processes


def sweep_file() -> float:
    """Values in the file of a sweep, resumed once, that are not those of the solver."""
    with tempfile.TemporaryDirectory(prefix="torkivity-selftest-") as folder:
        path = Path(folder) / "sweep.h5"
        for config in (_sweep_config([0.1, 0.3]), _sweep_config([0.1, 0.2, 0.3])):
            plan = plan_sweep(config, path)
            run_plan(plan, path, ThreadCrew)
        found = _contents(path)
    wrong = int(np.count_nonzero(found.pop("status") != 1))
    grid = plan.spec.grid
    for index in range(grid.size):
        record = plan.evaluate(grid.point(index))
        place = np.unravel_index(index, grid.shape)
        for name, value in record.items():
            stored, given = found[name][place].astype(np.float64), np.asarray(value)
            both_none = np.isnan(stored) & np.isnan(given)  # where a model has no such number
            wrong += int(np.count_nonzero((stored != given) & ~both_none))
    return float(wrong)


def sweep_on_ranks() -> float:
    """Datasets of a sweep on two MPI ranks that are not bit for bit those of one process."""
    if detect_launch() is not None:
        raise SkippedError("started by a launcher itself")
    if importlib.util.find_spec("mpi4py") is None:
        raise SkippedError("no mpi4py")
    mpiexec = find_mpiexec()
    if mpiexec is None:
        raise SkippedError("no mpiexec")
    config = _sweep_config([0.1, 0.2, 0.3])
    with tempfile.TemporaryDirectory(prefix="torkivity-selftest-") as folder:
        settings, alone, ranks = (Path(folder) / n for n in ("film.toml", "alone.h5", "ranks.h5"))
        settings.write_text(to_toml(config.film, config), encoding="utf-8")
        run_plan(plan_sweep(config, settings), alone, ThreadCrew)
        command = [mpiexec, "-n", "2", sys.executable, "-m", "torkivity"]
        command += ["sweep", str(settings), "-o", str(ranks)]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
                timeout=MPI_TIMEOUT,
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"mpiexec -n 2 did not end in {MPI_TIMEOUT:.0f} s") from None
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
            raise RuntimeError(f"mpiexec -n 2: exit status {done.returncode}, said: {said[-1]}")
        one, two = _contents(alone), _contents(ranks)
        with h5py.File(ranks) as file:
            seen = set(np.unique(file["rank"][...]).tolist())
    if not seen <= {0, 1}:
        raise RuntimeError(f"ranks in the file: {seen}")
    different = [n for n in one.keys() | two.keys() if _bits(one.get(n)) != _bits(two.get(n))]
    return float(len(different))


def _bits(values: Any) -> bytes | None:
    """Content of an array; names are objects in memory, whose addresses say nothing."""
    if values is None:
        return None
    array = np.asarray(values)
    return (array.astype("S") if array.dtype.hasobject else array).tobytes()


def _sweep_config(exchange: Sequence[float]) -> RunConfig:
    data = tomllib.loads(preset_text("pt-co"))
    data["film"]["magnetization"] = [0.3, 0.2, 1.0]
    data["mesh"] = {"n_polar": 6, "n_azimuth": 8}
    data["sweep"] = {
        "models": ["boltzmann", "drift_diffusion"],
        "axes": {
            "interface.exchange": list(exchange),
            "interface.rashba": [0.0, 0.1, 0.2],
            "heavy_metal.thickness": [2.0, 10.0],
        },
    }
    return check_config(data, "pt-co")


def _contents(path: Path) -> dict[str, Any]:
    """Everything but what belongs to the run that computed it."""
    with h5py.File(path) as file:
        kept = set(file) - {"seconds", "finished", "rank"}
        return {name: file[name][...] for name in kept}


# ------------------------------------------------------------------------------------------
# Pieces


def _unit(rng: np.random.Generator) -> tuple[float, float, float]:
    v = rng.normal(size=3)
    x, y, z = (v / np.linalg.norm(v)).tolist()
    return x, y, z


def _directions(rng: np.random.Generator, n: int) -> FloatArray:
    k = rng.normal(size=(n, 3))
    return np.asarray(k / np.linalg.norm(k, axis=1)[:, None])


def _pt_co(spin_hall_angle: float = 0.0) -> Bilayer:
    """Pt/Co film with strong Rashba coupling and a tilted magnetization."""
    return Bilayer(
        HeavyMetal.from_spin_diffusion_length(10.0, 2.0853, 2.57, spin_hall_angle),
        RashbaInterface(U0, U_EX, 0.5 * U0),
        Ferromagnet(5.0, 16.25, 6.01, 1000.0, 1.36),
        magnetization=(0.3, 0.2, 1.0),
    )


def _random_interface(rng: np.random.Generator) -> RashbaInterface:
    """Potentials of any size from 1e-2 to 10."""
    return RashbaInterface(*(rng.normal(size=3) * 10.0 ** rng.uniform(-2, 1, size=3)).tolist())


def _random_bilayer(rng: np.random.Generator) -> Bilayer:
    low, high = (
        np.array([0.5, 0.5, 1.5, 0.5, 1.0, 1.0, 0.3]),
        np.array([50, 20, 300, 20, 20, 20, 30]),
    )
    t_n, mfp, flips, t_f, up, down, precession = np.exp(
        rng.uniform(np.log(low), np.log(high))
    ).tolist()
    return Bilayer(
        HeavyMetal(t_n, mfp, mfp * flips),
        RashbaInterface(*(0.5 * rng.normal(size=3)).tolist()),
        Ferromagnet(t_f, up, down, 100.0, precession),
        magnetization=_unit(rng),
        field_direction_deg=float(rng.uniform(0.0, 360.0)),
    )


def _metal(optical_thickness: float, albedo: float, length: float) -> HeavyMetal:
    """Heavy metal of total mean free path `length`; a collision keeps `albedo` of a spin."""
    return HeavyMetal(
        thickness=optical_thickness * length,
        mean_free_path=2.0 * length / (1.0 + albedo),
        spin_flip_length=2.0 * length / (1.0 - albedo) if albedo != 1.0 else math.inf,
    )


def _panels(thickness: float) -> tuple[FloatArray, FloatArray]:
    """Depths and weights of a composite Gauss rule, panels halving towards both faces."""
    x, w = np.polynomial.legendre.leggauss(6)
    edges = 0.5 * thickness * np.concatenate([[0.0], 0.5 ** np.arange(10.0)[::-1]])
    start, size = edges[:-1, None], np.diff(edges)[:, None]
    z, weight = (start + 0.5 * size * (1.0 + x)).ravel(), (0.5 * size * w).ravel()
    return np.concatenate([z, thickness - z]), np.concatenate([weight, weight])


def _inverted(
    interface: RashbaInterface, m: FloatArray, k: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """R and T, shape (n, 4, 4), from inverted 2 x 2 matrices and traces."""
    b = interface.exchange * m + interface.rashba * np.stack(
        [k[:, 1], -k[:, 0], np.zeros(len(k))], axis=1
    )
    u = interface.barrier * np.eye(2) + np.einsum("ni,ijk->njk", b, _SIGMA[:3])
    t: ComplexArray = np.linalg.inv(np.eye(2) + 1j * u / np.abs(k[:, 2])[:, None, None])
    return _traced(t - np.eye(2)), _traced(t)


def _traced(amplitude: ComplexArray) -> FloatArray:
    left = np.einsum("nji,ajk->naik", amplitude.conj(), _SIGMA)
    right = np.einsum("nkl,bli->nbki", amplitude, _SIGMA)
    return np.asarray(0.5 * np.einsum("naik,nbki->nab", left, right).real)


def _moments(
    mesh: FermiSurfaceMesh,
    reflection: FloatArray,
    transmission: FloatArray,
    minus: FloatArray,
    plus: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """j(0-), j(0+) and the density of incoming distributions, each (channel, 4), over C."""
    up = mesh.upward
    weight = mesh.weights[up]
    flux = weight * mesh.directions[up, 2]

    def total(over: FloatArray, tensor: FloatArray, g: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("n,nab,nb->a", over, tensor, g))

    lost = reflection - np.eye(4)
    return (
        -total(flux, lost, minus) - total(flux, transmission, plus),
        total(flux, lost, plus) + total(flux, transmission, minus),
        total(weight, transmission, minus + plus),
    )


def _quadrature_mixing(film: Bilayer) -> complex:
    """Mixing conductance by adaptive quadrature, 1/(Ohm m^2)."""
    interface = film.interface
    assert isinstance(interface, DeltaInterface)
    # Spins along -m meet the lower potential.
    up, down = interface.barrier - interface.exchange, interface.barrier + interface.exchange

    def integrand(mu: float) -> complex:
        product = (-1j * up / (mu + 1j * up)) * (-1j * down / (mu + 1j * down)).conjugate()
        return mu * (1.0 - product)

    parts = [
        quad(lambda mu, part=part: getattr(integrand(mu), part), 0.0, 1.0, epsabs=0, epsrel=1e-12)[
            0
        ]
        for part in ("real", "imag")
    ]
    return complex(2.0 * math.pi * film.stack().prefactor * complex(*parts))


def _difference(first: TorqueNames, second: TorqueNames) -> float:
    """Largest difference of currents and torques over the largest total torque."""
    names = ("spin_current_minus", "spin_current_plus", "torque_interface", "torque_total")
    apart = max(np.abs(getattr(first, n) - getattr(second, n)).max() for n in names)
    return float(apart / np.abs(first.torque_total).max())
