"""Result files as CSV and JSON, and torques as input of mumax3 and cmtj."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

import torkivity
from torkivity.units import CURRENT_DENSITY, QUANTITIES, convert_torque
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.errors import InputError
from torkivity_engine.record import COORDINATES
from torkivity_hpc.store import STATUS, read_values

__all__ = [
    "MODELS",
    "FilmTorque",
    "ResultTable",
    "cmtj_script",
    "film_torque",
    "in_quantity",
    "mumax3_script",
    "read_results",
    "table_csv",
    "table_json",
]

FloatArray = NDArray[np.float64]

#: Models whose torques go to a simulation.
MODELS: dict[str, str] = {
    "boltzmann": "Boltzmann equation",
    "drift_diffusion": "drift-diffusion",
    "boundary_layer": "boundary-layer-exact drift-diffusion",
}

_VACUUM_PERMEABILITY = 1.25663706127e-6  # T m/A, CODATA 2022


@dataclass(frozen=True, eq=False)
class ResultTable:
    """The numbers of a result file.

    Attributes
    ----------
    attributes : dict of str to str or float
        Origin of the file.
    coordinates : dict of str to ndarray
        By dimension: numbers, or names of components.
    units : dict of str to str
        Of coordinates and variables.
    meanings : dict of str to str
        Of variables.
    dims : dict of str to tuple of str
        Of variables.
    values : dict of str to ndarray
        Of variables; NaN at points of a sweep that are not done.
    """

    attributes: dict[str, Any]
    coordinates: dict[str, NDArray[Any]]
    units: dict[str, str]
    meanings: dict[str, str]
    dims: dict[str, tuple[str, ...]]
    values: dict[str, FloatArray]


def read_results(path: Path) -> ResultTable:
    """Read a result file of a single film or of a sweep.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ResultTable

    Raises
    ------
    InputError
        If it is not a result file.
    """
    if not path.is_file():
        raise InputError("file", str(path), "no such file")
    if not h5py.is_hdf5(path):
        raise InputError("file", str(path), "is not an HDF5 file")
    with h5py.File(path, "r") as file:
        if "status" not in file or "torkivity_version" not in file.attrs:
            raise InputError("file", str(path), "is an HDF5 file, but not one of torkivity's")
        status = file["status"]
        grid = _dims(status)
        done = np.asarray(status[...]) == STATUS["done"]
        table = ResultTable(
            attributes={name: _plain(value) for name, value in file.attrs.items()},
            coordinates={n: read_values(item) for n, item in file.items() if item.is_scale},
            units={n: str(item.attrs.get("units", "1")) for n, item in file.items()},
            meanings={n: str(item.attrs.get("long_name", "")) for n, item in file.items()},
            dims={},
            values={},
        )
        for name, item in file.items():
            if item.is_scale or item.dtype.kind != "f":
                continue
            values = np.array(item[...], dtype=np.float64)
            dims = _dims(item)
            if dims[: len(grid)] == grid:
                values[~done] = np.nan
            table.dims[name], table.values[name] = dims, values
    return table


def _dims(dataset: Any) -> tuple[str, ...]:
    return tuple(dim[0].name.lstrip("/") for dim in dataset.dims)


def _plain(value: Any) -> Any:
    """Attribute as what JSON can hold."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value


def in_quantity(
    table: ResultTable,
    quantity: str,
    *,
    resistivity: float | None = None,
    saturation_magnetization: float | None = None,
    ferromagnet_thickness: float | None = None,
) -> ResultTable:
    """Torques of a table in another normalisation.

    Parameters
    ----------
    table : ResultTable
    quantity : str
        A name of `torkivity.units.QUANTITIES`.
    resistivity, saturation_magnetization, ferromagnet_thickness : float, optional
        Ohm m, A/m, nm; by default those of the film, where the file has them.

    Returns
    -------
    ResultTable
        Variables with ``torque`` in their names converted, the rest as before.
    """
    if resistivity is None and table.dims.get("heavy_metal_conductivity") == ():
        resistivity = 1.0 / float(table.values["heavy_metal_conductivity"])
    thickness = ferromagnet_thickness
    if thickness is None:
        thickness = _config(table).get("ferromagnet", {}).get("thickness")
    values, units = dict(table.values), dict(table.units)
    for name, array in table.values.items():
        if "torque_" not in name or table.units[name] != QUANTITIES["per_e_tilde"]:
            continue
        values[name] = convert_torque(
            *(array, "per_e_tilde", quantity),
            resistivity=resistivity,
            saturation_magnetization=saturation_magnetization,
            ferromagnet_thickness=thickness,
        )
        units[name] = QUANTITIES[quantity]
    return ResultTable(
        table.attributes, table.coordinates, units, table.meanings, table.dims, values
    )


def table_csv(table: ResultTable) -> str:
    """A table as CSV, one number per line.

    Parameters
    ----------
    table : ResultTable

    Returns
    -------
    str
        Columns: variable, component, one per axis, value, unit. Empty where an axis does not
        concern the variable or the value is not known.
    """
    axes = [name for name in table.coordinates if name not in COORDINATES]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    titles = [f"{name} [{table.units[name]}]" for name in axes]
    writer.writerow(["variable", "component", *titles, "value", "unit"])
    for name, values in table.values.items():
        for place, index in _entries(table, name):
            component = " ".join(str(place[dim]) for dim in table.dims[name] if dim in COORDINATES)
            where = [place.get(axis, "") for axis in axes]
            value = float(values[index])
            number = repr(value) if math.isfinite(value) else ""
            writer.writerow([name, component, *where, number, table.units[name]])
    return out.getvalue()


def _entries(table: ResultTable, name: str) -> Iterator[tuple[dict[str, Any], tuple[int, ...]]]:
    """Coordinates and index of each number of a variable."""
    dims = table.dims[name]
    for index in itertools.product(*(range(len(table.coordinates[dim])) for dim in dims)):
        place = {d: table.coordinates[d][i] for d, i in zip(dims, index, strict=True)}
        yield place, index


def table_json(table: ResultTable) -> str:
    """A table as JSON: attributes, coordinates, variables; null where a value is not known.

    Parameters
    ----------
    table : ResultTable

    Returns
    -------
    str
    """
    content = {
        "attributes": table.attributes,
        "coordinates": {
            name: {"units": table.units[name], "values": values.tolist()}
            for name, values in table.coordinates.items()
        },
        "variables": {
            name: {
                "dims": list(table.dims[name]),
                "units": table.units[name],
                "long_name": table.meanings[name],
                "values": _nullable(values.tolist()),
            }
            for name, values in table.values.items()
        },
    }
    return json.dumps(_nullable(content), indent=1, allow_nan=False) + "\n"


def _nullable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _nullable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_nullable(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _config(table: ResultTable) -> dict[str, Any]:
    return dict(json.loads(table.attributes.get("config_json", "{}")))


@dataclass(frozen=True)
class FilmTorque:
    """Torques on a macrospin, dm/dt = gamma [B_DL m x (p x m) + B_FL p x m].

    Attributes
    ----------
    damping_like, field_like : float
        Efficiencies xi: B = (hbar / 2e) xi J / (M_s t_FM), as coefficients of the vector
        products, that is divided by the length of m x y_p at the m of the film.
    polarization : tuple of float
        p = -z x E: magnetic moment of the spins that a positive spin Hall angle sends up.
    field_direction : tuple of float
        Unit vector along E and the current.
    magnetization : tuple of float
        Direction for which the torques were computed.
    saturation_magnetization : float
        A/m.
    thickness : float
        Of the ferromagnet, nm.
    resistivity : float
        Of the heavy metal, Ohm m.
    origin : str
        For a comment.
    """

    damping_like: float
    field_like: float
    polarization: tuple[float, float, float]
    field_direction: tuple[float, float, float]
    magnetization: tuple[float, float, float]
    saturation_magnetization: float
    thickness: float
    resistivity: float
    origin: str

    def effective_field(self, xi: float) -> float:
        """Effective field in T per A/m^2 of current density in the heavy metal."""
        millitesla = convert_torque(
            *(xi, "efficiency", "effective_field"),
            resistivity=self.resistivity,
            saturation_magnetization=self.saturation_magnetization,
            ferromagnet_thickness=self.thickness,
        )
        return float(millitesla) / 1e3 / CURRENT_DENSITY


def film_torque(
    table: ResultTable,
    saturation_magnetization: float,
    *,
    model: str = "boltzmann",
    resistivity: float | None = None,
    mirrored: bool = False,
    file: str = "",
) -> FilmTorque:
    """Total torque of a computed film, ready for a simulation.

    Parameters
    ----------
    table : ResultTable
        Of 'torkivity run'.
    saturation_magnetization : float
        A/m.
    model : str, optional
        A name of `MODELS`.
    resistivity : float, optional
        Ohm m; by default that of the film's heavy metal.
    mirrored : bool, optional
        For the film upside down, heavy metal above.
    file : str, optional
        Name of the file, for a comment.

    Returns
    -------
    FilmTorque

    Raises
    ------
    InputError
        If the file is not that of a single film, the model is not in it, or m is parallel to
        z x E.
    """
    if not (math.isfinite(saturation_magnetization) and saturation_magnetization > 0.0):
        raise InputError(
            "saturation_magnetization", saturation_magnetization, "must be positive, in A/m"
        )
    config = _config(table)
    names = [f"{model}_all_torque_total_{part}" for part in ("damping_like", "field_like")]
    if "film" not in config or table.dims.get("boltzmann_all_torque_total_damping_like") != ():
        raise InputError("file", file, "is not a result of 'torkivity run'")
    if any(name not in table.values for name in names):
        raise InputError("model", model, f"is not in {file}; known: {', '.join(MODELS)}")
    components = [float(table.values[name]) for name in names]
    if not all(map(math.isfinite, components)):
        raise InputError(
            "file", file, "has no damping-like and field-like torque: m is parallel to z x E"
        )
    film = config["film"]
    angle = math.radians(film["field_direction_deg"])
    along = np.array([math.cos(angle), math.sin(angle), 0.0])
    y_p = np.cross([0.0, 0.0, 1.0], along)
    m = _magnetization(film)
    rho = resistivity
    if rho is None:
        rho = 1.0 / float(table.values["heavy_metal_conductivity"])
    damping, field = convert_torque(
        *(components, "per_e_tilde", "efficiency"), resistivity=rho, mirrored=mirrored
    ) / np.linalg.norm(np.cross(m, y_p))
    stacking = "above" if mirrored else "below"
    return FilmTorque(
        damping_like=float(damping),
        field_like=float(field),
        polarization=_triple(-y_p),
        field_direction=_triple(along),
        magnetization=_triple(m * (np.array([-1.0, -1.0, 1.0]) if mirrored else 1.0)),
        saturation_magnetization=saturation_magnetization,
        thickness=float(config["ferromagnet"]["thickness"]),
        resistivity=rho,
        origin=f"{file}, {MODELS[model]}, heavy metal {stacking} the ferromagnet, "
        f"torkivity {torkivity.__version__}",
    )


def _magnetization(film: dict[str, Any]) -> FloatArray:
    angles = film.get("magnetization_angles_deg")
    if angles is not None:
        theta, phi = math.radians(angles["theta"]), math.radians(angles["phi"])
        polar = (math.sin(theta) * math.cos(phi), math.sin(theta) * math.sin(phi))
        return np.array([*polar, math.cos(theta)])
    vector = np.array(film.get("magnetization", [0.0, 0.0, 1.0]))
    return np.asarray(vector / np.linalg.norm(vector))


def _triple(vector: FloatArray) -> tuple[float, float, float]:
    x, y, z = (float(part) + 0.0 for part in np.round(vector, 12))
    return (x, y, z)


def _vector(parts: tuple[float, float, float]) -> str:
    return f"({', '.join(f'{part:.10g}' for part in parts)})"


def mumax3_script(torque: FilmTorque, current_density: float = CURRENT_DENSITY) -> str:
    """Lines for a mumax3 script.

    Parameters
    ----------
    torque : FilmTorque
    current_density : float, optional
        In the heavy metal, along E, A/m^2.

    Returns
    -------
    str

    Raises
    ------
    InputError
        If there is no damping-like torque, which mumax3 refuses.
    """
    if torque.damping_like == 0.0:
        raise InputError("damping-like torque", 0.0, "must not be zero: mumax3 refuses Pol = 0")
    current = _vector(torque.field_direction)
    return f"""\
// Spin-orbit torques: {torque.origin}
// xi_DL = {torque.damping_like:.6g}, xi_FL = {torque.field_like:.6g} \
at rho = {torque.resistivity:.6g} Ohm m, for m = {_vector(torque.magnetization)}.
// mumax3: dm/dt = gamma [A m x (p x m) + B p x m] before damping, p = FixedLayer,
//   A = hbar J_z / (e Msat d) * Pol / 2 with Lambda = 1,  B = hbar J_z / (e Msat d) * EpsilonPrime.
// J_z stands for the current density in the heavy metal, which flows along {current}.
Msat = {torque.saturation_magnetization:.10g}
FreeLayerThickness = {torque.thickness * METRE_PER_NM:.10g}
Lambda = 1
Pol = {torque.damping_like:.10g}
EpsilonPrime = {0.5 * torque.field_like:.10g}
FixedLayer = vector{_vector(torque.polarization)}
FixedLayerPosition = FIXEDLAYER_TOP
DisableZhangLiTorque = true
J = vector(0, 0, {current_density:.10g})
"""


def cmtj_script(torque: FilmTorque, current_density: float = CURRENT_DENSITY) -> str:
    """Python program that simulates the film as one cmtj macrospin under a current.

    Parameters
    ----------
    torque : FilmTorque
    current_density : float, optional
        In the heavy metal, along E, A/m^2.

    Returns
    -------
    str
    """
    per_tesla = 1.0 / _VACUUM_PERMEABILITY
    damping = torque.effective_field(torque.damping_like) * per_tesla
    field = torque.effective_field(torque.field_like) * per_tesla
    # A little more than the demagnetization of a film.
    anisotropy = 0.55 * torque.saturation_magnetization**2 * _VACUUM_PERMEABILITY
    return f'''\
"""Macrospin under spin-orbit torques: {torque.origin}.

xi_DL = {torque.damping_like:.6g}, xi_FL = {torque.field_like:.6g} \
at rho = {torque.resistivity:.6g} Ohm m, for m = {_vector(torque.magnetization)}.
"""

from cmtj import CVector, Junction, Layer, ScalarDriver

MS = {torque.saturation_magnetization * _VACUUM_PERMEABILITY:.10g}  # T
THICKNESS = {torque.thickness * METRE_PER_NM:.10g}  # m
P = {_vector(torque.polarization)}
# Effective fields in A/m per A/m^2 of current density: H_DL m x p and H_FL p.
DAMPING_LIKE = {damping:.10g}
FIELD_LIKE = {field:.10g}
# Examples; put those of the film here.
ALPHA = 0.02
ANISOTROPY = {anisotropy:.6g}  # J/m^3, along z
DEMAGNETIZATION = (0.0, 0.0, 1.0)


def run(current_density, duration, start={_vector(torque.magnetization)}, step=1e-13):
    """m after a current pulse, [x, y, z]."""
    nx, ny, nz = DEMAGNETIZATION
    layer = Layer.createSOTLayer(
        id="free",
        mag=CVector(*start),
        anis=CVector(0, 0, 1),
        Ms=MS,
        thickness=THICKNESS,
        cellSurface=1e-14,
        demagTensor=[CVector(nx, 0, 0), CVector(0, ny, 0), CVector(0, 0, nz)],
        damping=ALPHA,
        fieldLikeTorque=FIELD_LIKE,
        dampingLikeTorque=DAMPING_LIKE,
    )
    layer.setReferenceLayer(CVector(*P))
    film = Junction([layer])
    film.setLayerAnisotropyDriver("free", ScalarDriver.getConstantDriver(ANISOTROPY))
    film.setLayerCurrentDriver("free", ScalarDriver.getConstantDriver(current_density))
    film.runSimulation(duration, step, step)
    log = film.getLog()
    return [log[f"free_m{{axis}}"][-1] for axis in "xyz"]


if __name__ == "__main__":
    print(run({current_density:.10g}, 1e-9))
'''
