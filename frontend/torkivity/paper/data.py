"""What Figs. 2, 3 and 4 of the paper show, computed for the Pt/Co set by every model.

Equation and figure numbers are those of Amin & Stiles, Phys. Rev. B 94, 104420 (2016).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from torkivity.catalogue import SINGLE_SOURCES, SingleSource
from torkivity.config.sections import MeshSection, RunConfig
from torkivity.config.text import check_config, preset_text, to_toml
from torkivity_engine.arrays import FloatArray
from torkivity_engine.diffusion.boundary_layer import boundary_layer_parameters
from torkivity_engine.diffusion.drift_diffusion import solve_drift_diffusion
from torkivity_engine.diffusion.tensors import (
    circuit_conductances,
    interface_tensors,
    mixing_conductance,
)
from torkivity_engine.errors import InputError
from torkivity_engine.film.diffusion_length import spin_diffusion_length
from torkivity_engine.film.interfaces import DeltaInterface, RashbaInterface
from torkivity_engine.film.stack import Bilayer
from torkivity_engine.record import TORQUE_PARTS, VARIABLES, Variable
from torkivity_engine.solution import TorqueNames
from torkivity_engine.solve import solve_boltzmann
from torkivity_engine.spin import torque_frame
from torkivity_hpc.files.store import create_results
from torkivity_hpc.grid import Axis
from torkivity_hpc.running.progress import Progress as Counted
from torkivity_meshes import FermiSurfaceMesh, SphericalMesh

__all__ = [
    "FIGURES",
    "KINDS",
    "MODELS",
    "PRESET",
    "SOURCES",
    "FigureData",
    "compute_figure",
    "paper_config",
    "write_figure_data",
]

Progress = Callable[[str], None]

#: What can be computed.
FIGURES = ("fig2", "fig3", "fig4")
PRESET = "pt-co"
KINDS = ("damping_like", "field_like")
SOURCES = SINGLE_SOURCES

#: Models by the name that the ``model`` axis of the data gives them.
MODELS: dict[str, str] = {
    "boltzmann": "Boltzmann",
    "particular": "drift-diffusion (App. B)",
    "half_space": "drift-diffusion (App. D)",
    "boundary_layer": "drift-diffusion (boundary layer)",
}

#: Thicknesses, nm, that stand for none at all and for a thick film.
VANISHING, THICK = 0.01, 60.0

#: Strengths u_R / u_0 of Fig. 3, and u_ex of Fig. 4.
FIG3_RATIOS = (0.5, 0.05)
FIG4_EXCHANGES = (0.05, 0.1, 0.2, 0.4)

_TITLES = {
    "fig2": "Torques against heavy-metal thickness, spin Hall and Rashba effect apart (Fig. 2)",
    "fig3": "Torques against interfacial exchange, Rashba effect alone (Fig. 3)",
    "fig4": "Torques against Rashba strength, Rashba effect alone (Fig. 4)",
}
_SIEMENS = "1/(Ohm m)"


@dataclass(frozen=True, eq=False)
class FigureData:
    """Numbers behind one figure.

    Attributes
    ----------
    name : str
        One of `FIGURES`.
    film : Bilayer
        What stays the same.
    mesh : str
    axes : dict of str to Axis
        Dimensions of the variables.
    variables : dict of str to Variable
        Dimensions, units and meaning.
    values : dict of str to ndarray
        Torques per E~, in 1/(Ohm m).
    """

    name: str
    film: Bilayer
    mesh: str
    axes: dict[str, Axis]
    variables: dict[str, Variable] = field(default_factory=dict)
    values: dict[str, FloatArray] = field(default_factory=dict)

    def axis(self, name: str) -> FloatArray:
        """Values of a numerical axis."""
        return np.array(self.axes[name].values, dtype=np.float64)

    def torque(self, part: str, model: str, source: str | None = None) -> FloatArray:
        """Damping-like and field-like torque of one model.

        Parameters
        ----------
        part : {"total", "interface", "ferromagnet", "lattice"}
        model : str
            Key of `MODELS`.
        source : {"rashba", "spin_hall"}, optional
            For Fig. 2.

        Returns
        -------
        ndarray, shape (2, ...)
            Damping-like, then field-like; further axes are those of the figure.
        """
        index: tuple[int, ...] = (list(MODELS).index(model),)
        if source is not None:
            index = (SOURCES.index(source), *index)
        return np.array([self.values[f"torque_{part}_{kind}"][index] for kind in KINDS])

    def pair(self, name: str) -> FloatArray:
        """Damping-like and field-like part of another variable, shape (2, ...)."""
        return np.array([self.values[f"{name}_{kind}"] for kind in KINDS])

    def _add(self, name: str, variable: Variable, values: object) -> None:
        self.variables[name] = variable
        self.values[name] = np.asarray(values, dtype=np.float64)


def paper_config(*, quick: bool = False) -> RunConfig:
    """The shipped Pt/Co set with the mesh that the figures are computed on.

    Parameters
    ----------
    quick : bool, optional
        The coarser mesh.
    """
    config = check_config(tomllib.loads(preset_text(PRESET)), f"preset {PRESET}")
    n_polar, n_azimuth = (12, 8) if quick else (64, 16)
    mesh = MeshSection.model_validate({"n_polar": n_polar, "n_azimuth": n_azimuth})
    return config.model_copy(update={"mesh": mesh})


def compute_figure(
    name: str, *, quick: bool = False, progress: Progress = lambda message: None
) -> FigureData:
    """Compute everything that one of the paper's figures shows.

    Parameters
    ----------
    name : {"fig2", "fig3", "fig4"}
    quick : bool, optional
        Fewer points and a coarser mesh, good to about one per cent.
    progress : callable, optional
        Told in words how it goes.

    Returns
    -------
    FigureData

    Raises
    ------
    InputError
        For an unknown figure.
    """
    config = paper_config(quick=quick)
    film, mesh = config.film, SphericalMesh(config.mesh.n_polar, config.mesh.n_azimuth)
    assert isinstance(film, Bilayer)
    if name == "fig2":
        steps = (
            (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 13.0, 16.0)
            if quick
            else tuple(np.arange(0.25, 4.0, 0.25)) + tuple(np.arange(4.0, 16.25, 0.5))
        )
        return thickness_data(film, mesh, (VANISHING, *map(float, steps), THICK), progress)
    if name == "fig3":
        exchanges = np.linspace(0.02, 0.8, 14 if quick else 40)
        return grid_data("fig3", film, mesh, FIG3_RATIOS, exchanges.tolist(), progress)
    if name == "fig4":
        ratios = np.linspace(0.0, 1.0, 11 if quick else 41)
        return grid_data("fig4", film, mesh, ratios.tolist(), FIG4_EXCHANGES, progress)
    raise InputError("figure", name, f"must be one of {', '.join(FIGURES)}")


def thickness_data(
    film: Bilayer,
    mesh: FermiSurfaceMesh,
    thicknesses: Sequence[float],
    progress: Progress = lambda message: None,
) -> FigureData:
    """Torques against heavy-metal thickness for each source alone.

    Parameters
    ----------
    film : Bilayer
    mesh : FermiSurfaceMesh
        For the Boltzmann equation and for the tensors.
    thicknesses : sequence of float
        nm, ascending; the first and last stand for the limits of none and of a thick metal.
    progress : callable, optional

    Returns
    -------
    FigureData
    """
    data = _empty("fig2", film, mesh, source=_names(SOURCES, "source of the torque"))
    data.axes["heavy_metal_thickness"] = Axis(
        tuple(thicknesses), "nm", "thickness of the heavy metal"
    )
    parameters = {source: boundary_layer_parameters(film, mesh, source) for source in SOURCES}
    table: list[list[list[TorqueNames]]] = [[[] for _ in MODELS] for _ in SOURCES]
    told = Counted(len(thicknesses), 0, lambda line: progress(f"fig2: {line}"), "films")
    for thickness in thicknesses:
        film_here = _with_thickness(film, thickness)
        for source, rows in zip(SOURCES, table, strict=True):
            found = _solve_all(film_here, mesh, source)
            found["boundary_layer"] = parameters[source].response(thickness)
            for row, model in zip(rows, MODELS, strict=True):
                row.append(found[model])
        told.add(1)
    _add_torques(data, ("source", "model", "heavy_metal_thickness"), table)

    thin = replace(film, ferromagnet=replace(film.ferromagnet, thickness=VANISHING))
    record = solve_boltzmann(thin, mesh, source="rashba").record()
    for part in TORQUE_PARTS:
        for kind in KINDS:
            name = f"torque_{part}_{kind}"
            meaning = (
                f"{VARIABLES[name].long_name} (Boltzmann, Rashba alone, {VANISHING:g} nm of Co)"
            )
            data._add(f"thin_ferromagnet_{name}", Variable((), _SIEMENS, meaning), record[name])
    conductance = mixing_conductance(film)
    for part in ("real", "imag"):
        meaning = f"{part} part of the mixing conductance at u_R = 0"
        data._add(
            f"mixing_conductance_{part}",
            Variable((), "1/(Ohm m^2)", meaning),
            getattr(conductance, part),
        )
    _add_sources(data, (), [film], mesh)
    metal = film.heavy_metal
    data._add(
        "heavy_metal_conductivity",
        Variable((), _SIEMENS, "bulk conductivity of the heavy metal, both spins"),
        metal.conductivity(film.fermi_wavevector),
    )
    data._add(
        "spin_diffusion_length",
        Variable((), "nm", "spin diffusion length of the heavy metal"),
        spin_diffusion_length(metal),
    )
    return data


def grid_data(
    name: str,
    film: Bilayer,
    mesh: FermiSurfaceMesh,
    ratios: Sequence[float],
    exchanges: Sequence[float],
    progress: Progress = lambda message: None,
) -> FigureData:
    """Torques of the Rashba effect alone for all strengths of Rashba and exchange terms.

    Parameters
    ----------
    name : {"fig3", "fig4"}
    film : Bilayer
    mesh : FermiSurfaceMesh
    ratios : sequence of float
        u_R / u_0.
    exchanges : sequence of float
        u_ex.
    progress : callable, optional

    Returns
    -------
    FigureData
    """
    # No spin Hall effect here, so that nothing but the tensors drives a torque.
    film = replace(film, heavy_metal=replace(film.heavy_metal, spin_hall_angle=0.0))
    data = _empty(
        name,
        film,
        mesh,
        rashba_ratio=Axis(tuple(ratios), "1", "u_R / u_0, Rashba strength over barrier"),
        exchange=Axis(tuple(exchanges), "1", "u_ex, interfacial exchange strength"),
    )
    assert isinstance(film.interface, DeltaInterface)
    u0 = film.interface.barrier
    films = [
        replace(
            film,
            interface=RashbaInterface(
                u0, exchange=e, rashba=ratio * u0, magnetization=film.interface.magnetization
            ),
        )
        for ratio in ratios
        for e in exchanges
    ]
    rows: list[list[TorqueNames]] = [[] for _ in MODELS]
    changes, without = [], []
    told = Counted(len(films), 0, lambda line: progress(f"{name}: {line}"), "films")
    for film_here in films:
        found = _solve_all(film_here, mesh, "rashba")
        found["boundary_layer"] = boundary_layer_parameters(film_here, mesh, "rashba").response()
        for row, model in zip(rows, MODELS, strict=True):
            row.append(found[model])
        changes.append(_conductance_change(film_here, mesh))
        bare = solve_drift_diffusion(film_here, source="spin_hall", mesh=mesh)
        without.append(float(np.linalg.norm(bare.torque_total)))
        told.add(1)
    shape = ("rashba_ratio", "exchange")
    _add_torques(data, ("model", *shape), rows)
    _add_sources(data, shape, films, mesh)
    lengths = (len(ratios), len(exchanges))
    for key, units, meaning, column in (
        (
            "conductance_change",
            "1",
            "relative change of the transverse conductance matrix by u_R",
            changes,
        ),
        (
            "torque_without_tensors",
            _SIEMENS,
            "drift-diffusion torque without conductivity and torkivity tensors, per E~",
            without,
        ),
    ):
        data._add(key, Variable(shape, units, meaning), np.reshape(column, lengths))
    return data


def write_figure_data(path: Path, data: FigureData, config: RunConfig) -> None:
    """Write the numbers of a figure as a result file.

    Parameters
    ----------
    path : Path
        Must not exist.
    data : FigureData
    config : RunConfig
        The film it was computed for; stored with the data.
    """
    from torkivity.study.plan import version_attributes

    attributes = {
        "title": _TITLES[data.name],
        **version_attributes(),
        "boltzmann_mesh": data.mesh,
        "config_toml": to_toml(config.film, config),
    }
    with create_results(path, data.variables, axes=data.axes, attributes=attributes) as results:
        results.write(data.values)


def _names(names: Sequence[str] | Mapping[str, str], meaning: str) -> Axis:
    return Axis(tuple(names), "", meaning)


def _empty(name: str, film: Bilayer, mesh: FermiSurfaceMesh, **axes: Axis) -> FigureData:
    models = _names(MODELS, "; ".join(f"{key}: {text}" for key, text in MODELS.items()))
    return FigureData(name, film, mesh.name, {**axes, "model": models})


def _with_thickness(film: Bilayer, thickness: float) -> Bilayer:
    return replace(film, heavy_metal=replace(film.heavy_metal, thickness=thickness))


def _solve_all(
    film: Bilayer, mesh: FermiSurfaceMesh, source: SingleSource
) -> dict[str, TorqueNames]:
    """Solutions by model, without the boundary-layer one, which serves all thicknesses."""
    return {
        "boltzmann": solve_boltzmann(film, mesh, source=source),
        "particular": solve_drift_diffusion(film, "particular", source=source, mesh=mesh),
        "half_space": solve_drift_diffusion(film, "half_space", source=source, mesh=mesh),
    }


def _add_torques(data: FigureData, dims: tuple[str, ...], solutions: object) -> None:
    """Both components of every torque, from nested lists of solutions along `dims`."""
    shape = tuple(len(data.axes[dim].values) for dim in dims)
    table = np.empty(shape, dtype=object).ravel()
    table[:] = _flat(solutions)
    records = [solution.record() for solution in table]
    for part in TORQUE_PARTS:
        for kind in KINDS:
            name = f"torque_{part}_{kind}"
            column = [record[name] for record in records]
            data._add(name, replace(VARIABLES[name], dims=dims), np.reshape(column, shape))


def _flat(nested: object) -> list[TorqueNames]:
    if isinstance(nested, list):
        return [solution for part in nested for solution in _flat(part)]
    assert isinstance(nested, TorqueNames)
    return [nested]


def _add_sources(
    data: FigureData, dims: tuple[str, ...], films: Sequence[Bilayer], mesh: FermiSurfaceMesh
) -> None:
    """Driven currents j_E(0-), j_E(0+) and torque tau_E of Appendix B."""
    shape = tuple(len(data.axes[dim].values) for dim in dims)
    rows = []
    for film in films:
        tensors = interface_tensors(film, mesh)
        field_direction = film.stack().field_direction
        frame = np.array(torque_frame(film.magnetization, field_direction))
        driven = (
            tensors.conductivity,
            tensors.torkivity_ferromagnet,
            tensors.torkivity_interface,
        )
        rows.append([frame @ tensor[:3] @ field_direction[:2] for tensor in driven])
    table = np.array(rows)
    for i, (name, meaning) in enumerate(
        (
            ("driven_current_minus", "spin current j_E(0-) driven at the interface (App. B)"),
            ("driven_current_plus", "spin current j_E(0+) driven at the interface (App. B)"),
            ("driven_torque", "torque tau_E driven at the interface (App. B)"),
        )
    ):
        for k, kind in enumerate(KINDS):
            text = f"{kind.replace('_', '-')} part of the {meaning}, per E~"
            data._add(
                f"{name}_{kind}", Variable(dims, _SIEMENS, text), table[:, i, k].reshape(shape)
            )


def _conductance_change(film: Bilayer, mesh: FermiSurfaceMesh) -> float:
    """Relative change of the transverse conductance matrix when u_R is kept in it."""
    m = np.array(film.magnetization)
    across = np.eye(3) - np.outer(m, m)
    bare, full = (
        across @ circuit_conductances(film, keep_rashba=keep, mesh=mesh).reflection[:3, :3] @ across
        for keep in (False, True)
    )
    return float(np.linalg.norm(full - bare) / np.linalg.norm(bare))
