"""Probits against printed doses and the normal distribution."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parksight.physics import harm


@pytest.mark.parametrize(
    ("law", "one", "half"), [("eisenberg", 960, 2380), ("tsao_perry", 420, 1046), ("lees", 828, 2670)]
)
def test_lethal_heat_doses_as_printed(law, one, half) -> None:
    # HSE SPC/Tech/OSD/30, table 17
    assert harm.load_for([0.01, 0.5], *harm.HEAT_LAWS[law]) == pytest.approx([one, half], rel=0.005)
    assert harm.probability(harm.heat_probit(half, law)) == pytest.approx(0.5, abs=0.02)


def test_tsao_and_perry_table_18() -> None:
    # per cent killed by 10, 20, 30 kW/m2 after 10…60 s
    for seconds, row in {
        10: (0, 5, 39),
        20: (1, 53, 93),
        30: (11, 87, 100),
        40: (31, 97, 100),
        60: (71, 100, 100),
    }.items():
        flux = np.array([[1e4], [2e4], [3e4]]) * np.ones(seconds)
        found = 100 * harm.probability(harm.heat_probit(harm.heat_dose(flux, 1.0)))
        assert found == pytest.approx(row, abs=1.0)


def test_carbon_monoxide_of_the_purple_book() -> None:
    # appendix 6.B: 21,300 mg/m3 for 30 minutes: Pr 5.97, P 0.835
    probit = harm.toxic_probit(21_300.0 * 30.0, -7.4, 1.0)
    assert float(probit) == pytest.approx(5.97, abs=0.005)
    assert float(harm.probability(probit)) == pytest.approx(0.835, abs=0.002)


def test_overpressure_of_the_health_and_safety_commission() -> None:
    psi = np.array([2.4, 13.1, 43.5]) * harm.PASCAL_PER_PSI
    assert harm.probability(harm.overpressure_probit(psi)) == pytest.approx([0.01, 0.5, 0.95], abs=0.005)


@given(st.floats(1e-6, 1e12), st.floats(1.001, 100), st.floats(-40, 5), st.floats(0.3, 6))
def test_more_load_never_kills_fewer(load, factor, a, b) -> None:
    low, high = harm.probability(harm.toxic_probit(np.array([load, load * factor]), a, b))
    assert 0 <= low <= high <= 1


@given(st.floats(0.001, 0.999), st.floats(-40, 5), st.floats(0.3, 6))
def test_load_and_share_invert(share, a, b) -> None:
    load = harm.load_for(share, a, b)
    assert float(harm.probability(harm.toxic_probit(load, a, b))) == pytest.approx(share, rel=1e-6)


def test_nothing_unknown_passes() -> None:
    assert float(harm.probability(harm.toxic_probit(0.0, -7.4, 1.0))) == 0.0
    for call in (
        lambda: harm.heat_probit(100.0, "tno"), lambda: harm.heat_probit(math.nan), lambda: harm.overpressure_probit(-1.0),
        lambda: harm.toxic_probit(1.0, math.nan, 1.0), lambda: harm.toxic_probit(1.0, 1.0, 0.0), lambda: harm.load_for(1.0, 1, 1),
        lambda: harm.heat_dose([1.0], 0.0), lambda: harm.probability(math.nan),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            call()
