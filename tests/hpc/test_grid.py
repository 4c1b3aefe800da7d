"""Points of a sweep, their order, and who gets which."""

from __future__ import annotations

import numpy as np
import pytest

from sweep_jobs import dimension
from torkivity_engine.errors import InputError
from torkivity_hpc.grid import Grid
from torkivity_hpc.running.schedule import Schedule


def grid() -> Grid:
    return Grid(
        [
            dimension("exchange", 3),
            dimension("thickness", 4),
            dimension("sample", ("p", "q"), metal=(2.0, 3.0), magnet=(5.0, 5.0)),
        ]
    )


def test_points_are_numbered_last_dimension_fastest() -> None:
    points = grid()
    assert points.size == 24
    assert points.point(0) == {
        "exchange": 0.0, "thickness": 0.0, "sample": "p", "metal": 2.0, "magnet": 5.0,
    }  # fmt: skip
    for number in range(points.size):
        i, j, k = np.unravel_index(number, points.shape)
        point = points.point(number)
        assert (point["exchange"], point["thickness"]) == (float(i), float(j))
        assert point["metal"] == (2.0, 3.0)[k]
    assert Grid([]).point(0) == {}
    assert Grid([]).size == 1


@pytest.mark.parametrize(
    "layers", [(), ("thickness",), ("metal",), ("thickness", "metal"), ("magnet",)]
)
def test_equal_layers_come_together(layers: tuple[str, ...]) -> None:
    points = grid()
    wanted = np.ones(points.size, dtype=bool)
    wanted[[3, 17]] = False
    order, boundaries = points.order(layers, wanted)
    assert sorted(order.tolist()) == np.flatnonzero(wanted).tolist()
    groups = np.split(order, boundaries)
    seen = [
        {tuple(points.point(int(number))[name] for name in layers) for number in group}
        for group in groups
    ]
    assert all(len(values) == 1 for values in seen)
    assert len(set.union(*seen)) == len(groups)


def test_what_no_grid_is() -> None:
    with pytest.raises(InputError, match="given twice"):
        dimension("a", (1.0, 2.0, 1.0))
    with pytest.raises(InputError, match="at least one value"):
        dimension("a", ())
    with pytest.raises(InputError, match="as many values"):
        dimension("a", (1.0, 2.0), b=(1.0,))
    with pytest.raises(InputError, match="dimension is given twice"):
        Grid([dimension("a", 2), dimension("a", 3)])
    with pytest.raises(InputError, match="parameter is given twice"):
        Grid([dimension("a", 2), dimension("g", 2, a=(1.0, 2.0))])


@pytest.mark.parametrize("workers", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("seconds", [1e-6, 0.01, 10.0])
def test_every_point_is_handed_out_once(workers: int, seconds: float) -> None:
    rng = np.random.default_rng(workers)
    order = rng.permutation(1000)
    boundaries = np.sort(rng.choice(np.arange(1, 1000), 20, replace=False))
    schedule = Schedule(order, boundaries, workers)
    got: list[int] = []
    idle: set[int] = set()
    while len(idle) < workers:
        worker = int(rng.integers(workers))
        batch = schedule.batch(worker)
        schedule.learn(worker, len(batch), seconds * len(batch))
        got += batch.tolist()
        idle = idle | {worker} if len(batch) == 0 else set()
    assert sorted(got) == list(range(1000))
    assert schedule.remaining == 0


def test_workers_keep_to_their_layers() -> None:
    """With ten layers and two workers each layer but one at most stays with one worker."""
    order, boundaries = np.arange(1000), np.arange(100, 1000, 100)
    schedule = Schedule(order, boundaries, 2)
    owners: dict[int, set[int]] = {}
    turn = 0
    while schedule.remaining:
        batch = schedule.batch(turn)
        schedule.learn(turn, len(batch), 0.05 * len(batch))
        for point in batch.tolist():
            owners.setdefault(point // 100, set()).add(turn)
        turn = 1 - turn
    assert sum(len(who) > 1 for who in owners.values()) <= 2


def test_an_idle_worker_takes_the_far_half_of_the_longest_stretch() -> None:
    """Cut where layers change, if they do within a quarter of the middle, else in the middle."""
    for boundaries, cut in (([480], 480), ([200, 520, 900], 520), ([100, 990], 500), ([], 500)):
        schedule = Schedule(np.arange(1000), np.array(boundaries, dtype=np.int64), 2)
        assert schedule.batch(1).tolist() == [cut]
        assert schedule.batch(0).tolist() == [0]
    # The longest one of several, and the very last point as it is.
    schedule = Schedule(np.arange(8), np.empty(0, dtype=np.int64), 3)
    assert [schedule.batch(worker).tolist() for worker in (1, 2, 0)] == [[4], [2], [0]]
    assert schedule.batch(2).tolist() == [3]
    assert schedule.batch(2).tolist() == [6]  # of 5, 6, 7 the middle
    assert [schedule.batch(worker).tolist() for worker in (1, 2, 0)] == [[5], [7], [1]]
    assert [len(schedule.batch(worker)) for worker in range(3)] == [0, 0, 0]


def test_batches_take_a_quarter_of_a_second_and_shrink_towards_the_end() -> None:
    schedule = Schedule(np.arange(100_000), np.empty(0, dtype=np.int64), 2)
    assert len(schedule.batch(0)) == 1  # nobody knows yet
    schedule.learn(0, 1, 0.01)
    assert len(schedule.batch(0)) == 25
    # One slow batch counts for half, a fast one at once.
    schedule.learn(0, 10, 0.4)
    assert len(schedule.batch(0)) == 10  # (0.01 + 0.04) / 2 = 0.025 s a point
    schedule.learn(0, 10, 0.05)
    assert len(schedule.batch(0)) == 50
    schedule.learn(0, 0, 0.0)
    assert len(schedule.batch(0)) == 50
    schedule.learn(0, 100, 0.0)
    assert len(schedule.batch(0)) == 2048  # what fits into a message
    sizes = []
    while schedule.remaining:
        before = schedule.remaining
        sizes.append(len(schedule.batch(0)))
        assert sizes[-1] <= max(1, -(-before // 8))
    assert sizes[-1] == 1
