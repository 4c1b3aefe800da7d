"""Spin-orbit torques from the Boltzmann equation with Rashba interfaces.

The public names live in the packages below this one and are imported when first used, so
that ``import torkivity`` and ``torkivity --help`` stay quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from torkivity.compare.anisotropy_sweep import anisotropy_of_sweep
    from torkivity.fit.data import read_torque_data
    from torkivity.fit.fit import fit_torques
    from torkivity.results.open import open_results
    from torkivity.study.python import sweep
    from torkivity_engine.anisotropy import AnisotropyExpansion, expand_torques
    from torkivity_engine.diffusion.boundary_layer import (
        BoundaryLayerParameters,
        boundary_layer_parameters,
    )
    from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
    from torkivity_engine.diffusion.tensors import (
        interface_tensors,
        mixing_conductance,
        transmitted_mixing_conductance,
    )
    from torkivity_engine.errors import CapacityError, InputError, PhysicsError
    from torkivity_engine.film.stack import (
        Bilayer,
        Ferromagnet,
        HalfSpace,
        HeavyMetal,
        RashbaInterface,
        Reservoir,
        SpinOrbitInterface,
        Stack,
        Surface,
    )
    from torkivity_engine.kinetics.diffusion_length import spin_diffusion_length
    from torkivity_engine.reduced.sensitivity import sensitivities, sensitivity_names
    from torkivity_engine.solve import solve_boltzmann
    from torkivity_meshes import SphericalMesh, load_mesh, mesh_from_arrays

__all__ = [
    "AnisotropyExpansion",
    "Bilayer",
    "BoundaryLayerParameters",
    "CapacityError",
    "Ferromagnet",
    "HalfSpace",
    "HeavyMetal",
    "InputError",
    "PhysicsError",
    "RashbaInterface",
    "Reservoir",
    "SphericalMesh",
    "SpinOrbitInterface",
    "Stack",
    "Surface",
    "__version__",
    "anisotropy_of_sweep",
    "boundary_layer_parameters",
    "expand_torques",
    "fit_torques",
    "interface_tensors",
    "load_mesh",
    "mesh_from_arrays",
    "mixing_conductance",
    "open_results",
    "read_torque_data",
    "sensitivities",
    "sensitivity_names",
    "solve_boltzmann",
    "solve_drift_diffusion",
    "spin_diffusion_length",
    "sweep",
    "transmitted_mixing_conductance",
]

_HOME = {
    "AnisotropyExpansion": "torkivity_engine.anisotropy",
    "Bilayer": "torkivity_engine.film.stack",
    "BoundaryLayerParameters": "torkivity_engine.diffusion.boundary_layer",
    "CapacityError": "torkivity_engine.errors",
    "Ferromagnet": "torkivity_engine.film.stack",
    "HalfSpace": "torkivity_engine.film.stack",
    "HeavyMetal": "torkivity_engine.film.stack",
    "InputError": "torkivity_engine.errors",
    "PhysicsError": "torkivity_engine.errors",
    "RashbaInterface": "torkivity_engine.film.stack",
    "Reservoir": "torkivity_engine.film.stack",
    "SphericalMesh": "torkivity_meshes",
    "SpinOrbitInterface": "torkivity_engine.film.stack",
    "Stack": "torkivity_engine.film.stack",
    "Surface": "torkivity_engine.film.stack",
    "anisotropy_of_sweep": "torkivity.compare.anisotropy_sweep",
    "boundary_layer_parameters": "torkivity_engine.diffusion.boundary_layer",
    "expand_torques": "torkivity_engine.anisotropy",
    "fit_torques": "torkivity.fit.fit",
    "interface_tensors": "torkivity_engine.diffusion.tensors",
    "load_mesh": "torkivity_meshes",
    "mesh_from_arrays": "torkivity_meshes",
    "mixing_conductance": "torkivity_engine.diffusion.tensors",
    "open_results": "torkivity.results.open",
    "read_torque_data": "torkivity.fit.data",
    "sensitivities": "torkivity_engine.reduced.sensitivity",
    "sensitivity_names": "torkivity_engine.reduced.sensitivity",
    "solve_boltzmann": "torkivity_engine.solve",
    "solve_drift_diffusion": "torkivity_engine.diffusion.drift_diffusion",
    "spin_diffusion_length": "torkivity_engine.kinetics.diffusion_length",
    "sweep": "torkivity.study.python",
    "transmitted_mixing_conductance": "torkivity_engine.diffusion.tensors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'torkivity' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
