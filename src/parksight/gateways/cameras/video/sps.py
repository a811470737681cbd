"""Sequence parameter sets: size of the picture and what the codec is called (RFC 6381), H.264 (7.3.2.1.1) and H.265 (7.3.2.2)."""

from __future__ import annotations

from dataclasses import dataclass

from parksight.gateways.cameras.protocols import Codec

#: Bytes of a set that are read, and the largest side believed.
MAX_SET, MAX_SIDE = 1024, 16_384
_HIGH_PROFILES = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))


@dataclass(frozen=True, slots=True)
class PictureFormat:
    width: int
    height: int
    codec: str


class _Bits:
    """Reads bits; raises ValueError beyond the end."""

    def __init__(self, nal: bytes) -> None:
        # without the emulation prevention bytes
        data = nal[:MAX_SET].replace(b"\x00\x00\x03", b"\x00\x00")
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, number: int) -> int:
        if number > self._left:
            raise ValueError("the parameter set is cut short")
        self._left -= number
        return self._value >> self._left & ((1 << number) - 1)

    def ue(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("not an Exp-Golomb code")
        return (1 << zeros) - 1 + self.take(zeros)

    def se(self) -> int:
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def parse(codec: Codec, nal: bytes) -> PictureFormat:
    """Raises ValueError for what is no parameter set of a believable size."""
    found = _h264(nal) if codec == "h264" else _h265(nal)
    if not (0 < found.width <= MAX_SIDE and 0 < found.height <= MAX_SIDE):
        raise ValueError(f"a picture of {found.width} x {found.height}")
    return found


def _h264(nal: bytes) -> PictureFormat:
    if len(nal) < 4 or nal[0] & 31 != 7:
        raise ValueError("not an H.264 sequence parameter set")
    bits = _Bits(nal[4:])
    bits.ue()  # seq_parameter_set_id
    chroma, separate = 1, 0
    if nal[1] in _HIGH_PROFILES:
        chroma = bits.ue()
        if chroma == 3:
            separate = bits.take(1)
        bits.ue(), bits.ue(), bits.take(1)
        if bits.take(1):
            for i in range(8 if chroma != 3 else 12):
                if bits.take(1):
                    _scaling_list(bits, 16 if i < 6 else 64)
    bits.ue()  # log2_max_frame_num
    order = bits.ue()
    if order == 0:
        bits.ue()
    elif order == 1:
        bits.take(1), bits.se(), bits.se()
        for _ in range(min(bits.ue(), 255)):
            bits.se()
    bits.ue(), bits.take(1)
    width, height = (bits.ue() + 1) * 16, bits.ue() + 1
    frames_only = bits.take(1)
    height *= 16 * (2 - frames_only)
    if not frames_only:
        bits.take(1)
    bits.take(1)
    if bits.take(1):
        across = 1 if chroma in (0, 3) or separate else 2
        down = (2 if chroma == 1 and not separate else 1) * (2 - frames_only)
        left, right, top, bottom = (bits.ue() for _ in range(4))
        width -= across * (left + right)
        height -= down * (top + bottom)
    return PictureFormat(width, height, f"avc1.{nal[1:4].hex()}")


def _scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _h265(nal: bytes) -> PictureFormat:
    if len(nal) < 8 or nal[0] >> 1 & 63 != 33:
        raise ValueError("not an H.265 sequence parameter set")
    bits = _Bits(nal[2:])
    bits.take(4)
    layers = bits.take(3)
    bits.take(1)
    space, tier, profile = bits.take(2), bits.take(1), bits.take(5)
    compatible = bits.take(32)
    constraints = bits.take(48)
    level = bits.take(8)
    present = [(bits.take(1), bits.take(1)) for _ in range(layers)]
    if layers:
        bits.take(2 * (8 - layers))
    for profile_there, level_there in present:
        bits.take(88 * profile_there + 8 * level_there)
    bits.ue()
    chroma = bits.ue()
    if chroma == 3:
        bits.take(1)
    width, height = bits.ue(), bits.ue()
    if bits.take(1):
        across, down = (2 if chroma in (1, 2) else 1), (2 if chroma == 1 else 1)
        left, right, top, bottom = (bits.ue() for _ in range(4))
        width -= across * (left + right)
        height -= down * (top + bottom)
    reversed_flags = int(f"{compatible:032b}"[::-1], 2)
    tail = constraints.to_bytes(6, "big").rstrip(b"\x00")
    name = f"hvc1.{['', 'A', 'B', 'C'][space]}{profile}.{reversed_flags:X}.{'H' if tier else 'L'}{level}"
    return PictureFormat(width, height, name + "".join(f".{b:X}" for b in tail))
