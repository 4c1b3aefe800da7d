"""A study evaluated in this process, its numbers in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from torkivity_engine.arrays import FloatArray
from torkivity_hpc.files.rows import Block, RowLayout
from torkivity_hpc.files.store import STATUS
from torkivity_hpc.running.collector import only_new_garbage
from torkivity_hpc.running.session import SweepPlan
from torkivity_hpc.running.worker import Job, RowMaker

__all__ = ["Evaluated", "evaluate"]


@dataclass(frozen=True, eq=False)
class Evaluated:
    """Numbers of a study.

    Attributes
    ----------
    plan : SweepPlan
    block : Block
        All points, in the order of the grid.
    """

    plan: SweepPlan
    block: Block

    @property
    def status(self) -> NDArray[np.int8]:
        """State of every point, in the shape of the grid."""
        return self.block.status.reshape(self.plan.spec.grid.shape)

    def values(self, name: str) -> FloatArray:
        """A variable, dimensions of the grid first; NaN where a point failed."""
        shape = (*self.plan.spec.grid.shape, *self._layout.shapes[name])
        return self.block.rows[:, self._layout.columns[name]].reshape(shape)

    @cached_property
    def _layout(self) -> RowLayout:
        return self.plan.spec.layout()

    def at(self, **labels: str) -> tuple[int | slice, ...]:
        """Index into `values` along the dimensions of the grid.

        Parameters
        ----------
        **labels : str
            Values along dimensions of names; of others everything.
        """
        return tuple(
            list(d.axis.values).index(labels[d.name]) if d.name in labels else slice(None)
            for d in self.plan.spec.grid.dimensions
        )

    def message(self, **labels: str) -> str:
        """Why a point failed; empty if it did not.

        Parameters
        ----------
        **labels : str
            Values along dimensions of names, such as ``model="boltzmann"``; of numeric ones the
            first counts.
        """
        point = self._point(labels)
        failed = self.block.status[point] == STATUS["failed"]
        return self.block.messages.get(point, "") if failed else ""

    def note(self, **labels: str) -> str:
        """What a point that is done lacks, and why; empty if nothing."""
        point = self._point(labels)
        done = self.block.status[point] == STATUS["done"]
        return self.block.messages.get(point, "") if done else ""

    def _point(self, labels: Mapping[str, str]) -> int:
        index = []
        for dimension in self.plan.spec.grid.dimensions:
            values = list(dimension.axis.values)
            index.append(values.index(labels[dimension.name]) if dimension.name in labels else 0)
        return int(np.ravel_multi_index(tuple(index), self.plan.spec.grid.shape))


def evaluate(plan: SweepPlan, tell: Callable[[int, int], None] | None = None) -> Evaluated:
    """Compute every point of a plan.

    Parameters
    ----------
    plan : SweepPlan
    tell : callable, optional
        Told now and then how many are done, and how many there are.

    Returns
    -------
    Evaluated
        A point that fails is a property of the point: it has its status and message.
    """
    grid = plan.spec.grid
    rows = RowMaker(Job(plan.evaluate, grid, plan.spec.layout()), rank=0)
    order, _ = grid.order(plan.layer_parameters, np.ones(grid.size, dtype=np.bool_))
    waiting = order.tolist()
    with only_new_garbage():
        while waiting:
            count = rows.count(len(waiting))
            rows.add(waiting[:count])
            del waiting[:count]
            if tell is not None:
                tell(grid.size - len(waiting), grid.size)
    block = rows.take()
    assert block is not None
    return Evaluated(plan, block.sorted())
