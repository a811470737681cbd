"""The arithmetic of the audit chain: canonical text, hash links, and a verifier that needs no database.

An entry is hashed as ``SHA-256(previous hash in hex + "\\n" + body)`` with the body as UTF-8. The body is
canonical JSON and kept as text, so that any program in any language can check an export byte by byte.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from pathlib import PurePath
from uuid import UUID

#: What the first entry links to.
GENESIS = "0" * 64

_SECRET = re.compile(r"password|secret|token|recovery_code|private_key|api_key|credential", re.IGNORECASE)
#: Parts of a key that contain one of the words above without being secret.
_HARMLESS = re.compile(r"(_id|_at|_name|_count|_changed|_length|_prefix)$", re.IGNORECASE)
MASK = "***"


@dataclass(frozen=True)
class ChainReport:
    """What a verification found.

    Attributes:
        entries: how many entries were read and found sound before the first fault.
        sound: whether the whole chain is unbroken.
        head: number and hash of the last sound entry.
        broken_at: number of the first entry that does not fit, None when sound.
        fault: ``hash`` (content changed), ``link`` (an entry before it was changed or exchanged), ``gap``
            (entries are missing), ``columns`` (search columns differ from the body), ``format``,
            ``truncated`` (the chain ends before a head that was noted earlier).
    """

    entries: int
    sound: bool
    head: tuple[int, str]
    broken_at: int | None = None
    fault: str | None = None

    @property
    def ok(self) -> bool:
        return self.sound

    def text(self, language: str = "en") -> str:
        """The finding in words."""
        from parksight.kernel.i18n import translate

        if self.sound:
            return translate("kernel.audit.sound", language, entries=self.entries, head=self.head[1])
        fault = translate(f"kernel.audit.fault.{self.fault}", language)
        return translate("kernel.audit.broken", language, seq=self.broken_at, fault=fault)


@lru_cache(maxsize=4096)  # asked for every key of every entry, and keys are few
def is_secret_key(key: str) -> bool:
    """Whether values under this key must not be written anywhere."""
    return bool(key) and bool(_SECRET.search(key)) and not _HARMLESS.search(key)


def plain(value: object, *, key: str = "") -> object:
    """``value`` in JSON's own types; secrets are masked by the name of their key.

    Raises:
        TypeError: a value that has no canonical form, named by its type.
    """
    if is_secret_key(key) and value not in (None, "", False, True):
        return MASK
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, str):
        # A lone surrogate has no UTF-8 form and would make the entry unprintable.
        return str(value).encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return 0.0 if value == 0 else float(value)
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return _plain_other(value)


def _plain_other(value: object) -> object:
    if isinstance(value, datetime):
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return aware.isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal | UUID | PurePath):
        return str(value)
    if isinstance(value, bytes):
        return "sha256:" + hashlib.sha256(value).hexdigest()
    if isinstance(value, Mapping):
        out: dict[str, object] = {}
        for k, v in value.items():
            name = str(plain(str(k)))
            out[name] = plain(v, key=name)
        return out
    if isinstance(value, set | frozenset):
        return sorted((plain(v) for v in value), key=_dump)
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return plain(dump(mode="json"))
    if isinstance(value, Iterable):
        return [plain(v) for v in value]
    raise TypeError(f"{type(value).__name__} has no place in the audit chain: hand over plain data")


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(value: object) -> str:
    """The one text of a value: sorted keys, no spaces, shortest floats, UTC instants, secrets masked."""
    return _dump(plain(value))


def link(previous: str, body: str) -> str:
    """Hash of an entry (64 hex digits) from the hash before it and its body."""
    return hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest()


class Checker:
    """Follows a chain entry by entry; stops believing at the first fault."""

    def __init__(self) -> None:
        self.seq = 0
        self.hash = GENESIS
        self.fault: tuple[int, str] | None = None

    def feed(self, seq: int, previous: str, body: str, digest: str, *, columns_agree: bool = True) -> bool:
        """Take the next entry; False (and no further progress) once something does not fit."""
        if self.fault:
            return False
        if seq != self.seq + 1:
            self.fault = (self.seq + 1, "gap")
        elif previous != self.hash:
            self.fault = (seq, "link")
        elif link(previous, body) != digest:
            self.fault = (seq, "hash")
        elif not columns_agree:
            self.fault = (seq, "columns")
        else:
            self.seq, self.hash = seq, digest
        return self.fault is None

    def report(self, anchor: tuple[int, str] | None = None) -> ChainReport:
        """The verdict; ``anchor`` is a head noted earlier that must lie on this chain's past."""
        if self.fault is None and anchor is not None and anchor[0] > self.seq:
            self.fault = (self.seq + 1, "truncated")
        broken, fault = self.fault or (None, None)
        return ChainReport(self.seq, self.fault is None, (self.seq, self.hash), broken, fault)


def verify_export(lines: Iterable[str], anchor: tuple[int, str] | None = None) -> ChainReport:
    """Check an exported chain (JSON lines with ``seq``, ``previous``, ``body``, ``hash``).

    Args:
        lines: the export, one entry a line; blank lines are skipped.
        anchor: ``(seq, hash)`` noted elsewhere, e.g. in a backup's manifest; finds a cut-off tail and a chain
            that was recomputed from some entry on.
    """
    checker = Checker()
    for line in lines:
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            seq, previous = int(entry["seq"]), str(entry["previous"])
            body, digest = str(entry["body"]), str(entry["hash"])
        except (ValueError, KeyError, TypeError):
            checker.fault = (checker.seq + 1, "format")
            break
        if not checker.feed(seq, previous, body, digest):
            break
        if anchor is not None and seq == anchor[0] and digest != anchor[1]:
            checker.fault = (seq, "link")
            break
    return checker.report(anchor)
