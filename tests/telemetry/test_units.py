"""Units and quantities: exact factors, known values, refusals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parksight.kernel.errors import ProblemError
from parksight.kernel.i18n import LANGUAGES, has
from parksight.telemetry.ingest.reasons import REASONS
from parksight.telemetry.live_table import State
from parksight.telemetry.points.view import quality_words
from parksight.telemetry.quality import Quality, QualityFlag
from parksight.telemetry.units import QUANTITIES, UNITS, check_unit, conversion, units_of


def convert(value: float, source: str, target: str) -> float:
    factor, shift = conversion(source, target)
    return value * factor + shift


@pytest.mark.parametrize(
    ("value", "source", "expected", "target"),
    [  # NIST SP 811 (2008), Appendix B.8, and definitions
        (212, "degF", 100, "degC"),
        (-40, "degF", -40, "degC"),
        (0, "K", -459.67, "degF"),
        (1, "psi", 6894.757293168361, "Pa"),
        (1, "atm", 760.0, "mmHg"),  # to 2e-7: the conventional millimetre of mercury
        (1, "mmH2O", 9.80665, "Pa"),
        (1, "bar", 0.1, "MPa"),
        (1, "kWh", 3.6, "MJ"),
        (1, "GWh", 3600, "GJ"),
        (1, "t/h", 1000 / 3600, "kg/s"),
        (60, "L/min", 3.6, "m3/h"),
        (1, "mg/L", 1000, "mg/m3"),
        (1, "%vol", 10_000, "ppm"),
        (3.6, "km/h", 1, "m/s"),
        (1, "mS/cm", 1000, "uS/cm"),
    ],
)
def test_known_conversions(value: float, source: str, expected: float, target: str) -> None:
    assert convert(value, source, target) == pytest.approx(expected, rel=2e-7 if source == "atm" else 1e-14)


@pytest.mark.parametrize(
    ("source", "target"),
    [("ppm", "mg/m3"), ("Nm3/h", "m3/h"), ("%LEL", "%vol"), ("kW", "kvar"), ("%", "%vol")],
)
def test_what_needs_more_knowledge_is_refused(source: str, target: str) -> None:
    with pytest.raises(ProblemError, match="not_convertible"):
        conversion(source, target)


@given(st.sampled_from(sorted(UNITS)), st.data(), st.floats(-1e6, 1e6))
def test_there_and_back_again(source: str, data: st.DataObject, value: float) -> None:
    same = [u for u in UNITS.values() if u.dimension == UNITS[source].dimension]
    target = data.draw(st.sampled_from(same)).symbol
    there, shift = conversion(source, target)
    back = convert(value * there + shift, target, source)
    assert back == pytest.approx(value, rel=1e-9, abs=1e-9 + abs(shift / there) * 1e-12)


@given(st.sampled_from(sorted(UNITS)), st.sampled_from(sorted(UNITS)))
def test_factors_are_exact_rationals_rounded_once(source: str, target: str) -> None:
    a, b = UNITS[source], UNITS[target]
    if a.dimension != b.dimension:
        with pytest.raises(ProblemError):
            conversion(source, target)
    else:
        assert conversion(source, target) == (
            float(a.factor / b.factor),
            float((a.shift - b.shift) / b.factor),
        )


def test_every_quantity_has_units_and_words() -> None:
    for key, quantity in QUANTITIES.items():
        assert units_of(key)[0] == quantity.unit
        assert quantity.low is None or quantity.high is None or quantity.low < quantity.high
        for language in LANGUAGES:
            assert has(f"telemetry.quantity.{key}", language)
    with pytest.raises(ProblemError, match="wrong_for_quantity"):
        check_unit("temperature", "kPa")
    with pytest.raises(ProblemError, match=r"unit\.unknown"):
        conversion("furlong", "m")


def test_every_word_of_the_vocabularies_has_a_text() -> None:
    keys = [f"telemetry.reject.{r}" for r in REASONS]
    keys += [f"telemetry.state.{s.name.lower()}" for s in State]
    keys += [f"telemetry.quality.{q.name.lower()}" for q in Quality]
    for language in LANGUAGES:
        assert [k for k in keys if not has(k, language)] == []


@given(st.sampled_from(list(Quality)), st.sets(st.sampled_from(list(QualityFlag))))
def test_quality_bytes_are_spelled_out(code: Quality, flags: set[QualityFlag]) -> None:
    word, words = quality_words(int(code) | sum(flags))
    assert word == code.name.lower()
    assert set(words) == {str(f.name).lower() for f in flags}
