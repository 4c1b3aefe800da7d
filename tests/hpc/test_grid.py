"""Points of a sweep, their order, and who gets which."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sweep_jobs import dimension
from torkivity_engine.errors import InputError
from torkivity_hpc.grid import Axis, Dimension, Grid
from torkivity_hpc.running.schedule import Schedule
from torkivity_hpc.spaced import Spaced


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


@pytest.mark.parametrize("logarithmic", [False, True])
@settings(max_examples=60, deadline=None)
@given(st.floats(-300, 300), st.floats(-300, 300), st.integers(2, 9000), st.sampled_from([-1, 1]))
def test_spaced_values_are_numpys(
    logarithmic: bool, first: float, last: float, number: int, sign: int
) -> None:
    if logarithmic:
        first, last = sign * 10.0**first, sign * 10.0**last
    assume(abs(first - last) > 1e-6 * max(abs(first), abs(last)))
    values = Spaced(first, last, number, logarithmic)
    expected = (np.geomspace if logarithmic else np.linspace)(first, last, number)
    assert list(values) == expected.tolist()
    assert np.asarray(values).tolist() == expected.tolist()
    assert values[number // 2] == expected[number // 2]
    assert values[-1] == last
    assert values[1:3] == tuple(expected[1:3])
    with pytest.raises(IndexError):
        values[number]
    assert len(set(values)) == len(values) == number


@pytest.mark.parametrize(
    ("first", "last", "number", "logarithmic"),
    [(0.0, 1.0, 10**18, False), (1.0, 1.0, 2, False), (1.0, 1.0 + 1e-15, 3, True)],
)
def test_values_too_close_for_numbers(
    first: float, last: float, number: int, logarithmic: bool
) -> None:
    with pytest.raises(InputError, match="can tell at most"):
        Spaced(first, last, number, logarithmic)


def test_ends_too_far_apart() -> None:
    with pytest.raises(InputError, match="too far apart"):
        Spaced(-1.7e308, 1.7e308, 3)


@pytest.mark.parametrize(
    "layers", [(), ("thickness",), ("metal",), ("thickness", "metal"), ("magnet",)]
)
def test_layers_without_a_list_of_points(layers: tuple[str, ...]) -> None:
    points = grid()
    labels, count = points.layers(layers)
    assert points.layer_count(layers) == count
    for label in range(count):
        expected = np.flatnonzero(labels == label).tolist()
        assert points.layer_points(layers, label, 5) == expected[:5]


def test_a_grid_is_as_small_as_its_description() -> None:
    """10**27 points: numbered, looked up, counted by layers."""
    number = 10**9
    axis = Spaced(0.0, 1.0, number)
    points = Grid([Dimension(name, Axis(axis, "", name), {name: axis}) for name in "abc"])
    assert points.size == number**3
    assert points.point(points.size - 1) == dict.fromkeys("abc", 1.0)
    assert points.layer_count(("b",)) == number
    first, second = points.layer_points(("b",), number - 1, 2)
    assert points.point(first) == {"a": 0.0, "b": 1.0, "c": 0.0}
    assert points.point(second) == {"a": 0.0, "b": 1.0, "c": axis[1]}


def test_a_sample_has_the_extremes() -> None:
    rng = np.random.default_rng(5)
    values = tuple(rng.permutation(1000).astype(float).tolist())
    one = dimension("a", values)
    assert one.sample(1000) == list(range(1000))
    few = one.sample(10)
    assert {values[i] for i in few} >= {0.0, 999.0}
    assert len(few) <= 12


def test_names_along_an_axis() -> None:
    for labels, message in ((("p", "p"), "given twice"), (("p", "q\0"), "printable")):
        with pytest.raises(InputError, match=message):
            Dimension("sample", Axis(labels, "", ""), {"a": (1.0, 2.0)})


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
