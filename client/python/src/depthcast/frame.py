from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Intrinsics:
    """A pinhole camera in pixels of the sent picture; pixel centres are whole numbers, as in OpenCV and ROS."""

    fx: float
    fy: float
    cx: float
    cy: float
    source: Literal["given", "derived", "assumed"]


@dataclass(frozen=True)
class Accuracy:
    """How well metres that were fitted to anchors are known."""

    anchors: int
    variance: tuple[float, float, float]
    """v0, v1, v2: the variance of the inverse depth q = 1/metres is v0 + v1 q + v2 q^2."""


@dataclass
class DepthFrame:
    """One depth map, and what belongs to it."""

    depth: NDArray[np.float32]
    """[height, width] in `unit`; NaN where there is no value, inf at infinity."""
    unit: Literal["disparity", "metres"]
    """Disparity is 1/z up to a scale and a shift that hold for one epoch."""
    intrinsics: Intrinsics
    frame_id: int
    epoch: int
    rtp_timestamp: int
    """Of the picture, 90 kHz: its identity."""
    source_width: int
    source_height: int
    near: float
    far: float
    capture_time: float | None = None
    """Milliseconds since the Unix epoch, by the sender's clock."""
    capture_time_error: float | None = None
    """By how much an estimated capture time may be wrong; None where the sender told it."""
    latency: float | None = None
    """Milliseconds in the server."""
    accuracy: Accuracy | None = None
    reused: bool = False
    """It is depth of an earlier picture, from which this one does not differ by more than noise."""
    reduced: bool = False
    """The network is smaller than was asked for, since the server is busy."""
    colour: NDArray[np.uint8] | None = None
    """[source height, source width, 3] red, green, blue: the very picture; None where it is not known (`watch`)."""

    @property
    def height(self) -> int:
        return int(self.depth.shape[0])

    @property
    def width(self) -> int:
        return int(self.depth.shape[1])
