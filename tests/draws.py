"""Seeded random films and interfaces that the engine tests share."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np

from torkivity_engine.film.boundaries import Surface
from torkivity_engine.film.interfaces import RashbaInterface, SpinOrbitInterface
from torkivity_engine.film.layer import Layer
from torkivity_engine.film.layers import Ferromagnet, HeavyMetal
from torkivity_engine.film.magnetic_insulator import MagneticInsulator
from torkivity_engine.film.split_ferromagnet import SplitFerromagnet
from torkivity_engine.film.stack import Bilayer, Stack

#: After Haney et al., Phys. Rev. B 87, 174411 (2013); lengths in nm.
PT = HeavyMetal.from_spin_diffusion_length(10.0, 2.0853, 2.57, 0.059)
CO = Ferromagnet(5.0, 16.25, 6.01, 1000.0, 1.36, dephasing_length=0.8)
U0, U_EX = 0.42645, 0.20055


def unit_vector(rng: np.random.Generator) -> tuple[float, float, float]:
    v = rng.normal(size=3)
    x, y, z = v / np.linalg.norm(v)
    return float(x), float(y), float(z)


def random_interface(rng: np.random.Generator) -> RashbaInterface:
    u0, u_ex, u_r = rng.normal(size=3) * 10.0 ** rng.uniform(-2, 1, size=3)
    return RashbaInterface(float(u0), float(u_ex), float(u_r), magnetization=unit_vector(rng))


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def random_heavy_metal(rng: np.random.Generator) -> HeavyMetal:
    mfp = log_uniform(rng, 0.5, 20.0)
    return HeavyMetal(log_uniform(rng, 0.5, 50.0), mfp, mfp * log_uniform(rng, 1.5, 300.0))


def random_ferromagnet(rng: np.random.Generator) -> Ferromagnet:
    return Ferromagnet(
        log_uniform(rng, 0.5, 20.0),
        log_uniform(rng, 1.0, 20.0),
        log_uniform(rng, 1.0, 20.0),
        log_uniform(rng, 10.0, 2000.0),
        log_uniform(rng, 0.3, 30.0),
        magnetization=unit_vector(rng),
    )


def sphere_metal(
    rng: np.random.Generator, spin_hall_angle: float = 0.0, own: bool = True
) -> HeavyMetal:
    """With a Fermi sphere and a mass of its own, or those of the film."""
    path = log_uniform(rng, 1.0, 10.0)
    return HeavyMetal(
        log_uniform(rng, 1.0, 10.0),
        path,
        path * log_uniform(rng, 2.0, 50.0),
        spin_hall_angle,
        fermi_wavevector=float(rng.uniform(8.0, 18.0)) if own else None,
        effective_mass=float(rng.uniform(0.5, 2.0)) if own else 1.0,
    )


def split_magnet(rng: np.random.Generator, half_metal: bool = False) -> SplitFerromagnet:
    return SplitFerromagnet(
        log_uniform(rng, 1.0, 10.0),
        float(rng.uniform(8.0, 18.0)),
        None if half_metal else float(rng.uniform(5.0, 18.0)),
        log_uniform(rng, 1.0, 10.0),
        None if half_metal else log_uniform(rng, 1.0, 10.0),
        log_uniform(rng, 5.0, 500.0),
        *rng.uniform(0.5, 2.0, size=2).tolist(),
        magnetization=unit_vector(rng),
        decay_minority=float(rng.uniform(2.0, 10.0)) if half_metal else None,
    )


def insulator(rng: np.random.Generator) -> MagneticInsulator:
    return MagneticInsulator(*rng.uniform(2.0, 10.0, size=2), magnetization=unit_vector(rng))


def random_bilayer(rng: np.random.Generator) -> Bilayer:
    return Bilayer(
        random_heavy_metal(rng),
        RashbaInterface(*(float(x) for x in rng.normal(size=3) * 0.5)),
        random_ferromagnet(rng),
        magnetization=unit_vector(rng),
        field_direction_deg=float(rng.uniform(0, 360)),
    )


def pt_co(rashba: float = 0.2, **changes: object) -> Bilayer:
    return Bilayer(PT, RashbaInterface(U0, U_EX, rashba), CO, **changes)  # type: ignore[arg-type]


def random_tilted_stack(seed: int) -> Stack:
    """Closed stack of two or three layers with everything that breaks a symmetry: tilted m,
    interfaces with exchange and spin-orbit coupling, diffuse faces, skew scattering."""
    rng = np.random.default_rng(seed)
    kinds = (["HM", "FM"], ["HM", "FM", "HM"], ["FM", "HM", "FM"], ["FM", "HM", "HM"])[seed % 4]
    layers: list[Layer] = []
    for kind in kinds:
        if kind == "FM":
            layers.append(random_ferromagnet(rng))
        else:
            metal = random_heavy_metal(rng)
            angle = float(rng.uniform(-0.5, 0.5)) * (seed % 3 != 0)
            layers.append(replace(metal, spin_hall_angle=angle))
    interfaces = []
    for below, above in itertools.pairwise(layers):
        magnet = above if isinstance(above, Ferromagnet) else below
        u0, u_ex, u_r = (float(x) for x in 0.5 * rng.normal(size=3))
        if not isinstance(magnet, Ferromagnet):
            interfaces.append(RashbaInterface(u0, 0.0, u_r))
        elif seed % 5 == 2:
            w = tuple((float(x), float(y)) for x, y in 0.5 * rng.normal(size=(3, 2)))
            interfaces.append(SpinOrbitInterface(u0, u_ex, w, magnetization=magnet.magnetization))  # type: ignore[arg-type]
        else:
            interfaces.append(RashbaInterface(u0, u_ex, u_r, magnetization=magnet.magnetization))
    p, q = (float(x) for x in rng.uniform(size=2))
    return Stack(tuple(layers), tuple(interfaces), Surface(p), Surface(q if seed % 2 else 1.0))
