"""Sums over parts never show fewer parts as a drop."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from parksight.command import series

VALUES = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, max_side=8),
    elements=st.one_of(st.floats(-1e6, 1e6), st.just(math.nan)),
)


@given(VALUES, st.floats(0, 1))
def test_sums_are_over_known_parts_or_unknown(matrix: np.ndarray, minimum: float) -> None:
    values, counts = series.sums(matrix, minimum)
    for j in range(matrix.shape[1]):
        known = [float(v) for v in matrix[:, j] if not math.isnan(v)]
        assert counts[j] == len(known)
        if not known or len(known) < minimum * matrix.shape[0]:
            assert values[j] is None
        else:
            assert values[j] == pytest.approx(math.fsum(known), rel=1e-9, abs=1e-6)


@given(VALUES)
def test_a_spark_keeps_its_gaps(matrix: np.ndarray) -> None:
    line = series.spark(matrix[0])
    assert [v is None for v in line] == [math.isnan(v) for v in matrix[0]]


def test_a_crooked_start_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple"):
        series.dense(None, [1], 1, 10, 5)  # type: ignore[arg-type]  # refused before the store is asked
