"""A film by the parameters of drift-diffusion, and back, as a configuration."""

from __future__ import annotations

from pathlib import Path

from torkivity.config.text import load_config, to_toml
from torkivity.study.case import Case
from torkivity.study.point import ferromagnet_level
from torkivity_engine.diffusion.quoting import kinetic_film, quoted_film
from torkivity_engine.diffusion.tensors import default_mesh
from torkivity_engine.film.kinetic import unkinetic_parts
from torkivity_engine.film.stack import as_stack

__all__ = ["other_parameters"]

_QUOTED = """\
# The film of {file} by quoted parameters: the same film to drift-diffusion.
# Currents that a field drives at interfaces are those of its directions of m and E.
"""
_KINETIC = """\
# The film of {file} with layers that the Boltzmann equation knows, the same to drift-diffusion.
# Interfaces stay as they are: conductances do not say how electrons scatter.
"""


def other_parameters(path: Path) -> str:
    """TOML text of a film by quoted parameters, or of its layers by kinetic ones if it is that.

    Parameters
    ----------
    path : Path
        Configuration file.

    Returns
    -------
    str
        A configuration that runs, with the same level of drift-diffusion.

    Raises
    ------
    ConfigError, InputError
        For what has no counterpart, naming the part of the film.
    """
    config = load_config(path)
    case = Case.of(config, path)
    stack = as_stack(case.film)
    parts = [*(x for x in stack.layers if not x.outermost_only), *stack.interfaces]
    kinetic = len(unkinetic_parts(stack)) < len(parts)
    # Conductances of interfaces are integrals that a tolerance of torques says nothing of.
    mesh = case.mesh() if case.tolerance is None else default_mesh()
    film = quoted_film(stack, mesh) if kinetic else kinetic_film(stack)
    level = config.drift_diffusion.model_copy(update={"ferromagnet": ferromagnet_level(case)})
    settings = config.model_copy(
        update={"film": film, "drift_diffusion": level, "sweep": None, "converge": None}
    )
    return (_QUOTED if kinetic else _KINETIC).format(file=path.name) + to_toml(film, settings)
