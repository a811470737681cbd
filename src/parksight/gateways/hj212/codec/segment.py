"""The data segment: lenient in its fields, with every deviation named (section 1.11 of the facts).

CRC and length are judged before; here a segment is refused only when nobody could say what it is: no CP, no
CN.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from parksight.gateways.hj212.codec.commands import ST_INTERACTION, Version
from parksight.gateways.hj212.codec.reasons import Deviation, FrameError

_ORDER = ("QN", "ST", "CN", "PW", "MN", "Flag", "PNUM", "PNO", "RF")
_KNOWN = {name.upper(): name for name in _ORDER}
_COMMA_IN_HEADER = re.compile(r",(?=\s*(?:ST|CN|PW|MN|Flag|PNUM|PNO|RF)\s*=)", re.IGNORECASE)
#: Text between slashes may hold any character, separators too.
_TEXT = re.compile(r"//.*?//", re.DOTALL)
#: Names of fields that stand alone; the standard's own examples vary their case.
FIELDS = (
    "SystemTime", "DataTime", "BeginTime", "EndTime", "RestartTime", "RtdInterval", "MinInterval", "OverTime",
    "ReCount", "QnRtn", "ExeRtn", "PolId", "InfoId", "NewPW", "VaseNo", "CstartTime", "Ctime", "Stime",
    "CalibrationType", "SKCreateTime", "NewSK", "SampleRd", "StandardValue", "ResultType",
)  # fmt: skip
_FIELDS = {name.upper(): name for name in FIELDS}
_KINDS = {
    kind.upper(): kind
    for kind in (
        "Rtd", "Min", "Avg", "Max", "ZsRtd", "ZsMin", "ZsAvg", "ZsMax", "Cou", "Flag", "EFlag", "Data",
        "DayData", "NightData", "Info", "SN", "SampleTime", "RS", "RT",
    )
}  # fmt: skip
Item = tuple[tuple[str, str], ...]


class SegmentError(ValueError):
    """The segment cannot be understood at all; ``reason`` says why."""

    def __init__(self, reason: FrameError) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(slots=True)
class Segment:
    """A parsed data segment.

    Attributes:
        version: from the version bits of Flag; without a Flag it is the 2005 form.
        flag: value of Flag, None when absent or unreadable.
        items: the CP: items in order, each a tuple of (name, value) as sent, names in normal case.
        deviations: what broke the standard, in order of discovery, each once.
        extra: header fields nobody knows.
    """

    qn: str | None
    st: str | None
    cn: int
    pw: str | None
    mn: str | None
    flag: int | None
    version: Version
    pnum: int | None = None
    pno: int | None = None
    resent: bool = False
    items: tuple[Item, ...] = ()
    deviations: list[Deviation] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def wants_answer(self) -> bool:
        """Bit 0 of Flag."""
        return bool(self.flag is not None and self.flag & 1)

    @property
    def split(self) -> bool:
        """Bit 1 of Flag: a part of a larger whole."""
        return bool(self.flag is not None and self.flag & 2)

    def note(self, deviation: Deviation) -> None:
        if deviation not in self.deviations:
            self.deviations.append(deviation)

    def get(self, name: str) -> str | None:
        """The first value of a field of the CP."""
        for item in self.items:
            for key, value in item:
                if key == name:
                    return value
        return None


def parse_segment(data: bytes) -> Segment:
    """Parse a clear data segment.

    Raises:
        SegmentError: no ``CP=`` or no readable CN.
    """
    start = data.find(b"CP=&&")
    if start < 0:
        raise SegmentError(FrameError.NO_CP)
    noted: list[Deviation] = []
    body = data[start + 5 :]
    if body.endswith(b"&&"):
        body = body[:-2]
    else:
        noted.append(Deviation.CP_UNTERMINATED)
    if len(data) > 1024:
        noted.append(Deviation.LONG_SEGMENT)
    segment = _header(_text(data[:start], noted), noted)
    segment.items = _cp(_text(body, segment.deviations), segment)
    return segment


def _text(data: bytes, noted: list[Deviation]) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        if Deviation.NOT_UTF8 not in noted:
            noted.append(Deviation.NOT_UTF8)
    try:
        return data.decode("gb18030")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def _header(text: str, noted: list[Deviation]) -> Segment:
    if text.endswith(";"):
        text = text[:-1]
    elif text:
        # "Flag=5CP=": the separator before CP is missing.
        noted.append(Deviation.HEADER_SEPARATOR)
    fixed = _COMMA_IN_HEADER.sub(";", text)
    if fixed != text:
        noted.append(Deviation.COMMA_FOR_SEMICOLON)
    values: dict[str, str] = {}
    extra: dict[str, str] = {}
    order: list[int] = []

    def note(deviation: Deviation) -> None:
        if deviation not in noted:
            noted.append(deviation)

    for part in fixed.split(";"):
        name, equals, value = part.partition("=")
        if not equals:
            note(Deviation.EMPTY_ITEM if not part.strip() else Deviation.NO_EQUALS)
            continue
        if name != name.strip() or value != value.strip():
            note(Deviation.SPACES)
            name, value = name.strip(), value.strip()
        normal = _KNOWN.get(name.upper())
        if normal is None:
            note(Deviation.HEADER_UNKNOWN)
            if len(extra) < 16:
                extra[name] = value
            continue
        if normal != name:
            note(Deviation.HEADER_CASE)
        if normal in values:
            note(Deviation.HEADER_DUPLICATE)
            continue
        values[normal] = value
        order.append(_ORDER.index(normal))
    if order != sorted(order):
        note(Deviation.HEADER_ORDER)
    cn = values.get("CN", "")
    if len(cn) != 4 or not _digits(cn):
        raise SegmentError(FrameError.NO_CN)
    return _checked(values, extra, int(cn), noted)


def _checked(values: dict[str, str], extra: dict[str, str], cn: int, noted: list[Deviation]) -> Segment:
    flag, version = _flag(values.get("Flag"), noted)
    segment = Segment(
        values.get("QN") or None, values.get("ST") or None, cn, values.get("PW"), values.get("MN") or None,
        flag, version, deviations=noted, extra=extra,
    )  # fmt: skip
    _form(segment, segment.qn, 17, Deviation.MISSING_QN, Deviation.QN_FORM)
    _form(segment, segment.st, 2, Deviation.MISSING_ST, Deviation.ST_FORM)
    if segment.pw is None:
        segment.note(Deviation.MISSING_PW)
    elif len(segment.pw) != 6:
        segment.note(Deviation.PW_LENGTH)
    if segment.mn is not None and len(segment.mn) != (14 if version is Version.V2005 else 24):
        segment.note(Deviation.MN_LENGTH)
    _parts(segment, values)
    if (rf := values.get("RF")) is not None:
        segment.resent = rf == "1"
        if version is not Version.V2025 or rf != "1":
            segment.note(Deviation.RF_UNEXPECTED)
    return segment


def _flag(text: str | None, noted: list[Deviation]) -> tuple[int | None, Version]:
    if text is None:
        noted.append(Deviation.MISSING_FLAG)
        return None, Version.V2005
    if not _digits(text) or len(text) > 3 or int(text) > 255:
        noted.append(Deviation.FLAG_FORM)
        return None, Version.V2005
    flag = int(text)
    if flag >> 2 > Version.V2025:
        # A version newer than we know: read it as the newest we know.
        noted.append(Deviation.UNKNOWN_VERSION)
        return flag, Version.V2025
    if len(text) > 1 and text[0] == "0":
        noted.append(Deviation.FLAG_FORM)
    return flag, Version(flag >> 2)


def _form(segment: Segment, value: str | None, length: int, missing: Deviation, wrong: Deviation) -> None:
    if value is None:
        segment.note(missing)
    elif len(value) != length or not _digits(value):
        segment.note(wrong)


def _parts(segment: Segment, values: dict[str, str]) -> None:
    pnum, pno = values.get("PNUM"), values.get("PNO")
    if pnum is None and pno is None:
        if segment.split:
            segment.note(Deviation.SPLIT_WITHOUT_PNUM)
        return
    if not segment.split:
        segment.note(Deviation.PNUM_WITHOUT_SPLIT)
    for text in (pnum, pno):
        if text is None or not _digits(text) or len(text) > 4 or (len(text) > 1 and text[0] == "0"):
            segment.note(Deviation.PNUM_FORM)
    segment.pnum = int(pnum) if pnum and _digits(pnum) and len(pnum) <= 4 else None
    segment.pno = int(pno) if pno and _digits(pno) and len(pno) <= 4 else None
    if segment.pnum is not None and segment.pno is not None and segment.pno > segment.pnum:
        segment.note(Deviation.PNO_ABOVE_PNUM)


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _cp(text: str, segment: Segment) -> tuple[Item, ...]:
    if not text:
        return ()
    texts: list[str] = []
    if "//" in text:

        def hide(found: re.Match[str]) -> str:
            texts.append(found.group())
            return f"\0{len(texts) - 1}\0"

        text = _TEXT.sub(hide, text.replace("\0", " "))
    parts = text.split(";")
    if not parts[-1].strip():
        segment.note(Deviation.TRAILING_SEPARATOR)
        parts.pop()
    items: list[Item] = []
    for part in parts:
        if not part.strip():
            segment.note(Deviation.EMPTY_ITEM)
            continue
        item = _item(part, texts, segment)
        if item:
            items.append(item)
    return tuple(items)


def _item(part: str, texts: list[str], segment: Segment) -> Item:
    pairs: list[tuple[str, str]] = []
    pieces = part.split(",")
    if len(pieces) > 1 and not pieces[-1].strip():
        segment.note(Deviation.TRAILING_SEPARATOR)
        pieces.pop()
    for piece in pieces:
        name, equals, value = piece.partition("=")
        if not equals:
            segment.note(Deviation.NO_EQUALS if piece.strip() else Deviation.EMPTY_ITEM)
            continue
        if name != name.strip() or value != value.strip():
            segment.note(Deviation.SPACES)
            name, value = name.strip(), value.strip()
        if "\0" in value:
            value = re.sub("\0(\\d+)\0", lambda m: texts[int(m.group(1))], value)
        pairs.append((_normal(name, segment), value))
    return tuple(pairs)


def _normal(name: str, segment: Segment) -> str:
    normal = normal_name(name)
    if normal != name:
        segment.note(Deviation.NAME_CASE)
    return normal


def normal_name(name: str) -> str:
    """A field name with the case of the standard; factor codes are case-sensitive and left alone."""
    factor, dash, kind = name.rpartition("-")
    table = _KINDS if dash else _FIELDS
    return factor + dash + table.get(kind.upper(), kind)


def is_answer(segment: Segment) -> bool:
    """A frame of the 9xxx range, which is never answered (but the heartbeat)."""
    return segment.cn >= 9000 or segment.st == ST_INTERACTION
