"""What make_recording.py and make_vda_list.py make pictures with."""
import os
import struct
import zlib

import numpy as np


def png(path, pixels):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    depth, colour = (16, 0) if pixels.dtype == np.uint16 else (8, 2)
    rows = pixels.astype(">u2" if depth == 16 else np.uint8).reshape(pixels.shape[0], -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n")
        head = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], depth, colour, 0, 0, 0)
        for kind, data in ((b"IHDR", head), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b"")):
            f.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))


def resize(a, h, w):
    """Bilinear, pixel centres, ends repeated: cv2.resize."""
    def axis(n, m):
        at = np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)
        low = np.floor(at).astype(int)
        return low, np.minimum(low + 1, n - 1), at - low
    (y0, y1, fy), (x0, x1, fx) = axis(a.shape[0], h), axis(a.shape[1], w)
    rows = a[y0] * (1 - fy)[:, None] + a[y1] * fy[:, None]
    return rows[:, x0] * (1 - fx) + rows[:, x1] * fx
