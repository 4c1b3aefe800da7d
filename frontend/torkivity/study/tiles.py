"""Where the search for a point's mesh begins: with the mesh of the tile it lies in.

With a tolerance instead of a mesh, every point is solved on the mesh that should be enough and on a
coarse one to check it by, and refined on its own where that is not so. What should be enough a film
says itself (`torkivity_engine.outlook`), but for what its interfaces do. So a search is made for a
tile of points at once, on one film of it, and no point of the tile begins with a coarser mesh:

- numbers lie in the same tile from 4^k up to 4^(k+1), and 2 4^k is its middle; negative ones
  alike, and zero and infinity are tiles of their own;
- angles, in steps of 90 degrees, and numbers of a short range, in the halves of it;
- words, and settings of the solvers, each for itself;
- a rule for polar angles, each for itself. Sources of torque share what was found with all of
  them at work.

The film is the one in the middle, or, if another polar rule suits that one, the nearest of those
a quarter of the way (of the logarithm, for numbers) from the tile's ends.

So a tile follows from the values of a point alone, and what a point gives from its own values:
not from the points that are there beside it, the order or the process they are computed in. What
was found for a tile is kept with its points (`MESH_VARIABLES`), and a resumed sweep reads it.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice, product

import numpy as np

from torkivity.catalogue import SINGLE_SOURCES
from torkivity.study.boltzmann import solve_boltzmann_case
from torkivity.study.case import Case
from torkivity_engine.errors import POINT_ERRORS
from torkivity_engine.film.parameters import Parameter
from torkivity_engine.film.parameters import parameters as film_parameters
from torkivity_engine.film.sources import film_with_source
from torkivity_engine.record import Variable
from torkivity_engine.refine import polar_rule_for
from torkivity_engine.tolerance import LARGEST, START, RefinedMesh, Tolerance
from torkivity_hpc.files.store import STATUS
from torkivity_hpc.files.sweepfile import SweepFile
from torkivity_hpc.grid import Grid, IntArray, Value
from torkivity_meshes import POLAR_RULES

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
}

#: A bounded range no longer than this is halved; others are seen on a logarithmic scale.
_SHORT_RANGE = 2.0
_ANGLE_STEP = 90.0

#: Beyond this a film in the middle of a tile says nothing about its points.
_LARGEST_OF_TILE = 128

#: What stands for a tile is refined to this part of the tolerance, since other points of it
#: are worse.
_SPARE = 0.5

#: Where in a tile the values lie that stand for it.
_PARTS = (0.5, 0.25, 0.75)

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


def _alike(source: str) -> tuple[str, ...]:
    """Sources of torque that share a mesh, the one that it is found with first.

    The others are parts of it; alone some may suit another polar rule.
    """
    return ("all", *SINGLE_SOURCES) if source in ("all", *SINGLE_SOURCES) else (source,)


def _rule(case: Case, source: str) -> str:
    return polar_rule_for(film_with_source(case.film, source))


@dataclass(frozen=True)
class TileMesh:
    """Where the points of a tile begin.

    Attributes
    ----------
    n_polar, n_azimuth : int
        The coarsest mesh that is accepted.
    """

    n_polar: int = START[0]
    n_azimuth: int = START[1]

    def tolerance(self, case: Case) -> Tolerance:
        """What a point is solved to, beginning with this mesh."""
        rtol = case.settings.mesh.rtol
        assert rtol is not None
        return Tolerance(rtol, (self.n_polar, self.n_azimuth))


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
    }


@dataclass
class Tiles:
    """Meshes of tiles, found when they are first asked for.

    Attributes
    ----------
    case : Case
        What all points have in common.
    everywhere : TileMesh or None
        Mesh of all tiles, where that is known.
    known : dict of TileMesh
        By tile.
    """

    case: Case
    everywhere: TileMesh | None = None
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
            Parameters of the point by path; a film without any is a tile of its own.
        source : str
        """
        if self.everywhere is not None:
            return self.everywhere
        rule = _rule(case, source)
        key = self._key(values, source, rule)
        if key not in self.known:
            self.known[key] = self._found(values, source, rule)
        return self.known[key]

    def _key(self, values: Mapping[str, Value], source: str, rule: str) -> _Key:
        return (*self._along(values), _alike(source)[0], rule)

    def _found(self, values: Mapping[str, Value], source: str, rule: str) -> TileMesh:
        """Mesh of the film that stands for a tile."""
        with contextlib.suppress(*POINT_ERRORS):
            film, driven = self._representative(values, source, rule)
            rtol = film.settings.mesh.rtol
            assert rtol is not None
            spare, largest = (_SPARE, _LARGEST_OF_TILE) if values else (1.0, LARGEST)
            tolerance = Tolerance(spare * rtol, polar_rule=rule, largest=largest)
            found = solve_boltzmann_case(film, driven, tolerance).refinement
            assert found is not None
            return TileMesh(found.n_polar, found.n_azimuth)
        return TileMesh()  # no such film, or none that can be solved: nothing is known

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
        names = ("mesh_polar_rule", "tile_n_polar", "tile_n_azimuth")
        columns = [file.values(name)[done, 0] for name in names]
        solved = ~np.isnan(columns[1])
        done, rules, polar, azimuth = (column[solved] for column in (done, *columns))
        _, places = np.unique(len(_RULES) * self._labels(grid)[done] + rules, return_index=True)
        for i in places.tolist():
            values = grid.point(int(done[i]))
            source = str(values.pop("source"))
            del values["model"]
            rule = _RULES[int(rules[i])]
            mesh = TileMesh(int(polar[i]), int(azimuth[i]))
            self.known[self._key(values, source, rule)] = mesh

    def _representative(
        self, values: Mapping[str, Value], source: str, rule: str
    ) -> tuple[Case, str]:
        """The first film of a tile, from its middle outwards, that the polar rule suits.

        With the source of torque that drives it there.
        """
        along = [
            [(name, value) for value in self._tile(name, v).representatives]
            for name, v in values.items()
        ]
        # From the middle outwards: by how many values are not in the middle of their own tile.
        numbered = islice(product(*(enumerate(x) for x in along)), _MOST_TRIED)
        sources = _alike(source)
        for candidate in sorted(numbered, key=lambda x: sum(i > 0 for i, _ in x)):
            with contextlib.suppress(*POINT_ERRORS):
                case = self.case.varied(dict(item for _, item in candidate))
                for driven in sources:
                    if _rule(case, driven) == rule:
                        return case, driven
        return self.case.varied(dict(x[0] for x in along)), sources[0]

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
