"""Client of a depthcast server: live video in, depth back, frame by frame."""

from .errors import DepthcastError
from .frame import Accuracy, DepthFrame, Intrinsics
from .geometry import nearest, to_metres, to_points
from .session import AsyncSession, Camera
from .sync import Session, open, watch

__version__ = "0.2.0"

__all__ = [
    "Accuracy",
    "AsyncSession",
    "Camera",
    "DepthFrame",
    "DepthcastError",
    "Intrinsics",
    "Session",
    "nearest",
    "open",
    "to_metres",
    "to_points",
    "watch",
]
