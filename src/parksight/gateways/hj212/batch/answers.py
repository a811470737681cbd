"""The 9014 answer to a frame, written by the compiled decoder; equal to what the builder makes (tested)."""

from __future__ import annotations

import numpy as np
from numba import njit

from parksight.gateways.hj212.batch.arrays import U8, U16
from parksight.gateways.hj212.codec.crc import crc_span

#: Longest PW and MN in regular form.
MAX_PW, MAX_MN = 16, 40
#: An upper bound of the bytes of one answer.
ANSWER_BYTES = 6 + 21 + 15 + 4 + MAX_PW + 4 + MAX_MN + 7 + 8 + 10

_HEX = np.frombuffer(b"0123456789ABCDEF", np.uint8)
_QN = np.frombuffer(b"QN=", np.uint8)
_ANSWER = np.frombuffer(b"ST=91;CN=9014;PW=", np.uint8)
_MN = np.frombuffer(b";MN=", np.uint8)
_FLAG = np.frombuffer(b";Flag=", np.uint8)
_TAIL = np.frombuffer(b";CP=&&&&", np.uint8)


@njit(cache=True, nogil=True, inline="always")
def _copy(target: U8, to: int, source: U8, start: int, end: int) -> int:
    for i in range(start, end):
        target[to] = source[i]
        to += 1
    return to


@njit(cache=True, nogil=True)
def write_answer(
    data: U8, qn: int, pw: int, pw_end: int, mn: int, mn_end: int, version: int, out: U8, at: int,
    slices: U8, table: U16,
) -> int:  # fmt: skip
    """Write the 9014 frame that answers an upload; returns its end."""
    start = at
    at += 6
    at = _copy(out, at, _QN, 0, 3)
    at = _copy(out, at, data, qn, qn + 17)
    out[at] = 59
    at += 1
    at = _copy(out, at, _ANSWER, 0, _ANSWER.shape[0])
    at = _copy(out, at, data, pw, pw_end)
    at = _copy(out, at, _MN, 0, _MN.shape[0])
    at = _copy(out, at, data, mn, mn_end)
    at = _copy(out, at, _FLAG, 0, _FLAG.shape[0])
    out[at] = 48 + version * 4
    at += 1
    at = _copy(out, at, _TAIL, 0, _TAIL.shape[0])
    length = at - start - 6
    out[start] = 35
    out[start + 1] = 35
    out[start + 2] = 48 + length // 1000
    out[start + 3] = 48 + length // 100 % 10
    out[start + 4] = 48 + length // 10 % 10
    out[start + 5] = 48 + length % 10
    value = crc_span(out, start + 6, at, slices, table)
    for shift in (12, 8, 4, 0):
        out[at] = _HEX[(value >> shift) & 15]
        at += 1
    out[at] = 13
    out[at + 1] = 10
    return at + 2
