"""Command numbers, versions and answer codes of HJ 212 as values."""

from __future__ import annotations

from enum import IntEnum


class Version(IntEnum):
    """Version bits (7 to 2) of Flag."""

    V2005 = 0
    V2017 = 1
    V2025 = 2


class Cn:
    """Command numbers used by name; the full list with texts is in ``data/codes.json``."""

    SET_TIMEOUT = 1000
    LOGGER_IDS = 1001
    SET_MN = 1002
    GET_TIME = 1011
    SET_TIME = 1012
    ASK_TIME = 1013
    KEY = 1014
    GET_REALTIME_INTERVAL = 1061
    SET_REALTIME_INTERVAL = 1062
    GET_MINUTE_INTERVAL = 1063
    SET_MINUTE_INTERVAL = 1064
    REALTIME = 2011
    STOP_REALTIME = 2012
    RAW_PERIODIC = 2013
    STATUS = 2021
    STOP_STATUS = 2022
    DAY = 2031
    RUN_TIME = 2041
    MINUTE = 2051
    NOISE_SINGLE = 2052
    HOUR = 2061
    STANDARD_CHECK = 2062
    BOOT_TIME = 2081
    FURNACE = 2111
    SAMPLING_CYCLE = 3017
    SAMPLE_OUT_TIME = 3018
    INSTRUMENT_ID = 3019
    INFORMATION = 3020
    REQUEST_ANSWER = 9011
    RESULT = 9012
    NOTIFY_ANSWER = 9013
    DATA_ANSWER = 9014
    HEARTBEAT = 9015


#: ST of everything that is interaction rather than data.
ST_INTERACTION = "91"

#: Frames of these commands are answered with 9013, all other uploads with 9014.
NOTIFICATIONS = frozenset({Cn.ASK_TIME, Cn.STOP_REALTIME, Cn.STOP_STATUS, Cn.HEARTBEAT})

#: Data that can be asked for by begin and end time.
HISTORY = frozenset({Cn.DAY, Cn.RUN_TIME, Cn.MINUTE, Cn.HOUR})

#: Period data: DataTime is the start of the period, so arrival after its end is no lateness.
PERIODS_MS = {Cn.DAY: 86_400_000, Cn.RUN_TIME: 86_400_000, Cn.HOUR: 3_600_000, Cn.MINUTE: 600_000}

#: Commands whose addresses carry no prefix: the real-time value, the status and the minute statistics.
PLAIN_ADDRESSES = frozenset({Cn.REALTIME, Cn.RAW_PERIODIC, Cn.STATUS, Cn.MINUTE})


def encrypted_command(cn: int) -> bool:
    """Whether HJ 212-2025 encrypts the CP of this command (section 1.10 of the facts, unconfirmed)."""
    return 2000 <= cn <= 2999 or cn in (Cn.KEY, Cn.INFORMATION)


def address_of(cn: int, name: str) -> str:
    """The mapping address of a field: ``a21026-Rtd``, ``2061:a21026-Avg``.

    Hour, day and other data of the same field name are series of their own, hence the prefix; minute data and
    everything that exists once go without.
    """
    return name if cn in PLAIN_ADDRESSES else f"{cn}:{name}"


class QnRtn(IntEnum):
    """What a device says of a request (9011)."""

    READY = 1
    REFUSED = 2
    PW_WRONG = 3
    MN_WRONG = 4
    ST_WRONG = 5
    FLAG_WRONG = 6
    QN_WRONG = 7
    CN_WRONG = 8
    CRC_WRONG = 9
    UNKNOWN = 100


class ExeRtn(IntEnum):
    """What a device says of the execution (9012)."""

    DONE = 1
    FAILED = 2
    CONDITION_WRONG = 3
    TIMEOUT = 4
    BUSY = 5
    SYSTEM_FAULT = 6
    NO_DATA = 100
