"""Boltzmann against drift-diffusion for one bilayer."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np

from torkivity.catalogue import COMPARED, MODELS, SINGLE_SOURCES, SOURCES, Source
from torkivity.config.sections import RunConfig
from torkivity.version import __version__
from torkivity_engine.arrays import FloatArray
from torkivity_engine.diffusion.boundary_layer import (
    BoundaryLayerParameters,
    boundary_layer_parameters,
)
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.diffusion.tensors import (
    InterfaceTensors,
    interface_tensors,
    mixing_conductance,
    transmitted_mixing_conductance,
)
from torkivity_engine.errors import PhysicsError
from torkivity_engine.film.diffusion_length import spin_diffusion_length
from torkivity_engine.film.stack import Bilayer
from torkivity_engine.record import TORQUE_PARTS, VARIABLES, Variable
from torkivity_engine.solution import (
    BoltzmannSolution,
    DriftDiffusionSolution,
    InterfaceResponse,
    TorqueNames,
)
from torkivity_engine.solve import solve_boltzmann
from torkivity_hpc.files.store import create_results
from torkivity_hpc.grid import Axis
from torkivity_meshes import FermiSurfaceMesh

__all__ = ["Comparison", "ThicknessCurves", "add_curves", "compare_film", "write_comparison"]

Method = Literal["reduced", "dense"]
FerromagnetModel = Literal["dephased", "finite"]


_CURVE_VARIABLES = tuple(
    f"torque_{part}{kind}" for part in TORQUE_PARTS for kind in ("", "_damping_like", "_field_like")
)


@dataclass(frozen=True, eq=False)
class ThicknessCurves:
    """Torques against heavy-metal thickness.

    Attributes
    ----------
    thickness : ndarray, shape (n,)
        nm.
    values : dict of str to dict of str to ndarray
        First key a name of `torkivity.catalogue.MODELS` for a single source, second one like
        ``torque_total_damping_like``; first dimension is the thickness. Per E~, in 1/(Ohm m).
    """

    thickness: FloatArray
    values: dict[str, dict[str, FloatArray]]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Everything computed for one bilayer.

    Attributes
    ----------
    film : Bilayer
    tensors : InterfaceTensors
    mixing_conductance, transmitted_mixing_conductance : complex
        1/(Ohm m^2), at u_R = 0.
    heavy_metal_conductivity, ferromagnet_conductivity : float
        Both spins, 1/(Ohm m).
    spin_diffusion_length : float
        Of the heavy metal, nm.
    boltzmann : dict of str to BoltzmannSolution
        By source: "rashba", "spin_hall", "all".
    drift_diffusion : dict of str to DriftDiffusionSolution
        By source, with the parameters of Appendix B.
    parameters : dict of str to BoundaryLayerParameters
        By source; empty where the heavy metal has no diffusive regime.
    curves : ThicknessCurves or None
    """

    film: Bilayer
    tensors: InterfaceTensors
    mixing_conductance: complex
    transmitted_mixing_conductance: complex
    heavy_metal_conductivity: float
    ferromagnet_conductivity: float
    spin_diffusion_length: float
    boltzmann: dict[str, BoltzmannSolution]
    drift_diffusion: dict[str, DriftDiffusionSolution]
    parameters: dict[str, BoundaryLayerParameters]
    curves: ThicknessCurves | None

    @property
    def boundary_layer(self) -> dict[str, InterfaceResponse]:
        """Drift-diffusion by source with boundary-layer-exact parameters."""
        return {source: found.response() for source, found in self.parameters.items()}

    @property
    def solutions(self) -> dict[str, TorqueNames]:
        """Solutions by the names of `torkivity.catalogue.MODELS`."""
        return {
            f"{model}_{source}": solution
            for model in COMPARED
            for source, solution in getattr(self, model).items()
        }

    def schema(self) -> dict[str, Variable]:
        """Dimensions, units and meaning of each variable of `record`."""
        return {name: variable for name, (variable, _) in self._entries().items()}

    def record(self) -> dict[str, FloatArray]:
        """Flat mapping from names to real arrays; complex numbers as two of them."""
        return {name: np.asarray(value) for name, (_, value) in self._entries().items()}

    def _entries(self) -> dict[str, tuple[Variable, FloatArray | float]]:
        conductance, conductivity = "1/(Ohm m^2)", "1/(Ohm m)"
        entries: dict[str, tuple[Variable, FloatArray | float]] = {}
        for name, conductance_value, meaning in (
            ("mixing_conductance", self.mixing_conductance, "mixing conductance at u_R = 0"),
            (
                "transmitted_mixing_conductance",
                self.transmitted_mixing_conductance,
                "transmitted mixing conductance at u_R = 0",
            ),
        ):
            for part in ("real", "imag"):
                entries[f"{name}_{part}"] = (
                    Variable((), conductance, f"{part} part of the {meaning}"),
                    getattr(conductance_value, part),
                )
        for name, number, units, meaning in (
            (
                "heavy_metal_conductivity",
                self.heavy_metal_conductivity,
                conductivity,
                "bulk conductivity of the heavy metal, both spins",
            ),
            (
                "ferromagnet_conductivity",
                self.ferromagnet_conductivity,
                conductivity,
                "bulk conductivity of the ferromagnet, both spins",
            ),
            (
                "spin_diffusion_length",
                self.spin_diffusion_length,
                "nm",
                "spin diffusion length of the heavy metal",
            ),
        ):
            entries[name] = (Variable((), units, meaning), number)
        for name, tensor, meaning in (
            ("tensor_conductivity", self.tensors.conductivity, "conductivity tensor at 0-"),
            (
                "tensor_torkivity_ferromagnet",
                self.tensors.torkivity_ferromagnet,
                "torkivity tensor of the bulk ferromagnet, at 0+",
            ),
            (
                "tensor_torkivity_interface",
                self.tensors.torkivity_interface,
                "torkivity tensor of the magnetization at the interface",
            ),
            ("tensor_lattice", self.tensors.lattice, "tensor of what the lattice takes"),
        ):
            entries[name] = (
                Variable(("current", "field"), conductivity, f"{meaning}, per E~"),
                tensor,
            )
        for prefix, solution in self.solutions.items():
            for name, value in solution.record().items():
                variable = VARIABLES[name]
                entries[f"{prefix}_{name}"] = (
                    replace(variable, long_name=f"{variable.long_name} ({MODELS[prefix]})"),
                    value,
                )
        for source, boltzmann in self.boltzmann.items():
            for name, number in boltzmann.certificates.items():
                meaning = f"error indicator of {MODELS[f'boltzmann_{source}']}: {name}"
                entries[f"boltzmann_{source}_certificate_{name}"] = (
                    Variable((), "1", meaning),
                    number,
                )
        if self.curves is not None:
            for prefix, curve in self.curves.values.items():
                for name, array in curve.items():
                    variable = VARIABLES[name]
                    entries[f"curve_{prefix}_{name}"] = (
                        Variable(
                            ("heavy_metal_thickness", *variable.dims),
                            variable.units,
                            f"{variable.long_name} ({MODELS[prefix]})",
                        ),
                        array,
                    )
        return entries


def relative_difference(value: float, reference: float, scale: float) -> float:
    """Relative difference ``value / reference - 1``.

    Parameters
    ----------
    value, reference : float
    scale : float
        Largest torque of the film. NaN is returned where the reference is rounding noise
        (1e-9) beside it.

    Returns
    -------
    float
    """
    if not abs(reference) > 1e-9 * scale:
        return float("nan")
    return value / reference - 1.0


def compare_film(
    film: Bilayer,
    mesh: FermiSurfaceMesh,
    *,
    method: Method = "reduced",
    ferromagnet: FerromagnetModel = "dephased",
    memory_limit: int | None = None,
    thicknesses: Sequence[float] = (),
    progress: Callable[[str], None] = lambda message: None,
) -> Comparison:
    """Compute a bilayer by both models, for each source of torque and for both together.

    Parameters
    ----------
    film : Bilayer
    mesh : FermiSurfaceMesh
        For the Boltzmann equation and for the tensors alike, so that the difference of the
        models is not one of quadratures.
    method : {"reduced", "dense"}, optional
        Boltzmann solver.
    ferromagnet : {"dephased", "finite"}, optional
        Drift-diffusion model of the ferromagnet.
    memory_limit : int, optional
        Bytes that the dense method may use.
    thicknesses : sequence of float, optional
        Heavy-metal thicknesses of the curves, nm.
    progress : callable, optional
        Told in words what comes next.

    Returns
    -------
    Comparison
    """
    # What can refuse a film at once comes first.
    progress("interface tensors and drift-diffusion")
    tensors = interface_tensors(film, mesh)
    drift_diffusion = _drift_diffusion(film, mesh, ferromagnet)
    parameters = _boundary_layer(film, mesh)
    progress(f"Boltzmann equation, {method} method, {mesh.name}, NT = {mesh.n_unknowns}")
    boltzmann = _boltzmann(film, mesh, method, memory_limit)
    k_f = film.fermi_wavevector
    comparison = Comparison(
        film=film,
        tensors=tensors,
        mixing_conductance=mixing_conductance(film),
        transmitted_mixing_conductance=transmitted_mixing_conductance(film),
        heavy_metal_conductivity=film.heavy_metal.conductivity(k_f),
        ferromagnet_conductivity=film.ferromagnet.conductivity(k_f),
        spin_diffusion_length=spin_diffusion_length(film.heavy_metal),
        boltzmann=boltzmann,
        drift_diffusion=drift_diffusion,
        parameters=parameters,
        curves=None,
    )
    if not len(thicknesses):
        return comparison
    return add_curves(
        comparison,
        mesh,
        thicknesses,
        method=method,
        ferromagnet=ferromagnet,
        memory_limit=memory_limit,
        progress=progress,
    )


def add_curves(
    comparison: Comparison,
    mesh: FermiSurfaceMesh,
    thicknesses: Sequence[float],
    *,
    method: Method = "reduced",
    ferromagnet: FerromagnetModel = "dephased",
    memory_limit: int | None = None,
    progress: Callable[[str], None] = lambda message: None,
) -> Comparison:
    """The same comparison with curves against heavy-metal thickness.

    Parameters
    ----------
    comparison : Comparison
    mesh : FermiSurfaceMesh
    thicknesses : sequence of float
        nm.
    method, ferromagnet, memory_limit, progress
        As in `compare_film`.

    Returns
    -------
    Comparison
    """
    progress(f"both models at {len(thicknesses)} heavy-metal thicknesses")
    curves = _curves(
        comparison.film,
        mesh,
        method,
        ferromagnet,
        memory_limit,
        thicknesses,
        comparison.parameters,
    )
    return replace(comparison, curves=curves)


def _boltzmann(
    film: Bilayer,
    mesh: FermiSurfaceMesh,
    method: Method,
    memory_limit: int | None,
    sources: Sequence[Source] = SOURCES,
) -> dict[str, BoltzmannSolution]:
    return {
        source: solve_boltzmann(film, mesh, method=method, source=source, memory_limit=memory_limit)
        for source in sources
    }


def _drift_diffusion(
    film: Bilayer,
    mesh: FermiSurfaceMesh,
    ferromagnet: FerromagnetModel,
    sources: Sequence[Source] = SOURCES,
) -> dict[str, DriftDiffusionSolution]:
    return {
        source: solve_drift_diffusion(film, ferromagnet=ferromagnet, source=source, mesh=mesh)
        for source in sources
    }


def _boundary_layer(film: Bilayer, mesh: FermiSurfaceMesh) -> dict[str, BoundaryLayerParameters]:
    """Exact parameters by source; none where there is no mesh or no metal for them."""
    if mesh.rings is None:
        return {}
    try:
        return {source: boundary_layer_parameters(film, mesh, source) for source in SOURCES}
    except PhysicsError:
        return {}


def _curves(
    film: Bilayer,
    mesh: FermiSurfaceMesh,
    method: Method,
    ferromagnet: FerromagnetModel,
    memory_limit: int | None,
    thicknesses: Sequence[float],
    parameters: Mapping[str, BoundaryLayerParameters],
) -> ThicknessCurves:
    rows: dict[str, list[dict[str, FloatArray]]] = {}

    def add(model: str, solutions: Mapping[str, TorqueNames]) -> None:
        for source, solution in solutions.items():
            rows.setdefault(f"{model}_{source}", []).append(solution.record())

    for thickness in thicknesses:
        thinner = replace(film, heavy_metal=replace(film.heavy_metal, thickness=thickness))
        add("boltzmann", _boltzmann(thinner, mesh, method, memory_limit, SINGLE_SOURCES))
        add("drift_diffusion", _drift_diffusion(thinner, mesh, ferromagnet, SINGLE_SOURCES))
        add(
            "boundary_layer",
            {s: parameters[s].response(thickness) for s in SINGLE_SOURCES if s in parameters},
        )
    return ThicknessCurves(
        thickness=np.array(thicknesses, dtype=np.float64),
        values={
            prefix: {name: np.array([row[name] for row in table]) for name in _CURVE_VARIABLES}
            for prefix, table in rows.items()
        },
    )


def write_comparison(
    path: Path,
    comparison: Comparison,
    config: RunConfig | None = None,
    *,
    elapsed_seconds: float | None = None,
) -> None:
    """Write a comparison as a single-point result file.

    Parameters
    ----------
    path : Path
        Must not exist; `torkivity_hpc.new_file` publishes it whole or not at all.
    comparison : Comparison
    config : RunConfig, optional
        Stored with all defaults filled in, as TOML and as JSON.
    elapsed_seconds : float, optional
        Wall-clock time of the computation.
    """
    from torkivity.config.text import to_json, to_toml

    attributes: dict[str, str | float] = {
        "title": "Spin-orbit torques of a heavy-metal/ferromagnet bilayer",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "torkivity_version": __version__,
        "python_version": platform.python_version(),
        **{f"{name}_version": version(name) for name in ("numpy", "scipy", "numba", "h5py")},
        "boltzmann_method": comparison.boltzmann["all"].method,
        "boltzmann_mesh": comparison.boltzmann["all"].mesh,
        "drift_diffusion_ferromagnet": comparison.drift_diffusion["rashba"].ferromagnet,
        "normalisation": "torques and currents are per E~ = -E/e; times 2 for (hbar/2e)/(Ohm m)",
    }
    if config is not None:
        attributes["config_toml"] = to_toml(config)
        attributes["config_json"] = to_json(config)
    if elapsed_seconds is not None:
        attributes["elapsed_seconds"] = elapsed_seconds
    axes = {}
    if comparison.curves is not None:
        axes["heavy_metal_thickness"] = Axis(
            tuple(comparison.curves.thickness.tolist()), "nm", "thickness of the heavy metal"
        )
    with create_results(path, comparison.schema(), axes=axes, attributes=attributes) as results:
        results.write(comparison.record())
