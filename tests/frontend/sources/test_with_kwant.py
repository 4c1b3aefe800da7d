"""Kwant against the NumPy solver of the same models; where Kwant is not installed, what is said."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from torkivity.sources.tight_binding import Crystal, Plane, brillouin_zone, tight_binding_table
from torkivity.sources.with_kwant import kwant_table
from torkivity_engine.errors import InputError
from torkivity_engine.kinetics.table_response import TableResponse

INSTALLED = importlib.util.find_spec("kwant") is not None
M = (0.48, 0.6, 0.64)


@pytest.mark.skipif(INSTALLED, reason="Kwant is installed")
def test_without_kwant() -> None:
    crystal, plane = Crystal(0.3, [-1.0] * 3), Plane(0.3, [-1.0] * 2)
    with pytest.raises(InputError, match="must be installed"):
        kwant_table(brillouin_zone(0.3, 2), 0.3, crystal, crystal, [plane])


@pytest.mark.skipif(not INSTALLED, reason="Kwant is not installed")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("n", [1, 2])
def test_same_tensors(n: int) -> None:
    rng = np.random.default_rng(n)

    def part(size: float) -> np.ndarray:
        h = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
        return size * (h + h.conj().T)

    hop = -np.stack([np.eye(n) + part(0.1).real for _ in range(3)])
    onsite = 0.8 * np.eye(n) + part(0.2).real
    model = (
        brillouin_zone(0.3, 6),
        0.3,
        Crystal(onsite, hop),
        Crystal(onsite, 1.1 * hop, part(0.15).real),
        [Plane(onsite + part(0.3), hop[:2], part(0.2), part(0.2)) for _ in range(2)],
    )
    tables = [solve(*model, magnetization=M) for solve in (tight_binding_table, kwant_table)]
    one, other = (TableResponse(table, 10.0) for table in tables)
    lengths = np.array([[0.0, 0.0, 0.0, 1e-6]] * 2), np.array([[1e-6], [2e-6]])
    for a, b in (
        (one.driven_sums(*lengths), other.driven_sums(*lengths)),
        *zip(one.response(), other.response(), strict=True),
    ):
        np.testing.assert_allclose(b, a, atol=1e-9 * np.abs(a).max())
        assert np.abs(a).max() > 0.0
