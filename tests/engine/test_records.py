"""Records of films that have no interface, or no magnet: the same names, without rows."""

from __future__ import annotations

import numpy as np

from torkivity_engine.magnets import magnet_records
from torkivity_engine.record import MAGNET_VARIABLES, VARIABLES
from torkivity_engine.solution import response_records


def test_records_of_nothing() -> None:
    for found, known in (
        (response_records([]), VARIABLES),
        (magnet_records([], []), MAGNET_VARIABLES),
    ):
        assert set(found) == set(known)
        for name, variable in known.items():
            assert found[name].shape == (0, *(3,) * len(variable.dims))
            assert found[name].dtype == np.float64
