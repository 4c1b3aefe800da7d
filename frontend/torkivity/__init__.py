"""Spin-orbit torques from the Boltzmann equation with Rashba interfaces.

The public names live in the packages below this one and are imported when first used, so
that ``import torkivity`` and ``torkivity --help`` stay quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from torkivity.analysis.anisotropy import AnisotropyExpansion, expand_torques
    from torkivity.analysis.anisotropy_sweep import anisotropy_of_sweep
    from torkivity.analysis.fit import fit_torques
    from torkivity.analysis.fit_data import read_torque_data
    from torkivity.results import open_results
    from torkivity.sweeps.api import sweep
    from torkivity_engine.boundary_layer import (
        BoundaryLayerParameters,
        boundary_layer_parameters,
    )
    from torkivity_engine.diffusion_length import spin_diffusion_length
    from torkivity_engine.drift_diffusion import solve_drift_diffusion
    from torkivity_engine.errors import CapacityError, InputError, PhysicsError
    from torkivity_engine.model import (
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
    from torkivity_engine.sensitivity import sensitivities, sensitivity_names
    from torkivity_engine.solve import solve_boltzmann
    from torkivity_engine.tensors import (
        interface_tensors,
        mixing_conductance,
        transmitted_mixing_conductance,
    )
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
    "AnisotropyExpansion": "torkivity.analysis.anisotropy",
    "Bilayer": "torkivity_engine.model",
    "BoundaryLayerParameters": "torkivity_engine.boundary_layer",
    "CapacityError": "torkivity_engine.errors",
    "Ferromagnet": "torkivity_engine.model",
    "HalfSpace": "torkivity_engine.model",
    "HeavyMetal": "torkivity_engine.model",
    "InputError": "torkivity_engine.errors",
    "PhysicsError": "torkivity_engine.errors",
    "RashbaInterface": "torkivity_engine.model",
    "Reservoir": "torkivity_engine.model",
    "SphericalMesh": "torkivity_meshes",
    "SpinOrbitInterface": "torkivity_engine.model",
    "Stack": "torkivity_engine.model",
    "Surface": "torkivity_engine.model",
    "anisotropy_of_sweep": "torkivity.analysis.anisotropy_sweep",
    "boundary_layer_parameters": "torkivity_engine.boundary_layer",
    "expand_torques": "torkivity.analysis.anisotropy",
    "fit_torques": "torkivity.analysis.fit",
    "interface_tensors": "torkivity_engine.tensors",
    "load_mesh": "torkivity_meshes",
    "mesh_from_arrays": "torkivity_meshes",
    "mixing_conductance": "torkivity_engine.tensors",
    "open_results": "torkivity.results",
    "read_torque_data": "torkivity.analysis.fit_data",
    "sensitivities": "torkivity_engine.sensitivity",
    "sensitivity_names": "torkivity_engine.sensitivity",
    "solve_boltzmann": "torkivity_engine.solve",
    "solve_drift_diffusion": "torkivity_engine.drift_diffusion",
    "spin_diffusion_length": "torkivity_engine.diffusion_length",
    "sweep": "torkivity.sweeps.api",
    "transmitted_mixing_conductance": "torkivity_engine.tensors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'torkivity' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
