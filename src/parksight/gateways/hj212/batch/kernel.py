"""The compiled decoder: one pass over many streams' bytes, no Python per frame.

Regular form means: the fields of the header in order, no spaces, one of the plain uploads, DataTime first,
items of one factor each with known names and plain numbers. At the first thing that is not regular the stream
is left as it is and marked; the lenient codec goes on from there.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from parksight.gateways.hj212.batch.answers import MAX_MN, MAX_PW, write_answer
from parksight.gateways.hj212.batch.arrays import (
    U8,
    Constants,
    DeviceArrays,
    FrameArrays,
    NameArrays,
    RowArrays,
    StreamArrays,
)
from parksight.gateways.hj212.batch.tables import find_mn, find_name, key_seed
from parksight.gateways.hj212.codec.crc import crc_span
from parksight.gateways.hj212.codec.times import civil_ms

#: Bits of the deviations that the fast path tolerates.
D_LOWER_CRC, D_LONG, D_NO_QN, D_NO_FLAG, D_PW, D_MN = 1, 2, 4, 8, 16, 32
_UNDEFINED = 0xFF
_LATE, _RESENT = 0x40, 0x10
_SKIP = -2

_DATA_TIME = np.frombuffer(b"CP=&&DataTime=", np.uint8)
_FLAG_KIND = np.frombuffer(b"-Flag=", np.uint8)
_POWERS = 10.0 ** np.arange(16)


@njit(cache=True, nogil=True, inline="always")
def _is(data: U8, at: int, text: U8) -> bool:
    """Whether ``text`` stands at ``at`` (the caller knows there are enough bytes)."""
    for i in range(text.shape[0]):  # noqa: SIM110 - compiled
        if data[at + i] != text[i]:
            return False
    return True


@njit(cache=True, nogil=True, inline="always")
def _number(data: U8, at: int, count: int) -> int:
    """Value of ``count`` decimal digits, -1 when one is none."""
    value = 0
    for i in range(count):
        d = int(data[at + i]) - 48
        if d < 0 or d > 9:
            return -1
        value = value * 10 + d
    return value


@njit(cache=True, nogil=True, inline="always")
def _field_end(data: U8, at: int, stop: int, longest: int) -> int:
    """End of a header value at ``;``; -1 when empty, too long or with unusual characters."""
    i = at
    while i < stop and i - at <= longest:
        c = data[i]
        if c == 59:
            return i if i > at else -1
        if c <= 32 or c > 126 or c == 44 or c == 61:
            return -1
        i += 1
    return -1


@njit(cache=True, nogil=True, inline="always")
def _sent_crc(data: U8, at: int) -> tuple[int, bool]:
    """The four CRC characters as a number (-1 when they are none) and whether a letter is lower case."""
    value = 0
    lower = False
    for i in range(4):
        c = int(data[at + i])
        if 48 <= c <= 57:
            value = value * 16 + c - 48
        elif 65 <= c <= 70:
            value = value * 16 + c - 55
        elif 97 <= c <= 102:
            value = value * 16 + c - 87
            lower = True
        else:
            return -1, False
    return value, lower


@njit(cache=True, nogil=True)
def _name(
    data: U8, q: int, stop: int, seed: int, device: int, cn_key: int, names: NameArrays
) -> tuple[int, int]:
    """(row of the address at ``q``, place of the ``=`` behind it); row -1 when not regular or never seen."""
    start = q
    split = -1
    h = seed
    while q < stop:
        c = data[q]
        if c == 61:
            break
        if c == 45:
            if split >= 0:
                return -1, q
            split = q
        elif not (48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122 or c == 95):
            return -1, q
        h = (h ^ c) * 0x100000001B3
        q += 1
    if q >= stop or split <= start or split + 1 >= q:
        return -1, q
    row = find_name(
        data, start, q, h ^ (h >> 29), device, cn_key, names.slots, names.owner, names.command, names.offset,
        names.length, names.blob,
    )  # fmt: skip
    return row, q


@njit(cache=True, nogil=True)
def _items(
    data: U8, q: int, stop: int, device: int, cn_key: int, seed: int, names: NameArrays, flags: U8,
    extra: int, observed: int, received: int, period: bool, rows: RowArrays, n: int,
) -> int:  # fmt: skip
    """Rows of the items in ``data[q:stop]``; the new row count, -1 when something is not regular."""
    serial = names.serial[0]
    start_seed = key_seed(seed, device, cn_key)
    before = -1
    while True:
        item = q
        first = n
        dash = -1
        flag = 0
        factors = -1
        while True:
            row = -1
            if dash >= 0 and q + dash + 6 < stop and _is(data, q + dash, _FLAG_KIND):
                for i in range(dash):
                    if data[q + i] != data[item + i]:
                        return -1
                if flag != 0:
                    return -1
                q += dash + 6
                flag = int(data[q])
                if flag == 0 or flags[flag] == _UNDEFINED:
                    return -1
                q += 1
            else:
                if before >= 0:
                    # Devices repeat themselves: look first where this address was the last time.
                    row = names.follow[before]
                    if row >= 0:
                        size = int(names.length[row])
                        if q + size >= stop or data[q + size] != 61:
                            row = -1
                        else:
                            at = names.offset[row]
                            for i in range(size):
                                if names.blob[at + i] != data[q + i]:
                                    row = -1
                                    break
                            if row >= 0:
                                q += size
                if row < 0:
                    row, q = _name(data, q, stop, start_seed, device, cn_key, names)
                    if row < 0:
                        return -1
                    if before >= 0:
                        names.follow[before] = row
                before = row
                q += 1
                if dash < 0:
                    dash = int(names.dash[row])
                    factors = int(names.group[row])
                # every pair of an item speaks of the same factor, and of each value once
                if names.group[row] != factors or names.seen[row] == serial:
                    return -1
                names.seen[row] = serial
                if names.point[row] == _SKIP:
                    while q < stop and data[q] != 44 and data[q] != 59:
                        if data[q] <= 32 or data[q] > 126 or data[q] == 61 or data[q] == 47:
                            return -1
                        q += 1
                else:
                    negative = False
                    if q < stop and data[q] == 45:
                        negative = True
                        q += 1
                    mantissa = 0
                    digits = 0
                    places = -1
                    while q < stop:
                        d = int(data[q]) - 48
                        if 0 <= d <= 9:
                            mantissa = mantissa * 10 + d
                            digits += 1
                            if places >= 0:
                                places += 1
                        elif d == -2 and places < 0 and digits > 0:
                            places = 0
                        else:
                            break
                        if digits > 15:
                            return -1
                        q += 1
                    if digits == 0 or places == 0:
                        return -1
                    # Both exact below 2**53 and 10**22, so the quotient is the nearest double.
                    value = float(mantissa)
                    if places > 0:
                        value = value / _POWERS[places]
                    if negative:
                        value = -value
                    rows.point[n] = names.point[row]
                    rows.observed[n] = observed
                    rows.value[n] = value * names.factor[row] + names.shift[row]
                    quality = extra
                    if period and received - observed > names.late[row]:
                        quality |= _LATE
                    rows.quality[n] = quality
                    rows.slot[n] = row
                    n += 1
            if q >= stop:
                break
            c = data[q]
            q += 1
            if c == 59:
                break
            if c != 44 or q >= stop:
                return -1
        # A factor that comes again in another item, or an item that is only a flag, is not regular.
        if factors < 0 or names.group_seen[factors] == serial:
            return -1
        names.group_seen[factors] = serial
        code = flags[flag]
        for i in range(first, n):
            rows.quality[i] |= code
        if q >= stop:
            return n if data[q - 1] != 59 else -1


@njit(cache=True, nogil=True)
def decode(
    data: U8, max_segment: int, received: int, seed: int, streams: StreamArrays, devices: DeviceArrays,
    names: NameArrays, fixed: Constants, rows: RowArrays, frames: FrameArrays, out: U8,
) -> tuple[int, int, int]:  # fmt: skip
    """Decode the bytes of every stream, in place of the lenient codec where they are regular.

    A stream is left (``streams.consumed``) at an incomplete frame, or, with ``streams.irregular`` set, at what
    the lenient codec must look at. Returns (rows, frames, answer bytes).
    """
    serial = names.serial
    n, count, at = 0, 0, 0
    for s in range(streams.start.shape[0]):
        p, end = streams.start[s], streams.end[s]
        due = streams.expect[s] != 0
        odd = False
        while True:
            if due:
                if p == end:
                    break
                if data[p] != 13:
                    odd = True
                    break
                if p + 1 == end:
                    break
                if data[p + 1] != 10:
                    odd = True
                    break
                p += 2
                due = False
            if p == end:
                break
            if data[p] != 35 or (p + 1 < end and data[p + 1] != 35):
                odd = True
                break
            if end - p < 6:
                break
            size = _number(data, p + 2, 4)
            if size < 60 or size > max_segment:
                odd = True
                break
            stop = p + 6 + size
            if stop + 4 > end:
                break
            notes = 0
            sent, lower = _sent_crc(data, stop)
            if sent < 0 or sent != crc_span(data, p + 6, stop, fixed.slices, fixed.crc_table):
                odd = True
                break
            if lower:
                notes |= D_LOWER_CRC
            if size > 1024:
                notes |= D_LONG
            odd = True
            # header; the checks of length suffice because CP=&&DataTime=…&& must follow
            q = p + 6
            qn = -1
            if data[q] == 81 and data[q + 1] == 78 and data[q + 2] == 61:
                qn = q + 3
                if _number(data, qn, 17) < 0 or data[qn + 17] != 59:
                    break
                q = qn + 18
            else:
                notes |= D_NO_QN
            if stop - q < 40 or data[q] != 83 or data[q + 1] != 84 or data[q + 2] != 61 or data[q + 5] != 59:
                break
            system = _number(data, q + 3, 2)
            if system < 0 or system == 91:
                break
            q += 6
            if data[q] != 67 or data[q + 1] != 78 or data[q + 2] != 61 or data[q + 7] != 59:
                break
            cn = _number(data, q + 3, 4)
            history = cn == 2031 or cn == 2041 or cn == 2051 or cn == 2061
            if cn != 2011 and cn != 2021 and not history:
                break
            q += 8
            if data[q] != 80 or data[q + 1] != 87 or data[q + 2] != 61:
                break
            pw = q + 3
            pw_end = _field_end(data, pw, stop, MAX_PW)
            if pw_end < 0:
                break
            if pw_end - pw != 6:
                notes |= D_PW
            q = pw_end + 1
            if stop - q < 24 or data[q] != 77 or data[q + 1] != 78 or data[q + 2] != 61:
                break
            mn = q + 3
            mn_end = _field_end(data, mn, stop, MAX_MN)
            if mn_end < 0:
                break
            q = mn_end + 1
            if stop - q < 20:
                break
            version = 0
            wanted = False
            if data[q] == 70 and data[q + 1] == 108 and data[q + 2] == 97 and data[q + 3] == 103:
                if data[q + 4] != 61:
                    break
                flag = _number(data, q + 5, 1)
                q += 6
                if data[q] != 59:
                    more = _number(data, q, 1)
                    if flag <= 0 or more < 0 or data[q + 1] != 59:
                        break
                    flag = flag * 10 + more
                    q += 1
                q += 1
                if flag < 0 or flag > 11 or flag & 2:
                    break
                version = flag >> 2
                wanted = flag & 1 == 1
            else:
                notes |= D_NO_FLAG
            if wanted and qn < 0:
                break
            if mn_end - mn != (14 if version == 0 else 24):
                notes |= D_MN
            resent = False
            if data[q] == 82:
                if version != 2 or data[q + 1] != 70 or data[q + 2] != 61 or data[q + 3] != 49:
                    break
                if data[q + 4] != 59:
                    break
                resent = True
                q += 5
            # CP=&&DataTime= + 14 digits + ; + at least "x-y=0" + &&
            if stop - q < 36 or not _is(data, q, _DATA_TIME) or data[q + 28] != 59:
                break
            if data[stop - 1] != 38 or data[stop - 2] != 38:
                break
            q += 14
            day, clock = _number(data, q, 8), _number(data, q + 8, 6)
            if day < 0 or clock < 0:
                break
            observed = civil_ms(
                day // 10_000, day // 100 % 100, day % 100, clock // 10_000, clock // 100 % 100, clock % 100,
                fixed.zone_starts, fixed.zone_offsets, fixed.month_before, fixed.month_length,
            )  # fmt: skip
            if observed < 0:
                break
            device = find_mn(
                data, mn, mn_end, devices.slots, devices.offset, devices.length, devices.blob, seed
            )
            if device < 0 or devices.fast[device] == 0 or (devices.fast[device] == 2 and cn == 2051):
                break
            serial[0] += 1
            cn_key = cn if history and cn != 2051 else 0
            extra = int(devices.or_quality[device]) | (_RESENT if resent else 0)
            flags = devices.flag_tables[devices.flag_table_of[device], version]
            period = history and not resent
            last = _items(
                data, q + 15, stop - 2, device, cn_key, seed, names, flags, extra, observed, received, period,
                rows, n,
            )  # fmt: skip
            if last < 0:
                break
            odd = False
            for i in range(n, last):
                if rows.point[i] < 0:
                    names.hits[rows.slot[i]] += 1
            n = last
            if wanted:
                at = write_answer(
                    data, qn, pw, pw_end, mn, mn_end, version, out, at, fixed.slices, fixed.crc_table
                )
            frames.stream[count] = s
            frames.device[count] = device
            frames.cn[count] = cn
            frames.row[count] = n
            frames.start[count] = p
            frames.end[count] = stop + 4
            frames.history[count] = 1 if history or resent else 0
            frames.notes[count] = notes
            frames.answer[count] = at
            count += 1
            p = stop + 4
            due = True
        streams.consumed[s] = p
        streams.expect[s] = 1 if due else 0
        streams.irregular[s] = 1 if odd else 0
    return n, count, at
