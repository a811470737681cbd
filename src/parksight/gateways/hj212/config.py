"""How an HJ 212 device is configured and what its policy may decide; both are data of the device's record."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from parksight.gateways.spec import Strict
from parksight.telemetry.quality import Quality

#: Prefix of a secret sealed by :class:`parksight.kernel.sealing.Sealer`.
SEALED = "sealed:"


def _key(value: str) -> str:
    if not value.startswith(SEALED):
        raise ValueError("an SM4 key is set by PUT /devices/{id}/hj212/key and kept sealed")
    return value


def _letters(value: dict[str, str]) -> dict[str, str]:
    names = {q.name.lower() for q in Quality}
    for letter, name in value.items():
        if len(letter) != 1 or not letter.isascii() or not letter.isprintable():
            raise ValueError("a data flag is one printable ASCII character")
        if name not in names:
            raise ValueError(f"unknown quality {name!r}; use one of {', '.join(sorted(names))}")
    return value


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for item in value:
        ipaddress.ip_network(item, strict=False)
    return value


class Hj212Config(Strict):
    """What is known of a device.

    Attributes:
        password: PW of our requests; None repeats what the device sends. It is clear text on the wire.
        sm4_key: key for HJ 212-2025 encryption, ``sealed:…``; None: clear text.
        st: system type of our requests; None repeats what the device sends.
    """

    password: Annotated[str, Field(min_length=1, max_length=16, pattern=r"^[!-~]+$")] | None = None
    sm4_key: Annotated[str, AfterValidator(_key)] | None = None
    st: Annotated[str, Field(pattern=r"^\d{2}$")] | None = None


class FirstConnect(Strict):
    """Requests after a device connects (HJ 212-2017 first connection). Many devices refuse them: off by default.

    None leaves a parameter as the device has it.
    """

    enabled: bool = False
    set_time: bool = True
    over_time_s: Annotated[int, Field(ge=1, le=99)] | None = None
    retries: Annotated[int, Field(ge=0, le=99)] | None = None
    realtime_interval_s: Annotated[int, Field(ge=30, le=3600)] | None = None
    minute_interval: Literal[1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30] | None = None
    realtime: bool | None = None
    status: bool | None = None


class Backfill(Strict):
    """Asking a device for what was missed while it was away: off by default.

    Attributes:
        commands: histories to ask for, in this order.
        min_gap_s: shorter gaps are left.
        max_hours: older history is left.
        span_minutes: history asked for in one request.
    """

    enabled: bool = False
    commands: tuple[Literal[2031, 2041, 2051, 2061], ...] = (2051, 2061)
    min_gap_s: int = Field(300, ge=60)
    max_hours: int = Field(72, ge=1, le=24 * 366)
    span_minutes: int = Field(360, ge=10, le=44_640)


class Hj212Policy(Strict):
    """What to tolerate and what to do, per device.

    Attributes:
        answer: acknowledge uploads that ask for it (only ever once they are durable).
        addresses: networks the device may call from; empty: any.
        two_addresses: when the MN speaks from a second address while the first is still connected: ``note`` it,
            or trust the ``newest`` and close the older connection.
        bad_frames_in_a_row: hang up after so many unreadable frames; None: the gateway's limit.
        set_time_on_request: answer 1013 with 9013 and then 1012.
        fill_gaps: within a gap of its real-time data, minute means (2051) stand in where the mean has no
            mapping of its own.
        ignore: addresses, with ``*``, that are known and deliberately not stored.
        flags: its own data flags, letter -> quality.
        joined_history: write BeginTime and EndTime in one item, as some examples of the standard do.
    """

    answer: bool = True
    addresses: Annotated[tuple[str, ...], AfterValidator(_networks)] = ()
    two_addresses: Literal["note", "newest"] = "note"
    bad_frames_in_a_row: Annotated[int, Field(ge=1)] | None = None
    set_time_on_request: bool = True
    fill_gaps: bool = True
    ignore: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = ()
    flags: Annotated[dict[str, str], AfterValidator(_letters)] = Field(default_factory=dict)
    joined_history: bool = False
    request_timeout_s: float = Field(10.0, gt=0, le=600)
    request_retries: int = Field(3, ge=0, le=10)
    execution_timeout_s: float = Field(300.0, gt=0, le=86_400)
    first_connect: FirstConnect = FirstConnect()
    backfill: Backfill = Backfill()


def normal_mn(address: str) -> str:
    """An MN as devices send it.

    Raises:
        ValueError: empty, too long or with characters that no frame can carry.
    """
    mn = address.strip()
    if not 1 <= len(mn) <= 40:
        raise ValueError("an MN has 24 characters (14 in 2005), at most 40")
    if not all("!" <= c <= "~" and c not in ";,=&#" for c in mn):
        raise ValueError("an MN has printable ASCII characters without ; , = & #")
    return mn
