"""The checks on readings, compiled: one pass over a tick's concatenated columns, no Python per row."""

from __future__ import annotations

import math

from numba import njit

from parksight.telemetry.ingest.dedupe import find
from parksight.telemetry.protocols import F64, I32, I64, U8

# numba freezes globals at compile time; names repeat Reason, Note, Quality and QualityFlag and a test holds
# them equal.
_UNMAPPED, _UNKNOWN, _INACTIVE, _NO_VALUE, _NOT_FINITE = 1, 2, 3, 4, 5
_IMPOSSIBLE, _BAD_TIME, _FAR_FUTURE, _BAD_QUALITY, _DUPLICATE = 6, 7, 8, 9, 10
REASON_COUNT = 11
_LATE, _SKEW, _SUSPECT, _CORRECTION, _OUT_OF_ORDER, _BACKFILL, _FLAPPING = 0, 1, 2, 3, 4, 5, 6
NOTE_COUNT = 7
_Q_UNKNOWN, _Q_SUSPECT, _Q_BAD, _Q_SUBSTITUTED, _Q_MAINTENANCE = 1, 2, 3, 4, 6
_F_SKEW, _F_LATE = 0x20, 0x40
_ACTIVE, _DISCRETE = 1, 2
#: 2000-01-01T00:00:00Z: earlier observation times are a broken clock, not history.
EARLIEST_MS = 946_684_800_000
#: Flap counters lose all but 1/e of their weight in this time.
FLAP_TAU_MS = 60_000.0


@njit(cache=True, nogil=True)
def check(
    # the tick's rows, concatenated
    point: I32, observed: I64, value: F64, quality: U8,
    # its batches: row offsets (n + 1), arrival, backfill
    offset: I64, received: I64, backfill: U8,
    # point definitions
    flags: U8, known: U8, factor: F64, shift: F64, low: F64, high: F64, reject_low: F64, reject_high: F64,
    or_quality: U8,
    # memory per point: newest instant, head (the same capped at arrival), value and quality at the head,
    # toggles, time of the last toggle
    newest: I64, head: I64, last_value: F64, last_quality: U8, flap: F64, flap_at: I64,
    # duplicate window
    young: F64, old: F64, seed: int,
    # limits, ms and toggles per minute
    late_ms: int, skew_ms: int, future_ms: int, flap_limit: float,
    # out
    verdict: U8, rejected: I32, notes: I64,
    o_point: I32, o_observed: I64, o_value: F64, o_quality: U8, o_received: I64, o_slot: I64,
) -> tuple[int, int]:  # fmt: skip
    """Judge every row and gather the accepted ones.

    Rows keep their order. ``rejected`` is (batches, reasons), ``verdict`` one reason per row; accepted rows
    are written densely to the ``o_`` arrays. Returns (accepted rows, new entries of the young window).
    """
    n_points = flags.shape[0]
    n, entries = 0, 0
    for b in range(received.shape[0]):
        arrived = received[b]
        history = backfill[b] != 0
        for i in range(offset[b], offset[b + 1]):
            p = point[i]
            q = quality[i]
            code = q & 0x0F
            t = observed[i]
            v = value[i]
            why = 0
            if p < 0:
                why = _UNMAPPED
            elif p >= n_points or known[p] == 0:
                why = _UNKNOWN
            elif flags[p] & _ACTIVE == 0:
                why = _INACTIVE
            elif code > _Q_MAINTENANCE:
                why = _BAD_QUALITY
            elif t < EARLIEST_MS:
                why = _BAD_TIME
            elif t - arrived > future_ms:
                why = _FAR_FUTURE
            elif math.isinf(v):
                why = _NOT_FINITE
            if why == 0:
                usable = code <= _Q_UNKNOWN or code == _Q_SUBSTITUTED
                if math.isnan(v):
                    # "No value" means something only from a device that says why it has none.
                    if usable:
                        why = _NO_VALUE
                else:
                    v = v * factor[p] + shift[p]
                    if math.isinf(v):
                        why = _NOT_FINITE
                    elif usable or code == _Q_SUSPECT:
                        if v < reject_low[p] or v > reject_high[p]:
                            why = _IMPOSSIBLE
                        elif usable and (v < low[p] or v > high[p]):
                            q = (q & 0xF0) | _Q_SUSPECT
                            notes[_SUSPECT] += 1
            slot = -1
            if why == 0:
                slot = find(young, p, t, seed)
                before = math.nan
                hit = slot >= 0
                if hit:
                    before = young[slot, 2]
                elif t <= newest[p]:
                    older = find(old, p, t, seed)
                    if older >= 0:
                        hit = True
                        before = old[older, 2]
                if hit:
                    if before == v or (math.isnan(before) and math.isnan(v)):
                        why = _DUPLICATE
                        if q & 0x0F == _Q_SUSPECT and code != _Q_SUSPECT:
                            notes[_SUSPECT] -= 1
                    else:
                        notes[_CORRECTION] += 1
            if why != 0:
                verdict[i] = why
                rejected[b, why] += 1
                continue
            if slot < 0:
                slot = -1 - slot
                entries += 1
                young[slot, 0] = p
                young[slot, 1] = t
            young[slot, 2] = v
            if history:
                notes[_BACKFILL] += 1
            else:
                if t - arrived > skew_ms:
                    q |= _F_SKEW
                    notes[_SKEW] += 1
                elif arrived - t > late_ms:
                    q |= _F_LATE
                    notes[_LATE] += 1
                if t < head[p]:
                    notes[_OUT_OF_ORDER] += 1
            q |= or_quality[p]
            newest[p] = max(newest[p], t)
            now = min(t, arrived)
            if now >= head[p]:
                if head[p] >= 0 and now > head[p]:
                    was_bad = last_quality[p] & 0x0F == _Q_BAD or last_quality[p] & 0x0F == _Q_SUSPECT
                    is_bad = q & 0x0F == _Q_BAD or q & 0x0F == _Q_SUSPECT
                    if was_bad != is_bad or (flags[p] & _DISCRETE and v != last_value[p]):
                        flap[p] = flap[p] * math.exp((flap_at[p] - now) / FLAP_TAU_MS) + 1.0
                        flap_at[p] = now
                        if flap[p] > flap_limit:
                            notes[_FLAPPING] += 1
                head[p] = now
                last_value[p] = v
                last_quality[p] = q
            o_point[n] = p
            o_observed[n] = t
            o_value[n] = v
            o_quality[n] = q
            o_received[n] = arrived
            o_slot[n] = slot
            n += 1
    return n, entries
