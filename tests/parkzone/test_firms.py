from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parksight.registry.gb32100 import is_valid
from parkzone.firms.credit import REGION, check_character, credit_code, organisation_check
from parkzone.firms.trades import INDUSTRIES
from parkzone.lookouts import lookouts
from parkzone.park import Park


def test_ninety_firms_in_five_industries(park: Park) -> None:
    assert len(park.firms) == 90
    counts = Counter(f.industry for f in park.firms)
    assert set(counts) == set(INDUSTRIES)
    assert min(counts.values()) >= 15
    assert len({f.parcel.code for f in park.firms}) == 90
    assert [f.code for f in park.firms] == [f"E{i:03d}" for i in range(1, 91)]


def test_names_are_unique_and_say_they_are_invented(park: Park) -> None:
    assert len({f.name for f in park.firms}) == 90
    assert len({f.name_en for f in park.firms}) == 90
    assert all("(演示)" in f.name and "(Demo)" in f.name_en for f in park.firms)
    assert all(f.phone.startswith("000-") for f in park.firms)


def test_credit_codes_are_valid_for_the_platform_and_of_no_real_region(park: Park) -> None:
    codes = [f.credit_code for f in park.firms]
    assert len(set(codes)) == 90
    assert all(is_valid(c) for c in codes)
    assert all(c[2:8] == REGION for c in codes)


@given(st.integers(0, 10**6 - 1), st.integers(8, 16))
def test_a_changed_digit_is_noticed(serial: int, place: int) -> None:
    code = credit_code(serial)
    assert is_valid(code)
    other = "1" if code[place] != "1" else "2"
    assert not is_valid(code[:place] + other + code[place + 1 :])


def test_organisation_check_of_the_standard() -> None:
    # GB 11714-1997 clause 4 example: D2143569 has the check character X
    assert organisation_check("D2143569") == "X"


def test_check_character_wants_seventeen() -> None:
    with pytest.raises(ValueError, match="17"):
        check_character("123")


def test_seventeen_lookouts(park: Park) -> None:
    cameras = lookouts(park.seed)
    assert len(cameras) == 17
    assert len({c.code for c in cameras}) == 17
    assert all(0 <= c.azimuth_deg < 360 and c.height_m >= 30 for c in cameras)
