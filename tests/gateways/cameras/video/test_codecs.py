"""Parameter sets, fragments and packing against what PyAV makes and reads; and against rubbish."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gateways.cameras.clip import film
from tests.gateways.cameras.video.mp4 import boxes, fragment

from parksight.gateways.cameras import wire
from parksight.gateways.cameras.protocols import AccessUnit, Codec
from parksight.gateways.cameras.video import fmp4, nal, sps
from parksight.gateways.cameras.video.packing import Packer
from parksight.gateways.cameras.video.viewer import Viewer

CODECS = st.sampled_from(["h264", "h265"])


@pytest.mark.parametrize("size", [(320, 180), (1280, 720), (1920, 1080), (722, 402)])
@pytest.mark.parametrize("encoder", ["libx264", "libx265"])
def test_size_and_name_of_real_encoders(size: tuple[int, int], encoder: str) -> None:
    codec: Codec = "h264" if encoder == "libx264" else "h265"
    which = 7 if codec == "h264" else 33
    nals, key = film(1, size, codec=encoder)[0]
    assert key
    found = sps.parse(codec, next(n for n in nals if nal.kind(codec, n[0]) == which))
    assert (found.width, found.height) == size
    assert found.codec.startswith("avc1.42c0" if codec == "h264" else "hvc1.1.6.L")


@pytest.mark.parametrize(
    ("data", "size", "codec"),
    [
        (
            "6764001facd9405005bb011000000300100000030320f1831960",
            (1280, 720),
            "avc1.64001f",
        ),  # High, cropping
        ("6742c01ed900a047fe88", None, "avc1.42c01e"),
    ],
)
def test_sets_of_other_encoders(data: str, size: tuple[int, int] | None, codec: str) -> None:
    found = sps.parse("h264", bytes.fromhex(data))
    assert found.codec == codec
    assert size is None or (found.width, found.height) == size


@given(CODECS, st.binary(max_size=120))
def test_sets_of_rubbish_are_refused_or_believable(codec: Codec, data: bytes) -> None:
    for whole in (data, (b"\x67" if codec == "h264" else b"\x42\x01") + data):
        try:
            found = sps.parse(codec, whole)
        except ValueError:
            continue
        assert 0 < found.width <= sps.MAX_SIDE
        assert 0 < found.height <= sps.MAX_SIDE


@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**63),
    st.integers(0, 2**31),
    st.booleans(),
    st.binary(max_size=300),
)
def test_fragments_read_back(sequence: int, dts: int, duration: int, key: bool, data: bytes) -> None:
    made = fmp4.fragment_head(sequence, dts, duration, key, len(data)) + data
    found = fragment(made)
    assert (found.sequence, found.dts, found.duration, found.key, found.data) == (
        sequence,
        dts,
        duration,
        key,
        data,
    )
    assert len(made) - len(data) == fmp4.OVERHEAD == 108


def test_init_segment_holds_the_decoders_record() -> None:
    config = fmp4.avcc([b"\x67\x42\xc0\x0c\xda"], [b"\x68\xce"])
    data = fmp4.init_segment(config, 320, 180)
    assert [name for name, _ in boxes(data)] == [b"ftyp", b"moov"]
    assert b"avcC" + config in data
    assert config.hex() == "0142c00cffe100056742c00cda01000268ce"


@given(
    CODECS,
    st.lists(
        st.binary(min_size=1, max_size=60).map(lambda b: b"\x41" + b.replace(b"\x00", b"\x01")),
        min_size=1,
        max_size=8,
    ),
)
def test_streams_of_bytes_and_lengths_read_back(codec: Codec, nals: list[bytes]) -> None:
    assert nal.split_annex_b(nal.annex_b(nals)) == nals
    made = nal.length_prefixed(codec, nals, sets=True)
    kept = [n for n in nals if nal.kind(codec, n[0]) not in nal._USELESS[codec]]
    assert nal.split_lengths(made) == kept


@given(st.binary(max_size=100))
def test_lengths_of_rubbish(data: bytes) -> None:
    try:
        found = nal.split_lengths(data)
    except ValueError:
        return
    assert sum(len(n) + 4 for n in found) == len(data)


def test_parameter_sets_go_before_key_pictures_that_lack_them() -> None:
    pictures = film()
    sets = nal.ParameterSets("h264", pictures[0][0])
    assert sets.complete
    bare = tuple(n for n in pictures[25][0] if n[0] & 31 == 5)
    led = sets.lead(bare)
    assert [n[0] & 31 for n in led] == [7, 8, 5]
    assert sets.lead(pictures[0][0]) == pictures[0][0]
    other = film(1, (722, 402))[0][0]
    sets.note(other)  # the camera was set to another size
    assert [n for n in sets.all() if n[0] & 31 == 7] == [n for n in other if n[0] & 31 == 7]


def unit(number: int, size: tuple[int, int] = (320, 180)) -> AccessUnit:
    nals, key = film(50, size)[number]
    return AccessUnit("h264", nals, key, 3600 * number, 1e12 + 40 * number, True, 1e12 + 40 * number)


def test_a_new_size_is_a_new_generation() -> None:
    packer = Packer(False)
    packer.pack(unit(0), None)
    assert (packer.generation, packer.format and packer.format.width) == (1, 320)
    packer.pack(unit(25), None)
    assert packer.generation == 1
    packer.pack(unit(0, (722, 402)), None)
    assert (packer.generation, packer.format and packer.format.width) == (2, 722)
    init = packer.init("mse")
    assert init is not None
    assert wire.unpack(init).kind is wire.Kind.INIT
    assert (
        struct.unpack_from(">I4s", init, wire.SIZE + 4 + struct.unpack_from("<I", init, wire.SIZE)[0])[1]
        == b"ftyp"
    )


@pytest.mark.anyio
@given(st.lists(st.tuples(st.integers(1, 400), st.booleans(), st.booleans()), max_size=200))
async def test_a_viewers_queue_keeps_its_bounds_and_begins_with_a_key(
    events: list[tuple[int, bool, bool]],
) -> None:
    viewer = Viewer("mse", 1000, 8)
    offered, seen = 0, []
    for number, (size, key, read) in enumerate(events):
        viewer.offer(bytes([key]) + number.to_bytes(4, "big") + bytes(size), key)
        offered += 1
        assert viewer._held <= 1000
        assert viewer._pictures <= 8
        if read and viewer._ready:
            message = await viewer.next()
            assert message is not None
            seen.append((int.from_bytes(message[1:5], "big"), bool(message[0])))
    assert len(seen) + viewer.dropped + viewer._pictures == offered
    for (a, _), (b, key) in itertools.pairwise(seen):
        assert b > a
        assert b == a + 1 or key
    assert not seen or seen[0][1]
