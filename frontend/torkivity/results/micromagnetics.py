"""Torques of computed films as input of micromagnetic and macrospin programs: mumax3 and cmtj.

The texts are the files in ``templates``; here are the numbers that go into them.
"""

from __future__ import annotations

import json
import math
import textwrap
from dataclasses import dataclass
from importlib import resources
from string import Template

import numpy as np

from torkivity.catalogue import MODELS
from torkivity.results.tables import ResultTable
from torkivity.version import __version__
from torkivity_engine.arrays import FloatArray
from torkivity_engine.constants import METRE_PER_NM
from torkivity_engine.errors import InputError
from torkivity_engine.record import COMPONENTS
from torkivity_engine.spin import direction
from torkivity_engine.units import CURRENT_DENSITY, convert_torque

__all__ = ["FilmTorque", "cmtj_script", "film_torque", "mumax3_script"]


_VACUUM_PERMEABILITY = 1.25663706127e-6  # T m/A, CODATA 2022


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
    magnet: str | None = None,
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
        Of `torkivity.catalogue.MODELS`.
    magnet : str, optional
        By default the lowest.
    resistivity : float, optional
        Ohm m; by default that of the lowest non-magnetic layer.
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
    name = "magnet_torque_total"
    if table.attributes.get("kind") != "run":
        raise InputError("file", file, "is not a result of 'torkivity run'")
    magnets = list(table.coordinates["magnet"])
    magnet = magnets[0] if magnet is None else magnet
    where = {"model": model, "source": "all", "magnet": magnet}
    components = [float(table.at(f"{name}_{part}", **where)) for part in COMPONENTS]
    if not all(map(math.isfinite, components)):
        raise InputError(
            "file", file, "has no damping-like and field-like torque: m is parallel to z x E"
        )
    angles = json.loads(table.attributes["angles_json"])
    angle = math.radians(angles["field"])
    along = np.array([math.cos(angle), math.sin(angle), 0.0])
    y_p = np.cross([0.0, 0.0, 1.0], along)
    m = np.array(direction(*np.radians([angles["magnets"][magnet][k] for k in ("theta", "phi")])))
    rho = table.resistivity() if resistivity is None else resistivity
    if rho is None:
        raise InputError("resistivity", None, "is needed: the film has no non-magnetic layer")
    thickness = next(layer["thickness"] for layer in table.layers if layer["name"] == magnet)
    if not thickness:
        raise InputError("magnet", magnet, "must have a thickness of its own: fields need it")
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
        thickness=float(thickness),
        resistivity=rho,
        origin=f"{file}, {MODELS[model].title}, heavy metal {stacking} the ferromagnet, "
        f"torkivity {__version__}",
    )


def _triple(vector: FloatArray) -> tuple[float, float, float]:
    x, y, z = (float(part) + 0.0 for part in np.round(vector, 12))
    return (x, y, z)


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
    return _filled(
        "mumax3.txt",
        torque,
        current_density,
        # epsilon = Pol / 2 for Lambda = 1, as B is (hbar / 2e) xi J / (M_s t_FM).
        pol=torque.damping_like,
        epsilon_prime=0.5 * torque.field_like,
    )


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
    polarization = _VACUUM_PERMEABILITY * torque.saturation_magnetization
    return _filled(
        "cmtj.txt",
        torque,
        current_density,
        polarization_tesla=polarization,
        # cmtj takes fields in A/m.
        damping_like=torque.effective_field(torque.damping_like) / _VACUUM_PERMEABILITY,
        field_like=torque.effective_field(torque.field_like) / _VACUUM_PERMEABILITY,
        # A little more than the demagnetization of a film.
        anisotropy=0.55 * torque.saturation_magnetization * polarization,
    )


def _filled(template: str, torque: FilmTorque, current_density: float, **numbers: float) -> str:
    """A template with what both programs need and some numbers of its own."""
    numbers |= {
        "xi_dl": torque.damping_like,
        "xi_fl": torque.field_like,
        "resistivity": torque.resistivity,
        "saturation_magnetization": torque.saturation_magnetization,
        "thickness": torque.thickness * METRE_PER_NM,
        "current_density": current_density,
    }
    vectors = {
        "magnetization": torque.magnetization,
        "polarization": torque.polarization,
        "field_direction": torque.field_direction,
    }
    values = {name: f"{number:.10g}" for name, number in numbers.items()}
    values |= {
        name: f"({', '.join(f'{part:.10g}' for part in parts)})" for name, parts in vectors.items()
    }
    text = (resources.files("torkivity") / "templates" / template).read_text("utf-8")
    comment = "// " if template.startswith("mumax3") else ""
    origin = f"\n{comment}".join(textwrap.wrap(torque.origin, 56))
    return Template(text).substitute(values, origin=origin)
