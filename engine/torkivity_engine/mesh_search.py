"""The search for a mesh that is fine enough: which to try, and what error to believe.

A film says beforehand how well meshes will do (`torkivity_engine.outlook`). So a search begins with
the mesh that should be enough, and a coarse one to check it by. Their difference is the error of
the coarse one. The outlook says what part of it is left on the fine one, unless the difference is
larger than it expects: then something else sets the error. Where that is too much, the coarse
polar angles with all azimuths tell the two kinds of error apart, and the size that is worse
grows, until what steps change, and how fast that becomes less, say that it is enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import numpy as np

from torkivity_engine.arrays import FloatArray
from torkivity_engine.errors import PhysicsError
from torkivity_engine.outlook import SIZES, Outlook
from torkivity_engine.tolerance import LARGEST, START, RefinedMesh, Trial

__all__ = ["MeshSearch"]

#: A first mesh is expected to keep to this part of the tolerance.
_AIM = 0.1
#: What is left of a difference is believed to be so many times what is expected, ...
_CAUTION = 4.0
#: ... and not less than this part; or this one where poles near grazing incidence may matter.
_LEAST_SHARE, _LEAST_SHARE_POLES = 0.01, 0.5
#: Differences may be so many times larger than expected before the outlook is not believed.
_LARGER = 10.0
#: After the first meshes less than this part of a change is not believed to be left.
_LEAST_OF_STEP = 0.1
#: A change must not be smaller than this part of the one before, polar angles having grown by
#: half, to be believed: that of an oscillating sequence can vanish by accident.
_BELIEF, _USUAL_STEP = 0.1, 1.5
#: What an error that falls like 1/n has left after a step to 1.5 n, over the change.
_LEFT = 2.0
#: Steps of polar angles: at least, without an outlook, at most.
_STEP, _BLIND_STEP, _LARGEST_STEP = 1.2, 1.45, 1.9
#: A step is to lead to this part of the tolerance.
_STEP_AIM = 0.25
#: Largest polar size to check the first mesh by, over that of the first mesh.
_CHECK = 0.7
#: Azimuths that an outlook may ask for at once.
_MOST_AZIMUTHS = 128


@dataclass
class MeshSearch:
    """One search.

    Attributes
    ----------
    scale : callable
        What errors are relative to, from the quantities; 1 if they all vanish.
    rtol : float
        Largest error over the scale that is accepted.
    outlook : Outlook
        What is known beforehand.
    start : (int, int)
        Smallest mesh that is accepted.
    largest : int
        Largest size of either kind.
    noise : callable
        From the quantities to what is rounding and no error of a mesh.
    trials : list of Trial
        What was asked for so far.
    """

    scale: Callable[[FloatArray], float]
    rtol: float
    outlook: Outlook
    start: tuple[int, int] = START
    largest: int = LARGEST
    noise: Callable[[FloatArray], float] = lambda values: 0.0
    trials: list[Trial] = field(default_factory=list)

    def steps(self) -> Generator[tuple[int, int], FloatArray, RefinedMesh]:
        """Ask for one mesh after the other, take the quantities there, return the outcome.

        Raises
        ------
        PhysicsError
            If the largest mesh does not reach the tolerance.
        """
        p, a = self._first()
        low, few = self._check(p, a)
        coarse, fine = (yield from self._at(low, few)), (yield from self._at(p, a))
        change, size = np.abs(fine - coarse), self.scale(fine)
        share_a = min(1.0, _CAUTION * math.exp(-(a - few) * self.outlook.decay))
        share_p, _ = self._share(low, p, change.max() / size)
        found = self._outcome(p, a, fine, (share_p + share_a) * change, size)
        if found.relative <= self.rtol:
            return found
        between = yield from self._at(low, a)
        polar, azimuthal = np.abs(fine - between), np.abs(between - coarse)
        share_p, believed = self._share(low, p, polar.max() / size)
        steps = math.log(p / low, _USUAL_STEP)
        guard = polar * _BELIEF ** max(steps - 1.0, 0.0)
        while True:
            in_polar, in_azimuth = share_p * polar, share_a * azimuthal
            found = self._outcome(p, a, fine, in_polar + in_azimuth, size)
            if found.relative <= self.rtol:
                return found
            before, grow_polar = p, in_polar.max() >= in_azimuth.max()
            if grow_polar:
                p = self._next(p, in_polar.max() / size if believed else None)
            else:
                a *= 2
            if max(p, a) > self.largest:
                raise PhysicsError(self._failure(found))
            coarse, fine = fine, (yield from self._at(p, a))
            change, size = np.abs(fine - coarse), self.scale(fine)
            if grow_polar:
                last = polar.max() / size
                guard = polar = np.maximum(change, _BELIEF * guard)
                share_p, believed = self._share(before, p, polar.max() / size, last)
            else:
                share_a, azimuthal = 1.0, np.maximum(change, _BELIEF * azimuthal)

    def _at(self, p: int, a: int) -> Generator[tuple[int, int], FloatArray, FloatArray]:
        values = yield p, a
        self.trials.append(Trial(p, a, values))
        return values

    def _outcome(
        self, p: int, a: int, fine: FloatArray, error: FloatArray, size: float
    ) -> RefinedMesh:
        error = np.where(error <= self.noise(fine), 0.0, error)
        relative = float(error.max() / size)
        return RefinedMesh(p, a, fine, error, relative, tuple(self.trials))

    def _failure(self, found: RefinedMesh) -> str:
        return (
            f"rtol = {self.rtol:g} is not reached: error {found.relative:.1e} with "
            f"{found.n_polar} x {found.n_azimuth} points per hemisphere; some spin channel "
            "stays open at grazing incidence (u0^2 = |b|^2)"
        )

    def _first(self) -> tuple[int, int]:
        """The mesh that should be enough."""
        sizes = [n for n in SIZES if n <= self.largest]
        wanted = [n for n in sizes if n >= self.start[0]] or sizes[-1:]
        p = next((n for n in wanted if self.outlook.polar(n) <= _AIM * self.rtol), wanted[-1])
        decay, (_, a) = self.outlook.decay, self.start
        while a < _MOST_AZIMUTHS and (
            # Where a channel opens at some azimuths errors fall like 1/n^2.
            math.exp(-a * decay) > _AIM * self.rtol if decay else a * a * self.rtol < 1.0
        ):
            a *= 2
        return p, min(a, self.largest)

    def _check(self, p: int, a: int) -> tuple[int, int]:
        """The coarsest mesh that a first one may be compared with."""
        sizes = [n for n in SIZES if n >= self.outlook.least_polar and n <= _CHECK * p]
        sizes = sizes or [self.outlook.least_polar]
        least, enough = self._least_share(), 0.5 * self.rtol
        low = next((n for n in sizes if least * self.outlook.polar(n) <= enough), sizes[-1])
        return low, a // 2

    def _least_share(self) -> float:
        return _LEAST_SHARE if self.outlook.regular else _LEAST_SHARE_POLES

    def _share(
        self, before: int, p: int, change: float, last: float | None = None
    ) -> tuple[float, bool]:
        """What part of a change of polar angles is error still, and whether that was expected.

        Parameters
        ----------
        before, p : int
            From so many polar angles to so many.
        change : float
            Largest of all quantities, over the scale.
        last : float, optional
            The change before.
        """
        expected = self.outlook.polar(before)
        believed = self.outlook.regular and change <= _LARGER * expected
        share = _CAUTION * self.outlook.polar(p) / expected if believed else 0.0
        if last is None:  # no change to compare with
            return (min(1.0, max(share, self._least_share())), True) if believed else (1.0, False)
        observed = _CAUTION * change / last if last > 0.0 else 1.0
        least = max(_LEAST_OF_STEP, self._least_share())
        return min(_LEFT, max(share, observed, least)), believed

    def _next(self, p: int, error: float | None) -> int:
        """The next polar size: what should be enough after an error that the outlook explains."""
        sizes = [n for n in SIZES if n >= _STEP * p]
        most = next((n for n in sizes if n >= _LARGEST_STEP * p), self.largest + 1)
        if error is None:
            return next((n for n in sizes if n >= _BLIND_STEP * p), self.largest + 1)
        enough = _STEP_AIM * self.rtol / error * self.outlook.polar(p)
        return min(next((n for n in sizes if self.outlook.polar(n) <= enough), most), most)
