"""A depth frame as ROS 2 messages: plain values here, so that it needs no ROS. `build` makes messages of them."""

from __future__ import annotations

import re
import time
from array import array
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

import depthcast


class Message(NamedTuple):
    """What a message is made of: the name of its type, and its fields. Lengths that vary are arrays, fixed ones are numpy's."""

    kind: str
    fields: dict[str, Any]


def build(message: Message, type_of: Callable[[str], Any], convert: Callable[[array], Any] = lambda a: a) -> Any:
    """The message of a type library: `type_of` gives the class of a name, `convert` what it takes for an array."""

    def value(given: Any) -> Any:
        if isinstance(given, Message):
            return build(given, type_of, convert)
        if isinstance(given, list):
            return [value(one) for one in given]
        return convert(given) if isinstance(given, array) else given

    return type_of(message.kind)(**{name: value(given) for name, given in message.fields.items()})


def messages(frame: depthcast.DepthFrame, camera: str) -> Iterator[tuple[str, Message]]:
    """
    Topics below the camera's name, and their messages, in the frame CAMERA_optical_frame: depth in metres (REP 118) with its camera and its
    points; or relative disparity under a name of its own, which nobody takes for metres; and the picture, where it is known.
    """
    header = _header(frame, f"{camera}_optical_frame")
    depth = np.ascontiguousarray(frame.depth, "<f4")
    topic = "depth" if frame.unit == "metres" else "relative_disparity"
    yield f"{topic}/image", _image(header, depth.view(np.uint8), frame.width, frame.height, "32FC1")
    yield f"{topic}/camera_info", _camera_info(header, frame)
    if frame.unit == "metres":
        yield "depth/points", _points(header, depthcast.to_points(frame)[0])
    if frame.colour is not None:
        yield "image", _image(header, frame.colour, frame.source_width, frame.source_height, "rgb8")


def static_transform(camera: str) -> Message:
    """The optical frame in the camera's, whose x points forward and z up (REP 103): for /tf_static."""
    header = _stamped(time.time_ns(), camera)
    rotation = Message("geometry_msgs/msg/Quaternion", {"x": -0.5, "y": 0.5, "z": -0.5, "w": 0.5})
    origin = Message("geometry_msgs/msg/Vector3", {"x": 0.0, "y": 0.0, "z": 0.0})
    transform = Message("geometry_msgs/msg/Transform", {"translation": origin, "rotation": rotation})
    fields = {"header": header, "child_frame_id": f"{camera}_optical_frame", "transform": transform}
    return Message("tf2_msgs/msg/TFMessage", {"transforms": [Message("geometry_msgs/msg/TransformStamped", fields)]})


def ros_name(name: str) -> str:
    """A name that ROS takes in topics, as in the recordings of the server."""
    return re.sub(r"^(?![A-Za-z])", "s_", re.sub(r"[^A-Za-z0-9_]", "_", name))


def _header(frame: depthcast.DepthFrame, frame_id: str) -> Message:
    """Stamped with the moment of capture, where the server knows it."""
    taken = time.time_ns() if frame.capture_time is None else round(frame.capture_time * 1e3) * 1000
    return _stamped(taken, frame_id)


def _stamped(nanoseconds: int, frame_id: str) -> Message:
    sec, nanosec = divmod(nanoseconds, 1_000_000_000)
    stamp = Message("builtin_interfaces/msg/Time", {"sec": sec, "nanosec": nanosec})
    return Message("std_msgs/msg/Header", {"stamp": stamp, "frame_id": frame_id})


def _bytes(values: np.ndarray) -> array:
    out = array("B")
    out.frombytes(np.ascontiguousarray(values).tobytes())
    return out


def _image(header: Message, values: np.ndarray, width: int, height: int, encoding: str) -> Message:
    step = values.nbytes // height
    fields = {"header": header, "height": height, "width": width, "encoding": encoding, "is_bigendian": 0}
    return Message("sensor_msgs/msg/Image", {**fields, "step": step, "data": _bytes(values)})


def _camera_info(header: Message, frame: depthcast.DepthFrame) -> Message:
    """The camera for the depth map's own pixels; what is known of its lens is the focal length."""
    k, sx, sy = frame.intrinsics, frame.width / frame.source_width, frame.height / frame.source_height
    fx, fy, cx, cy = k.fx * sx, k.fy * sy, (k.cx + 0.5) * sx - 0.5, (k.cy + 0.5) * sy - 0.5
    roi = {"x_offset": 0, "y_offset": 0, "height": 0, "width": 0, "do_rectify": False}
    fields = {
        "header": header,
        "height": frame.height,
        "width": frame.width,
        "distortion_model": "plumb_bob",
        "d": array("d", [0.0] * 5),
        "k": np.array([fx, 0, cx, 0, fy, cy, 0, 0, 1], np.float64),
        "r": np.eye(3).reshape(9),
        "p": np.array([fx, 0, cx, 0, 0, fy, cy, 0, 0, 0, 1, 0], np.float64),
        "binning_x": 0,
        "binning_y": 0,
        "roi": Message("sensor_msgs/msg/RegionOfInterest", roi),
    }
    return Message("sensor_msgs/msg/CameraInfo", fields)


def _points(header: Message, points: np.ndarray) -> Message:
    names = [("x", 0), ("y", 4), ("z", 8)]
    kinds = [{"name": name, "offset": offset, "datatype": 7, "count": 1} for name, offset in names]
    fields = {
        "header": header,
        "height": 1,
        "width": len(points),
        "fields": [Message("sensor_msgs/msg/PointField", kind) for kind in kinds],
        "is_bigendian": False,
        "point_step": 12,
        "row_step": 12 * len(points),
        "data": _bytes(points.astype("<f4")),
        "is_dense": True,
    }
    return Message("sensor_msgs/msg/PointCloud2", fields)
