"""Vectors and strategies that the HJ 212 tests share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from parksight.gateways.hj212.codec.commands import Version
from parksight.gateways.hj212.codec.segment import Segment
from parksight.gateways.hj212.codec.times import ZoneTable

FOLDER = Path(__file__).parent / "vectors"
VECTORS: list[dict[str, Any]] = json.loads((FOLDER / "hj212.json").read_text("utf-8"))["vectors"]
SM4_VECTORS: dict[str, dict[str, Any]] = {
    v["name"]: v for v in json.loads((FOLDER / "hj212_sm4.json").read_text("utf-8"))["vectors"]
}
SHANGHAI = ZoneTable("Asia/Shanghai")
MN = "010000A8900016F000169DC0"

digits = st.text("0123456789", min_size=1, max_size=6)
numbers = st.one_of(
    st.builds(
        lambda sign, whole, part: f"{sign}{whole}.{part}" if part else f"{sign}{whole}",
        st.sampled_from(["", "-"]),
        digits,
        st.text("0123456789", max_size=6),
    )
)
factors = st.sampled_from(
    ["a21026", "a21002", "a34013", "a19001", "w01018", "w21003", "011", "B01", "S01", "SB1", "Leq", "ele01"]
)
kinds = st.sampled_from(["Rtd", "Min", "Avg", "Max", "ZsRtd", "ZsAvg", "Cou", "ValidNum", "RS"])
times = st.datetimes(min_value=__import__("datetime").datetime(2001, 1, 1)).filter(lambda d: d.year < 2099)


@st.composite
def items(draw: st.DrawFn, flags: str = "NFMSDCTB") -> tuple[tuple[tuple[str, str], ...], ...]:
    """CP items of a data frame in regular form: DataTime, then one item per distinct factor."""
    out: list[tuple[tuple[str, str], ...]] = [(("DataTime", draw(times).strftime("%Y%m%d%H%M%S")),)]
    for factor in draw(st.lists(factors, unique=True, max_size=8)):
        pairs = [(f"{factor}-{k}", draw(numbers)) for k in draw(st.lists(kinds, unique=True, min_size=1))]
        if draw(st.booleans()):
            pairs.insert(draw(st.integers(0, len(pairs))), (f"{factor}-Flag", draw(st.sampled_from(flags))))
        out.append(tuple(pairs))
    return tuple(out)


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    """Regular uploads of all versions."""
    version = draw(st.sampled_from(list(Version)))
    split = draw(st.booleans())
    total = draw(st.integers(1, 9)) if split else None
    return Segment(
        qn=draw(times).strftime("%Y%m%d%H%M%S") + "123",
        st=draw(st.sampled_from(["22", "31", "32", "51"])),
        cn=draw(st.sampled_from([2011, 2051, 2061, 2031, 2021, 2041, 3020])),
        pw="123456",
        mn=MN[:14] if version is Version.V2005 else MN,
        flag=version << 2 | split << 1 | draw(st.integers(0, 1)),
        version=version,
        pnum=total,
        pno=draw(st.integers(1, total)) if total else None,
        resent=version is Version.V2025 and draw(st.booleans()),
        items=draw(items()),
    )
