"""Depth packets and their chunks, as docs/protocol.md describes them; versions 1 and 2."""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .errors import DepthcastError
from .frame import Accuracy, DepthFrame, Intrinsics

_HEADER = struct.Struct("<4sBBBBIIIHHHHfdffffII")
_TAIL = struct.Struct("<dfBBHffff3f")
_CHUNK = struct.Struct("<2sBBIHHI")
_SIZES = (0, 1, 2, 2)
_MAX_VALUES = 1 << 24
_MAX_EXPANSION = 1032
_MAX_PACKET = 16 << 20
_MAX_PARTIAL = 4
_FIELD_OF_VIEW = 65.0


def _bad(detail: str) -> DepthcastError:
    return DepthcastError("BAD_PACKET", f"the depth packet is malformed: {detail}")


def decode(packet: bytes) -> DepthFrame:
    """Reads a packet. Raises DepthcastError BAD_PACKET, whatever is wrong with it."""
    if len(packet) < _HEADER.size:
        raise _bad(f"{len(packet)} bytes are less than a header")
    (magic, version, form, flags, header_size, frame_id, epoch, rtp, width, height, source_width, source_height,
     latency, capture, near, far, offset, scale, raw_size, payload_size) = _HEADER.unpack_from(packet)
    if magic != b"DCDF" or version not in (1, 2) or form > 3:
        raise _bad(f"{magic!r} version {version} format {form}")
    packed, metres, told, timed, inverse = (bool(flags & bit) for bit in (1, 2, 4, 8, 16))
    if flags & ~(15 if version == 1 else 31) or (inverse and not metres):
        raise _bad(f"flags {flags}")
    if not (64 if version == 1 else 112) <= header_size <= len(packet):
        raise _bad(f"header size {header_size}")
    if 0 in (width, height, source_width, source_height) or width * height > _MAX_VALUES:
        raise _bad(f"{width}x{height} of {source_width}x{source_height}")
    if not all(map(math.isfinite, (near, far, offset, scale, capture, latency))):
        raise _bad("a number is not finite")
    payload = packet[header_size:]
    if raw_size != width * height * _SIZES[form] or payload_size != len(payload):
        raise _bad(f"sizes {raw_size} and {payload_size}")
    if (raw_size > len(payload) * _MAX_EXPANSION) if packed else (raw_size != len(payload)):
        raise _bad(f"{len(payload)} bytes cannot hold {raw_size}")
    error = None
    intrinsics = _assumed(source_width, source_height)
    accuracy = None
    hints = 0
    if header_size >= 80:
        estimate, uncertain = struct.unpack_from("<df", packet, 64)
        if not told and estimate != 0:
            if not (math.isfinite(estimate) and math.isfinite(uncertain)):
                raise _bad("the capture time")
            capture, error, told = estimate, uncertain, True
    if version == 2:
        _, _, source, hints, anchors, fx, fy, cx, cy, *variance = _TAIL.unpack_from(packet, 64)
        if source > 2 or not (fx > 0 and fy > 0 and all(map(math.isfinite, (fx, fy, cx, cy, *variance)))):
            raise _bad("the camera")
        intrinsics = Intrinsics(fx, fy, cx, cy, ("given", "derived", "assumed")[source])
        if anchors:
            accuracy = Accuracy(anchors, (variance[0], variance[1], variance[2]))
    values = _values(payload, form, packed, width, height, raw_size, offset, scale)
    if inverse:
        values = _inverted(values)
        near, far = (math.inf if q <= 0 else 1 / q for q in (near, far))
    return DepthFrame(
        depth=values,
        unit="metres" if metres else "disparity",
        intrinsics=intrinsics,
        frame_id=frame_id,
        epoch=epoch,
        rtp_timestamp=rtp,
        source_width=source_width,
        source_height=source_height,
        near=near,
        far=far,
        capture_time=capture if told else None,
        capture_time_error=error,
        latency=latency if timed else None,
        accuracy=accuracy,
        reused=bool(hints & 1),
        reduced=bool(hints & 2),
    )


def _assumed(width: int, height: int) -> Intrinsics:
    focal = max(width, height) / 2 / math.tan(math.radians(_FIELD_OF_VIEW / 2))
    return Intrinsics(focal, focal, (width - 1) / 2, (height - 1) / 2, "assumed")


def _inverted(values: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values <= 0, np.float32(np.inf), np.float32(1) / values).astype(np.float32)


def _values(
    payload: bytes, form: int, packed: bool, width: int, height: int, raw_size: int, offset: float, scale: float
) -> NDArray[np.float32]:
    if form == 0:
        if packed:
            raise _bad("an empty payload cannot be packed")
        return np.zeros((0, 0), np.float32)
    raw = payload
    if packed:
        inflate = zlib.decompressobj(-15)
        try:
            raw = inflate.decompress(payload, raw_size + 1)
        except zlib.error as cause:
            raise _bad("the payload cannot be unpacked") from cause
        if len(raw) != raw_size or not inflate.eof:
            raise _bad(f"the payload does not unpack to {raw_size} bytes")
    size = _SIZES[form]
    if packed:
        codes = _from_planes(np.frombuffer(raw, np.uint8).reshape(size, height, width))
    else:
        codes = np.frombuffer(raw, "<u2" if size == 2 else "u1").reshape(height, width).astype(np.uint16)
    if form == 3:
        halves = codes.view(np.float16).astype(np.float32)
        return halves if (offset, scale) == (0, 1) else np.float32(offset) + np.float32(scale) * halves
    values = (offset + scale * codes.astype(np.float64)).astype(np.float32)
    if form == 2:
        values[codes == 0xFFFF] = np.nan
    return values


def _from_planes(planes: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """
    Undoes the prediction. A pixel needs those to the left, above and above left: all of one diagonal (x + y = k) can be
    had at once from the two diagonals before, which lie as rows of a skewed array. The prediction is the same with rows and
    columns exchanged: done so for tall maps, whose skewed array would be as wide as they are tall.
    """
    size, height, width = planes.shape
    if height > width:
        return np.ascontiguousarray(_from_planes(planes.transpose(0, 2, 1)).T)
    planes = planes.astype(np.int32)
    zigzag = planes[0] | (planes[1] << 8) if size == 2 else planes[0]
    delta = (zigzag >> 1) ^ -(zigzag & 1)
    mask = (1 << (8 * size)) - 1
    rows = np.arange(height)
    skewed = np.zeros((width + height - 1, height), np.int32)
    skewed[(rows[:, None] + np.arange(width)[None, :]), rows[:, None]] = delta
    # Row k + 2, column y + 1, so that there is something before the first.
    codes = np.zeros((width + height + 1, height + 1), np.int32)
    for k in range(width + height - 1):
        first, last = max(0, k - width + 1), min(height - 1, k)
        here = slice(first + 1, last + 2)
        before = slice(first, last + 1)
        left, above, above_left = codes[k + 1, here], codes[k + 1, before], codes[k, before]
        low, high = np.minimum(left, above), np.maximum(left, above)
        # The median of left, above and left + above - above_left.
        predicted = np.maximum(low, np.minimum(high, left + above - above_left))
        if first == 0:
            predicted[0] = left[0]
        if last == k:
            predicted[-1] = above[-1] if k > 0 else 0
        codes[k + 2, here] = (predicted + skewed[k, first : last + 1]) & mask
    return codes[(rows[:, None] + np.arange(width)[None, :]) + 2, rows[:, None] + 1].astype(np.uint16)


@dataclass
class _Partial:
    size: int
    count: int
    pieces: dict[int, bytes] = field(default_factory=dict)


class Reassembler:
    """Puts packets together from chunks in any order; newer packets overtake older ones."""

    def __init__(self) -> None:
        self._partials: dict[int, _Partial] = {}
        self._done: int | None = None
        self.malformed = 0

    def push(self, message: bytes) -> bytes | None:
        if len(message) <= _CHUNK.size:
            self.malformed += 1
            return None
        magic, version, _, sequence, index, count, size = _CHUNK.unpack_from(message)
        piece = message[_CHUNK.size :]
        length = -(-size // count) if count else 0
        known = self._partials.get(sequence)
        if (
            magic != b"DC"
            or version != 1
            or index >= count
            or size > _MAX_PACKET
            or len(piece) != min(length, size - index * length)
            or (known is not None and (known.size, known.count) != (size, count))
        ):
            self.malformed += 1
            return None
        if self._done is not None and not _newer(sequence, self._done):
            return None
        partial = self._partials.setdefault(sequence, _Partial(size, count))
        partial.pieces[index] = piece
        if len(partial.pieces) < count:
            while len(self._partials) > _MAX_PARTIAL:
                self._give_up(min(self._partials, key=lambda s: (s - sequence + (1 << 31)) & 0xFFFFFFFF))
            return None
        packet = b"".join(partial.pieces[i] for i in range(count))
        self._give_up(sequence)
        return packet

    def _give_up(self, through: int) -> None:
        self._partials = {s: p for s, p in self._partials.items() if _newer(s, through)}
        self._done = through


def _newer(a: int, b: int) -> bool:
    return 0 < ((a - b) & 0xFFFFFFFF) < 1 << 31
