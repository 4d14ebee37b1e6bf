from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .errors import DepthcastError
from .frame import DepthFrame


def to_metres(frame: DepthFrame, scale: float | None = None, shift: float = 0.0) -> NDArray[np.float32]:
    """
    The depth map in metres along the optical axis; inf at infinity, NaN without a value.

    Relative disparity needs anchors (`session.anchor`), or a `scale` and `shift` of your own: 1 / (scale * d + shift).
    Raises DepthcastError NO_METRES where there is neither.
    """
    if frame.unit == "metres":
        return frame.depth
    if scale is None:
        raise DepthcastError("NO_METRES", "this depth is relative; give anchors, a scale, or choose a metric model")
    with np.errstate(divide="ignore", invalid="ignore"):
        q = scale * frame.depth + shift
        return np.where(q <= 0, np.inf, 1 / q).astype(np.float32)


def to_points(
    frame: DepthFrame,
    axes: Literal["ros", "opengl"] = "ros",
    far: float = 100.0,
    edge: float = 0.1,
    metres: NDArray[np.float32] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.uint8] | None]:
    """
    The points of a frame, [n, 3] metres, and their colours, [n, 3], where the picture is known.

    `ros`: x right, y down, z forward (REP 103's optical frame). `opengl`: x right, y up, looking along -z. Pixels whose
    neighbours' depth jumps by more than the share `edge` are left out, since they would fly between two surfaces.
    """
    z = to_metres(frame) if metres is None else metres
    height, width = z.shape
    with np.errstate(invalid="ignore"):
        valid = np.isfinite(z) & (z > 0) & (z <= far)
        for axis in (0, 1):
            valid &= _continuous(z, axis, edge)
    rows, columns = np.nonzero(valid)
    k = frame.intrinsics
    x = (columns + 0.5) * frame.source_width / width - 0.5
    y = (rows + 0.5) * frame.source_height / height - 0.5
    depth = z[rows, columns]
    sign = 1.0 if axes == "ros" else -1.0
    points = np.stack([(x - k.cx) / k.fx * depth, sign * (y - k.cy) / k.fy * depth, sign * depth], axis=1)
    colours = None
    if frame.colour is not None:
        tall, wide = frame.colour.shape[:2]
        colours = frame.colour[(rows * tall + tall // 2) // height, (columns * wide + wide // 2) // width]
    return points.astype(np.float32), colours


def _continuous(z: NDArray[np.float32], axis: int, edge: float) -> NDArray[np.bool_]:
    """Where neighbours along an axis are one surface: small steps, or even ones in inverse depth."""
    z = np.moveaxis(z, axis, 0)
    out = np.ones(z.shape, np.bool_)
    with np.errstate(divide="ignore", invalid="ignore"):
        a, m, b = z[:-2], z[1:-1], z[2:]
        small = np.maximum(np.abs(a - m), np.abs(b - m)) <= edge * m
        before, after = 1 / m - 1 / a, 1 / b - 1 / m
        least = np.minimum(np.abs(before), np.abs(after))
        even = (np.sign(before) == np.sign(after)) & (np.abs(before - after) <= edge * 0.5 * least)
        out[1:-1] = small | even
    return np.moveaxis(out, 0, axis)


def nearest(
    frame: DepthFrame,
    region: tuple[float, float, float, float] = (0.25, 0.25, 0.75, 0.75),
    share: float = 0.02,
    metres: NDArray[np.float32] | None = None,
) -> float:
    """
    The distance of the nearest thing in a region (left, top, right, bottom as shares of the picture), metres: the quantile
    `share` of its pixels, so that a few wrong ones do not count. inf where nothing is there.
    """
    z = to_metres(frame) if metres is None else metres
    height, width = z.shape
    left, top, right, bottom = region
    part = z[int(top * height) : max(int(bottom * height), 1), int(left * width) : max(int(right * width), 1)]
    values = np.sort(part[~np.isnan(part)])
    return float(values[min(len(values) - 1, int(share * len(values)))]) if len(values) else float("inf")
