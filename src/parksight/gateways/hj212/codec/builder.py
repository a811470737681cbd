"""Build frames: every command and answer, in the form of each version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from parksight.gateways.hj212.codec.commands import (
    ST_INTERACTION,
    Cn,
    ExeRtn,
    QnRtn,
    Version,
    encrypted_command,
)
from parksight.gateways.hj212.codec.crc import crc_text
from parksight.gateways.hj212.codec.frame import MAX_SEGMENT
from parksight.gateways.hj212.codec.segment import Item, Segment
from parksight.gateways.hj212.codec.sm4 import Sm4

#: CP bytes of one part when a CP is split (the standard's limit).
CP_LIMIT = 950


def frame(segment: bytes, key: Sm4 | None = None) -> bytes:
    """The frame of a data segment; with a key its CP is encrypted after the CRC was taken of the clear text.

    Raises:
        ValueError: longer than four digits can say.
    """
    if len(segment) > MAX_SEGMENT:
        raise ValueError(f"a data segment of {len(segment)} bytes does not fit a frame (limit {MAX_SEGMENT})")
    body = segment if key is None else key.encrypt_segment(segment)
    return b"##%04d%b%b\r\n" % (len(segment), body, crc_text(segment))


def cp_text(items: Iterable[Item]) -> str:
    """``;`` between items, ``,`` between the values of one item."""
    return ";".join(",".join(f"{name}={value}" for name, value in item) for item in items)


def segment_bytes(segment: Segment) -> bytes:
    """The data segment with its fields in the order of the standard; absent ones are left out."""
    parts: list[str] = []
    for name, value in (
        ("QN", segment.qn), ("ST", segment.st), ("CN", f"{segment.cn:04d}"), ("PW", segment.pw),
        ("MN", segment.mn), ("Flag", segment.flag), ("PNUM", segment.pnum), ("PNO", segment.pno),
        ("RF", 1 if segment.resent else None),
    ):  # fmt: skip
        if value is not None:
            parts.append(f"{name}={value}")
    return (";".join([*parts, "CP=&&"]) + cp_text(segment.items) + "&&").encode()


def build(segment: Segment, key: Sm4 | None = None) -> bytes:
    """A whole frame; encrypted where a key is given and the standard encrypts the command."""
    use = key if segment.version is Version.V2025 and encrypted_command(segment.cn) else None
    return frame(segment_bytes(segment), use)


def flag_value(version: Version, *, answer: bool = False, split: bool = False) -> int:
    """Flag of a version with its two bits."""
    return version << 2 | split << 1 | answer


def command(
    cn: int,
    *,
    qn: str,
    st: str,
    pw: str,
    mn: str,
    version: Version,
    fields: Sequence[tuple[str, str]] = (),
    answer: bool = True,
    joined: bool = False,
    key: Sm4 | None = None,
) -> bytes:
    """A command of the platform (or a plain upload of a test device).

    Args:
        fields: CP fields, one item each; with ``joined`` all in one item (``BeginTime=…,EndTime=…``).
    """
    items: tuple[Item, ...] = (tuple(fields),) if joined and fields else tuple((f,) for f in fields)
    flag = flag_value(version, answer=answer)
    return build(Segment(qn, st, cn, pw, mn, flag, version, items=items), key)


def answer(to: Segment, cn: int, fields: Sequence[tuple[str, str]] = ()) -> bytes:
    """An answer to a received frame: its QN, PW and MN, its version, no further answer wanted."""
    items: tuple[Item, ...] = tuple((f,) for f in fields)
    return build(
        Segment(to.qn, ST_INTERACTION, cn, to.pw, to.mn, flag_value(to.version), to.version, items=items)
    )


def data_answer(to: Segment) -> bytes:
    """9014: the upload has been received (send it only once it is durable)."""
    return answer(to, Cn.DATA_ANSWER)


def notify_answer(to: Segment) -> bytes:
    """9013: the notification (or heartbeat) has been received."""
    return answer(to, Cn.NOTIFY_ANSWER)


def request_answer(to: Segment, code: QnRtn | int) -> bytes:
    """9011: whether the request can be served."""
    return answer(to, Cn.REQUEST_ANSWER, [("QnRtn", str(int(code)))])


def result(to: Segment, code: ExeRtn | int) -> bytes:
    """9012: how the execution ended."""
    return answer(to, Cn.RESULT, [("ExeRtn", str(int(code)))])


def split_items(items: Sequence[Item], limit: int = CP_LIMIT) -> list[tuple[Item, ...]]:
    """Items of a CP in parts of at most ``limit`` bytes; a leading DataTime is repeated in each part.

    Raises:
        ValueError: one item alone exceeds the limit.
    """
    head: tuple[Item, ...] = ()
    rest = list(items)
    if rest and rest[0] and rest[0][0][0] == "DataTime":
        head, rest = (rest[0],), rest[1:]
    parts: list[tuple[Item, ...]] = []
    current = head
    for item in rest:
        if current != head and len(cp_text((*current, item)).encode()) > limit:
            parts.append(current)
            current = head
        current = (*current, item)
        if len(cp_text(current).encode()) > limit:
            raise ValueError(f"the item {item[0][0] if item else ''} alone exceeds {limit} bytes of CP")
    return [*parts, current]
