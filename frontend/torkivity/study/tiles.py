"""Where the search for a point's mesh begins: with the mesh of the tile it lies in.

With a tolerance instead of a mesh, every point is solved on two meshes, and refined on its own
where they do not agree. That costs little if the first guess is right. It is made for a tile of
points at once, by a search on one film of it:

- numbers lie in the same tile from 4^k up to 4^(k+1), and 2 4^k is its middle; negative ones
  alike, and zero and infinity are tiles of their own;
- angles, in steps of 90 degrees, and numbers of a short range, in the halves of it;
- words, and settings of the solvers, each for itself;
- a source of torque, and a rule for polar angles, each for itself.

The film is the one in the middle, or, if another polar rule suits that one, the nearest of those
a quarter of the way (of the logarithm, for numbers) from the tile's ends. Its search also says
what part of the difference from a coarse mesh is error, so that points can be compared with a
mesh of an eighth of their directions; where poles near grazing incidence make films of a tile
too different for that, with one of a quarter.

So a tile follows from the values of a point alone, and what a point gives from its own values:
not from the points that are there beside it, the order or the process they are computed in. What
was found for a tile is kept with its points (`TILE_VARIABLES`), and a resumed sweep reads it.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice, product

import numpy as np

from torkivity.study.boltzmann import solve_boltzmann_case
from torkivity.study.case import Case
from torkivity_engine.errors import POINT_ERRORS
from torkivity_engine.film.parameters import Parameter
from torkivity_engine.film.parameters import parameters as film_parameters
from torkivity_engine.film.sources import film_with_source
from torkivity_engine.record import Variable
from torkivity_engine.refine import flattened, polar_rule_for
from torkivity_engine.tolerance import RefinedMesh, Tolerance
from torkivity_hpc.files.store import STATUS
from torkivity_hpc.files.sweepfile import SweepFile
from torkivity_hpc.grid import Grid, IntArray, Value
from torkivity_meshes import POLAR_RULES, SphericalMesh

__all__ = ["MESH_VARIABLES", "Tile", "TileMesh", "Tiles", "mesh_record", "tile_of"]

_RULES = tuple(POLAR_RULES)

#: What a point says of its mesh where a tolerance chooses it.
MESH_VARIABLES: dict[str, Variable] = {
    "mesh_error": Variable(
        (), "1", "estimated mesh error of currents and torques, beside the largest total torque"
    ),
    "mesh_n_polar": Variable((), "1", "polar angles per hemisphere that the point was solved on"),
    "mesh_n_azimuth": Variable((), "1", "azimuthal angles that the point was solved on"),
    "mesh_polar_rule": Variable(
        (), "1", f"rule of the polar angles: {', '.join(f'{i} {r}' for i, r in enumerate(_RULES))}"
    ),
    "tile_n_polar": Variable((), "1", "polar angles found for the tile of the point"),
    "tile_n_azimuth": Variable((), "1", "azimuthal angles found for the tile of the point"),
    "tile_shortcut": Variable(
        (), "1", "error over the difference from a quarter of the polar angles, for the tile"
    ),
}

#: A bounded range no longer than this is halved; others are seen on a logarithmic scale.
_SHORT_RANGE = 2.0
_ANGLE_STEP = 90.0

#: Beyond this a film in the middle of a tile says nothing about its points.
_LARGEST_OF_TILE = 128

#: What stands for a tile is refined to this part of the tolerance, since other points of it
#: are worse.
_SPARE = 0.5

#: The error of a mesh is not believed to fall by more than this when polar angles are doubled.
_LEAST_SHARE = 0.05

#: Where in a tile the values lie that stand for it.
_PARTS = (0.5, 0.25, 0.75)

_DEFAULT = Tolerance(0.5).start
#: Films of a tile that are looked at for one whose polar rule is that of the point.
_MOST_TRIED = 243

_Key = tuple[Value, ...]


@dataclass(frozen=True)
class Tile:
    """Tile of a value along its own axis.

    Attributes
    ----------
    label : float, int or str
        What says which.
    representatives : tuple of value
        Values that stand for it, the middle first.
    """

    label: Value
    representatives: tuple[Value, ...]


def tile_of(parameter: Parameter, value: Value) -> Tile:
    """Tile of a value along its own axis.

    Parameters
    ----------
    parameter : Parameter
        Of a film: unit and limits.
    value : float, int or str

    Returns
    -------
    Tile
    """
    quantity = parameter.quantity
    if not isinstance(value, float) or quantity is None:
        return Tile(value, (value,))
    if quantity.unit == "degree":
        step = math.floor(value / _ANGLE_STEP)
        return Tile(step, tuple((step + part) * _ANGLE_STEP for part in _PARTS))
    low = quantity.ge if quantity.ge is not None else quantity.gt
    high = quantity.le if quantity.le is not None else quantity.lt
    if low is not None and high is not None and high - low <= _SHORT_RANGE:
        half = int(value >= 0.5 * (low + high))
        return Tile(half, tuple(low + 0.5 * (half + part) * (high - low) for part in _PARTS))
    if value == 0.0 or math.isinf(value):
        return Tile(value, (value,))
    power = (math.frexp(abs(value))[1] - 1) // 2
    sign = math.copysign(1.0, value)
    return Tile(f"{sign:+g} {power}", tuple(sign * 4.0 ** (power + part) for part in _PARTS))


def _shortcut(film: Case, source: str, found: RefinedMesh) -> float:
    """What part the error of a found mesh is of the difference from a quarter of its angles."""
    start = found.n_polar // 4, found.n_azimuth // 2
    quarter = next((t.values for t in found.trials if (t.n_polar, t.n_azimuth) == start), None)
    if quarter is None:
        mesh = SphericalMesh(*start, found.polar_rule)
        quarter = flattened(solve_boltzmann_case(replace(film, given_mesh=mesh), source).interfaces)
    difference = float(np.abs(found.values - quarter).max())
    share = float(found.error.max()) / difference if difference > 0.0 else 1.0
    return min(2.0 * max(share, _LEAST_SHARE), 1.0)


def _rule(case: Case, source: str) -> str:
    return polar_rule_for(film_with_source(case.film, source))


@dataclass(frozen=True)
class TileMesh:
    """Where the points of a tile begin.

    Attributes
    ----------
    n_polar, n_azimuth : int
        The mesh that is expected to do.
    shortcut : float or None
        As of `torkivity_engine.tolerance.Tolerance`; None to compare with half the sizes.
    """

    n_polar: int
    n_azimuth: int
    shortcut: float | None = None

    def tolerance(self, case: Case) -> Tolerance:
        """What a point is solved to, beginning with this mesh."""
        rtol = case.settings.mesh.rtol
        assert rtol is not None
        return Tolerance(rtol, (self.n_polar // 2, self.n_azimuth // 2), shortcut=self.shortcut)


def mesh_record(refinement: RefinedMesh | None, tile: TileMesh) -> dict[str, float]:
    """Numbers by the names of `MESH_VARIABLES`."""
    if refinement is None:  # a model that needs no mesh for this film
        return {name: np.nan for name in MESH_VARIABLES}
    return {
        "mesh_error": refinement.relative,
        "mesh_n_polar": refinement.n_polar,
        "mesh_n_azimuth": refinement.n_azimuth,
        "mesh_polar_rule": _RULES.index(refinement.polar_rule),
        "tile_n_polar": tile.n_polar,
        "tile_n_azimuth": tile.n_azimuth,
        "tile_shortcut": np.nan if tile.shortcut is None else tile.shortcut,
    }


@dataclass
class Tiles:
    """Meshes of tiles, found when they are first asked for.

    Attributes
    ----------
    case : Case
        What all points have in common.
    known : dict of TileMesh
        By tile.
    """

    case: Case
    known: dict[_Key, TileMesh] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Settings are no numbers of a film: each value is a tile of its own.
        self._parameters = film_parameters(self.case.film)

    def mesh(self, case: Case, values: Mapping[str, Value], source: str) -> TileMesh:
        """Mesh of the tile that a point lies in.

        Parameters
        ----------
        case : Case
            Of the point.
        values : mapping of str to value
            Parameters of the point by path.
        source : str
        """
        rule = _rule(case, source)
        key = self._key(values, source, rule)
        if key not in self.known:
            self.known[key] = self._found(values, source, rule)
        return self.known[key]

    def learn(self, case: Case, source: str, found: RefinedMesh | None) -> TileMesh:
        """Take over the mesh of a single film."""
        assert found is not None
        key = self._key({}, source, _rule(case, source))
        self.known[key] = TileMesh(found.n_polar, found.n_azimuth)
        return self.known[key]

    def _key(self, values: Mapping[str, Value], source: str, rule: str) -> _Key:
        return (*self._along(values), source, rule)

    def _found(self, values: Mapping[str, Value], source: str, rule: str) -> TileMesh:
        """Mesh of the film that stands for a tile."""
        with contextlib.suppress(*POINT_ERRORS):
            film = self._representative(values, source, rule)
            rtol = film.settings.mesh.rtol
            assert rtol is not None
            tolerance = Tolerance(_SPARE * rtol, polar_rule=rule, largest=_LARGEST_OF_TILE)
            found = solve_boltzmann_case(film, source, tolerance).refinement
            assert found is not None
            shortcut = None
            if rule != "graded":  # a pole is felt by some points of a tile and not by others
                shortcut = _shortcut(film, source, found)
            return TileMesh(found.n_polar, found.n_azimuth, shortcut)
        # No such film, or none that can be solved: each point searches from the beginning.
        return TileMesh(2 * _DEFAULT[0], 2 * _DEFAULT[1])

    def recall(self, file: SweepFile, grid: Grid) -> None:
        """Take over what a file knows of tiles, from one point that is done in each.

        Parameters
        ----------
        file : SweepFile
            Of this grid.
        grid : Grid
            Its last two dimensions are model and source.
        """
        done = np.flatnonzero(file.status() == STATUS["done"])
        if not len(done):
            return
        names = ("mesh_polar_rule", "tile_n_polar", "tile_n_azimuth", "tile_shortcut")
        columns = [file.values(name)[done, 0] for name in names]
        solved = ~np.isnan(columns[1])
        done, rules, polar, azimuth, share = (column[solved] for column in (done, *columns))
        _, places = np.unique(len(_RULES) * self._labels(grid)[done] + rules, return_index=True)
        for i in places.tolist():
            values = grid.point(int(done[i]))
            source = str(values.pop("source"))
            del values["model"]
            rule = _RULES[int(rules[i])]
            shortcut = None if np.isnan(share[i]) else float(share[i])
            mesh = TileMesh(int(polar[i]), int(azimuth[i]), shortcut)
            self.known[self._key(values, source, rule)] = mesh

    def _representative(self, values: Mapping[str, Value], source: str, rule: str) -> Case:
        """The first film of a tile, from its middle outwards, that the polar rule suits."""
        along = [
            [(name, value) for value in self._tile(name, v).representatives]
            for name, v in values.items()
        ]
        # From the middle outwards: by how many values are not in the middle of their own tile.
        numbered = islice(product(*(enumerate(x) for x in along)), _MOST_TRIED)
        for candidate in sorted(numbered, key=lambda x: sum(i > 0 for i, _ in x)):
            with contextlib.suppress(*POINT_ERRORS):
                case = self.case.varied(dict(item for _, item in candidate))
                if _rule(case, source) == rule:
                    return case
        return self.case.varied(dict(x[0] for x in along))

    def _labels(self, grid: Grid) -> IntArray:
        """Number of the tile of every point, but for its polar rule."""
        labels = np.zeros(1, dtype=np.int64)
        for dimension in grid.dimensions:
            numbers: dict[_Key, int] = {}
            along = [
                numbers.setdefault(self._along(dimension.row(i)), len(numbers))
                for i in range(len(dimension))
            ]
            labels = (labels[:, None] * len(numbers) + np.array(along)).reshape(-1)
        return labels

    def _along(self, row: Mapping[str, Value]) -> _Key:
        return tuple(self._tile(name, value).label for name, value in row.items())

    def _tile(self, name: str, value: Value) -> Tile:
        parameter = self._parameters.get(name)
        return Tile(value, (value,)) if parameter is None else tile_of(parameter, value)
