"""The codec against published frames, and against itself."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gateways.hj212.cases import MN, SHANGHAI, SM4_VECTORS, VECTORS, segments

from parksight.gateways.hj212.codec import builder
from parksight.gateways.hj212.codec.commands import Version, address_of
from parksight.gateways.hj212.codec.crc import crc, crc_bitwise, crc_fast, crc_modbus
from parksight.gateways.hj212.codec.flags import flag_table
from parksight.gateways.hj212.codec.frame import Framer, crc_error
from parksight.gateways.hj212.codec.readings import number, read
from parksight.gateways.hj212.codec.reasons import Deviation, FrameError
from parksight.gateways.hj212.codec.segment import SegmentError, parse_segment
from parksight.gateways.hj212.codec.sm4 import Sm4
from parksight.telemetry.quality import Quality, QualityFlag

FLAGS = flag_table()


def vector(name: str) -> dict[str, Any]:
    return next(v for v in VECTORS if v["name"] == name)


def parse(text: str) -> Any:
    (framed,) = Framer().feed(text.encode())
    assert framed.error is None
    return parse_segment(framed.segment)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_published_and_composed_frames(vector: dict[str, Any]) -> None:
    expected = vector["expected"]
    framer = Framer()
    framed = framer.feed(vector["text"].encode())
    if not framed:
        framed = framer.give_up()
    if not expected["length_ok"]:
        assert [f.error for f in framed] == [FrameError.BAD_LENGTH]
        return
    (frame,) = framed
    assert frame.error is None
    assert len(frame.segment) == expected["length"]
    assert frame.crc.decode() == expected["crc"]
    assert f"{crc(frame.segment):04X}" == expected["crc_computed"]
    assert (crc_error(frame.segment, frame.crc) is None) is expected["crc_ok"]
    segment = parse_segment(frame.segment)
    header = expected["header"]
    for field, value in (
        ("QN", segment.qn), ("ST", segment.st), ("PW", segment.pw), ("MN", segment.mn),
        ("CN", f"{segment.cn:04d}"),
    ):  # fmt: skip
        assert header.get(field) == value
    assert segment.flag == (int(header["Flag"]) if "Flag" in header else None)
    assert segment.pnum == (int(header["PNUM"]) if "PNUM" in header else None)
    assert segment.pno == (int(header["PNO"]) if "PNO" in header else None)
    assert [dict(item) for item in segment.items] == expected["cp"]


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["kind"] == "composed"], ids=lambda v: v["name"])
def test_composed_frames_are_rebuilt_byte_for_byte(vector: dict[str, Any]) -> None:
    assert builder.build(parse(vector["text"])).decode() == vector["text"]


def test_the_wrong_algorithm_is_named() -> None:
    (frame,) = Framer().feed(vector("modbus_crc_sender")["text"].encode())
    assert crc_error(frame.segment, frame.crc) is FrameError.MODBUS_CRC
    (stale,) = Framer().feed(vector("hj212-protocol_1")["text"].encode())
    assert crc_error(stale.segment, stale.crc) is FrameError.BAD_CRC


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("hj212-protocol_1", {"missing_qn", "missing_flag", "comma"}),
        ("hj212-protocol_2", {"missing_flag", "pnum_without_split", "pnum_form", "header_order"}),
        ("hj212-protocol_3", {"duplicate_key", "mn_length"}),
        ("alltobs-hj212_1", {"missing_qn", "missing_flag", "data_time_17_digits", "mn_length"}),
        ("hist_request_2061", set()),
    ],
)
def test_deviations_of_real_frames(name: str, wanted: set[str]) -> None:
    segment = parse(vector(name)["text"])
    read(segment, SHANGHAI, FLAGS)
    found = {d.value for d in segment.deviations}
    assert wanted - {"comma"} <= found
    if name == "hist_request_2061":
        assert found == {"comma_for_semicolon"}


def test_readings_with_flags_time_and_units_left_alone() -> None:
    segment = parse(vector("minute_2051_split_1of2")["text"])
    content = read(segment, SHANGHAI, FLAGS)
    assert content.observed_at == 1_767_196_800_000  # 2026-01-01 00:00 +08:00
    assert dict(zip(content.names, content.values, strict=True)) == {
        "a21026-Min": 1.1, "a21026-Avg": 2.2, "a21026-Max": 3.3, "a21026-ZsMin": 1.2, "a21026-ZsAvg": 2.4,
        "a21026-ZsMax": 3.6, "a21026-Cou": 0.3,
    }  # fmt: skip
    assert set(content.quality) == {Quality.GOOD}
    assert segment.split
    assert segment.wants_answer
    assert not segment.deviations


def test_text_between_slashes_is_kept_whole() -> None:
    content = read(parse(vector("log_3020_utf8")["text"]), SHANGHAI, FLAGS)
    assert content.texts == [("i11001-Info", "仪表校准完成")]
    tricky = parse_segment(b"QN=1;CN=3020;Flag=5;CP=&&DataTime=20260101000000;i11001-Info=//a;b,c=d//&&")
    assert read(tricky, SHANGHAI, FLAGS).texts == [("i11001-Info", "a;b,c=d")]


HEAD = "QN=20260101000000001;ST=31;CN=2011;PW=123456;MN=010000A8900016F000169DC0;Flag=5;"
CP = "CP=&&DataTime=20260101000000;"


@pytest.mark.parametrize(
    ("text", "deviation"),
    [
        (HEAD + CP + "a21026-Rtd=1.0;&&", Deviation.TRAILING_SEPARATOR),
        (HEAD + CP + "a21026-Rtd=1.0,;a21002-Rtd=1&&", Deviation.TRAILING_SEPARATOR),
        (HEAD.replace(";ST", ",ST") + CP + "a21026-Rtd=1.0&&", Deviation.COMMA_FOR_SEMICOLON),
        (HEAD + CP + " a21026-Rtd = 1.0 &&", Deviation.SPACES),
        (HEAD[:-1] + CP + "a21026-Rtd=1.0&&", Deviation.HEADER_SEPARATOR),
        (HEAD + CP + "a21026-Rtd=1.0,Flag=N&&", Deviation.MISSING_PREFIX),
        (HEAD + CP + "a21026-Rtd=1.0,a21026-Rtd=1.0&&", Deviation.DUPLICATE_KEY),
        (HEAD + CP + "a21026-rtd=1.0&&", Deviation.NAME_CASE),
        (HEAD + CP + "a21026-Rtd=1.0;a21026-Flag=N&&", Deviation.SEMICOLON_FOR_COMMA),
        (HEAD + CP + "a21026-Rtd=1.0,a21002-Rtd=1&&", Deviation.COMMA_FOR_SEMICOLON),
        (HEAD + CP + "a21026-Rtd=1.0,a21026-Flag=Sd&&", Deviation.UNKNOWN_FLAG),
        (HEAD + CP + "a21026-Rtd=1.&&", Deviation.NUMBER_FORM),
        (HEAD + CP + "a21026-Rtd&&", Deviation.NO_EQUALS),
        (HEAD + CP + ";a21026-Rtd=1&&", Deviation.EMPTY_ITEM),
        (HEAD.replace("PW=123456", "PW=1") + CP + "&&", Deviation.PW_LENGTH),
        (HEAD.replace("PW=123456;", "") + CP + "&&", Deviation.MISSING_PW),
        (HEAD.replace("ST=31;", "") + CP + "&&", Deviation.MISSING_ST),
        (HEAD.replace("QN=2", "QN=") + CP + "&&", Deviation.QN_FORM),
        (HEAD.replace("Flag=5", "Flag=x") + CP + "&&", Deviation.FLAG_FORM),
        (HEAD.replace("Flag=5", "Flag=60") + CP + "&&", Deviation.UNKNOWN_VERSION),
        (HEAD.replace("Flag=5", "FLAG=5") + CP + "&&", Deviation.HEADER_CASE),
        (HEAD + "X=1;" + CP + "&&", Deviation.HEADER_UNKNOWN),
        (HEAD + "Flag=5;" + CP + "&&", Deviation.HEADER_DUPLICATE),
        (HEAD + "RF=1;" + CP + "&&", Deviation.RF_UNEXPECTED),
        (HEAD.replace("Flag=5", "Flag=7") + CP + "&&", Deviation.SPLIT_WITHOUT_PNUM),
        (HEAD.replace("Flag=5", "Flag=7;PNUM=1;PNO=2") + CP + "&&", Deviation.PNO_ABOVE_PNUM),
        (HEAD + CP + "a21026-Rtd=1", Deviation.CP_UNTERMINATED),
        (HEAD + "CP=&&Overtime=5&&", Deviation.NAME_CASE),
        (HEAD + CP + "a21026-Rtd=1.0" + ";a34013-Rtd=0" * 80 + "&&", Deviation.LONG_SEGMENT),
    ],
)
def test_every_tolerated_form_is_read_and_noted(text: str, deviation: Deviation) -> None:
    segment = parse_segment(text.encode())
    content = read(segment, SHANGHAI, FLAGS)
    assert deviation in segment.deviations
    if "a21026-Rtd=1" in text or "= 1.0" in text or "-rtd=1" in text:
        assert content.values[0] == 1.0
        assert content.names[0] == "a21026-Rtd"


def test_blank_and_unreadable_values_become_no_value() -> None:
    segment = parse_segment((HEAD + CP + "a1-Rtd=,a1-Flag=B;a2-Rtd=--;a3-Rtd=-1.5&&").encode())
    content = read(segment, SHANGHAI, FLAGS)
    assert [str(v) for v in content.values] == ["nan", "nan", "-1.5"]
    assert content.quality == [Quality.BAD, Quality.UNKNOWN, Quality.UNKNOWN]
    assert {Deviation.BLANK_VALUE, Deviation.NOT_A_NUMBER} <= set(segment.deviations)


def test_two_values_under_one_name_are_suspect() -> None:
    segment = parse_segment((HEAD + CP + "a1-Rtd=1,a1-Flag=N;a1-Rtd=2&&").encode())
    content = read(segment, SHANGHAI, FLAGS)
    assert (content.values, content.quality) == ([1.0], [Quality.SUSPECT])


@pytest.mark.parametrize(
    ("flag", "letter", "quality"),
    [
        (5, "N", Quality.GOOD), (5, "T", Quality.SUSPECT), (1, "T", Quality.GOOD), (5, "F", Quality.BAD),
        (1, "F", Quality.SUSPECT), (5, "S", Quality.SUBSTITUTED), (5, "C", Quality.CALIBRATION),
        (9, "M", Quality.MAINTENANCE), (1, "3", Quality.GOOD), (5, "3", Quality.SUSPECT),
        (5, "z", Quality.SUSPECT),
    ],
)  # fmt: skip
def test_a_flag_means_what_its_version_says(flag: int, letter: str, quality: Quality) -> None:
    text = HEAD.replace("Flag=5", f"Flag={flag}") + CP + f"a1-Rtd=1,a1-Flag={letter}&&"
    assert read(parse_segment(text.encode()), SHANGHAI, FLAGS).quality == [quality]


def test_own_letters_of_a_device() -> None:
    text = HEAD + CP + "a1-Rtd=1,a1-Flag=z&&"
    assert read(parse_segment(text.encode()), SHANGHAI, flag_table({"z": "maintenance"})).quality == [
        Quality.MAINTENANCE
    ]


@pytest.mark.parametrize(
    ("time", "error"),
    [("", FrameError.BAD_DATA_TIME), ("20260230000000", FrameError.BAD_DATA_TIME),
     ("20260101240000", FrameError.BAD_DATA_TIME), ("202601010000", FrameError.BAD_DATA_TIME)],
)  # fmt: skip
def test_a_bad_time_is_never_guessed(time: str, error: FrameError) -> None:
    text = HEAD + f"CP=&&DataTime={time};a1-Rtd=1&&"
    content = read(parse_segment(text.encode()), SHANGHAI, FLAGS)
    assert (content.observed_at, content.error) == (None, error)
    missing = read(parse_segment((HEAD + "CP=&&a1-Rtd=1&&").encode()), SHANGHAI, FLAGS)
    assert missing.error is FrameError.NO_DATA_TIME


@pytest.mark.parametrize(
    ("text", "reason"), [("QN=1;ST=31;", FrameError.NO_CP), ("ST=31;CP=&&&&", FrameError.NO_CN),
                         ("CN=20x1;CP=&&&&", FrameError.NO_CN)]
)  # fmt: skip
def test_segments_nobody_can_read(text: str, reason: FrameError) -> None:
    with pytest.raises(SegmentError) as caught:
        parse_segment(text.encode())
    assert caught.value.reason is reason


def test_resent_frames_carry_the_flag() -> None:
    text = HEAD.replace("Flag=5;", "Flag=9;RF=1;") + CP + "a1-Rtd=1,a1-Flag=N&&"
    segment = parse_segment(text.encode())
    assert read(segment, SHANGHAI, FLAGS).quality == [QualityFlag.RESENT]
    assert not segment.deviations


def test_addresses_of_period_data_are_their_own() -> None:
    assert address_of(2011, "a21026-Rtd") == "a21026-Rtd"
    assert address_of(2051, "a21026-Avg") == "a21026-Avg"
    assert address_of(2061, "a21026-Avg") == "2061:a21026-Avg"


@given(st.binary(max_size=300))
def test_crc_three_ways(data: bytes) -> None:
    assert crc_bitwise(data) == crc(data) == crc_fast(data)


def test_the_modbus_value_differs() -> None:
    assert crc(b"QN=1") != crc_modbus(b"QN=1")


@given(segments())
def test_build_then_parse_gives_the_same(segment: Any) -> None:
    raw = builder.build(segment)
    (framed,) = Framer().feed(raw)
    assert crc_error(framed.segment, framed.crc) is None
    again = parse_segment(framed.segment)
    assert again.deviations in ([], [Deviation.LONG_SEGMENT])
    again.deviations = []
    assert again == segment
    assert builder.build(again) == raw


@given(segments(), st.binary(min_size=16, max_size=16))
def test_encrypted_frames_come_back(segment: Any, key: bytes) -> None:
    segment.flag, segment.version, segment.resent = 8 | (segment.flag & 3), Version.V2025, False
    sm4 = Sm4(key)
    raw = builder.build(segment, sm4)
    framer = Framer()
    (framed,) = framer.feed(raw + raw)[:1]
    assert len(framed.segment) == len(builder.segment_bytes(segment))
    clear = sm4.decrypt_segment(framed.segment)
    assert crc_error(clear, framed.crc) is None
    assert parse_segment(clear).items == segment.items


def test_sm4_standard_block_and_the_printed_frame() -> None:
    block = SM4_VECTORS["sm4_block_standard"]
    sm4 = Sm4(bytes.fromhex(block["key_hex"]))
    assert sm4.encrypt(bytes.fromhex(block["plain_hex"])).hex() == block["cipher_hex"]
    example = SM4_VECTORS["std2025_A2_ex2"]
    sm4 = Sm4(bytes.fromhex(example["key_hex"]))
    assert sm4.encrypt(example["plain_cp"].encode()).hex().upper() == example["cipher_hex"]
    plain = example["plain_frame"].encode()
    segment = plain[6:-4]
    wire = builder.build(parse_segment(segment), sm4)
    assert wire[-6:-2].decode() == example["expected"]["crc_over_plaintext"]
    assert bytes.fromhex(example["cipher_hex"]) in wire
    (framed,) = Framer().feed(wire)
    assert sm4.decrypt_segment(framed.segment) == segment
    login = SM4_VECTORS["std2025_H_multimedia_authorization"]
    user, _, password = login["plain_text"].partition(":")
    assert Sm4(login["key_text"].encode()).authorization(user, password) == login["expected"]


def test_a_wrong_key_length_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Sm4(b"short")


@given(st.text("0123456789.-+eE", max_size=24))
def test_numbers_agree_with_python(text: str) -> None:
    value, deviation = number(text)
    if value == value:
        assert value == float(text)
    else:
        assert deviation in (Deviation.BLANK_VALUE, Deviation.NOT_A_NUMBER)


def test_split_repeats_the_time_and_respects_the_limit() -> None:
    items: list[tuple[tuple[str, str], ...]] = [(("DataTime", "20260101000000"),)]
    items += [((f"a{i:05d}-Rtd", "1.0"), (f"a{i:05d}-Flag", "N")) for i in range(100)]
    parts = builder.split_items(items)
    assert len(parts) > 2
    assert all(part[0] == items[0] for part in parts)
    assert all(len(builder.cp_text(part)) <= 950 for part in parts)
    assert [i for part in parts for i in part[1:]] == items[1:]
    with pytest.raises(ValueError, match="alone exceeds"):
        builder.split_items([(("a1-Info", "x" * 1000),)])
    with pytest.raises(ValueError, match="does not fit"):
        builder.frame(b"x" * 10_000)


def test_local_time_round_trip() -> None:
    assert SHANGHAI.to_text(SHANGHAI.to_ms("20260101000000")) == "20260101000000"
    assert SHANGHAI.to_text(SHANGHAI.to_ms("20260101000000123"), 17) == "20260101000000123"
    assert MN
