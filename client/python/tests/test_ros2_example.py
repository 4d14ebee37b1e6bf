"""The messages of client/examples/ros2, by the definitions of rosbags, of frames of a real server."""

import os
import sys
import tempfile
import unittest
from array import array
from pathlib import Path

import numpy as np

import depthcast

URL = os.environ.get("DEPTHCAST_URL", "")
EXAMPLE = os.environ.get("DEPTHCAST_ROS2_EXAMPLE", "")


@unittest.skipUnless(URL and EXAMPLE, "DEPTHCAST_URL and DEPTHCAST_ROS2_EXAMPLE name no server and no folder")
class Ros2Example(unittest.TestCase):
    def setUp(self) -> None:
        sys.path.insert(0, EXAMPLE)
        from rosbags.typesys import Stores, get_typestore

        self.store = get_typestore(Stores.ROS2_HUMBLE)

    def through_a_bag(self, frame: depthcast.DepthFrame, camera: str) -> dict:
        """Writes a frame's messages into a ROS 2 bag, and reads it."""
        from depth_messages import build, messages, static_transform
        from rosbags.rosbag2 import Reader, Writer

        def convert(values: array) -> np.ndarray:
            return np.frombuffer(values, values.typecode)

        out = {}
        with tempfile.TemporaryDirectory() as folder:
            bag = Path(folder) / "bag"
            with Writer(bag, version=9) as writer:
                for topic, message in [*messages(frame, camera), ("/tf_static", static_transform(camera))]:
                    connection = writer.add_connection(topic, message.kind, typestore=self.store)
                    built = build(message, lambda kind: self.store.types[kind], convert)
                    writer.write(connection, 1, self.store.serialize_cdr(built, message.kind))
            with Reader(bag) as reader:
                for connection, _, raw in reader.messages():
                    out[connection.topic] = self.store.deserialize_cdr(raw, connection.msgtype)
        return out

    def test_relative_depth_of_a_stream(self) -> None:
        scene = os.environ["DEPTHCAST_SCENE"]
        with depthcast.watch(URL, scene) as session:
            frame = next(iter(session))
        read = self.through_a_bag(frame, scene)
        self.assertEqual(
            set(read), {"relative_disparity/image", "relative_disparity/camera_info", "/tf_static"}
        )
        image = read["relative_disparity/image"]
        self.assertEqual((image.encoding, image.width, image.height), ("32FC1", frame.width, frame.height))
        self.assertEqual(image.step, 4 * frame.width)
        np.testing.assert_array_equal(image.data.view(np.float32).reshape(frame.depth.shape), frame.depth)
        # As in the recordings of the server and in Foxglove: a name of frames may have what topics may not.
        self.assertEqual(image.header.frame_id, "scene-static_optical_frame")
        k = read["relative_disparity/camera_info"].k
        self.assertAlmostEqual(k[0], frame.intrinsics.fx * frame.width / frame.source_width, 6)
        transform = read["/tf_static"].transforms[0]
        self.assertEqual((transform.header.frame_id, transform.child_frame_id), (scene, "scene-static_optical_frame"))

    def test_metres_with_points_and_picture(self) -> None:
        depth = np.full((48, 64), 2.0, np.float32)
        depth[:, 40:] = 4.0
        colour = np.arange(96 * 128 * 3, dtype=np.uint32).astype(np.uint8).reshape(96, 128, 3)
        frame = depthcast.DepthFrame(
            depth=depth,
            unit="metres",
            intrinsics=depthcast.Intrinsics(100.0, 100.0, 63.5, 47.5, "given"),
            frame_id=1,
            epoch=0,
            rtp_timestamp=0,
            source_width=128,
            source_height=96,
            near=2.0,
            far=4.0,
            capture_time=1_700_000_000_123.5,
            colour=colour,
        )
        read = self.through_a_bag(frame, "cam")
        stamp = read["depth/image"].header.stamp
        self.assertEqual((stamp.sec, stamp.nanosec), (1_700_000_000, 123_500_000))
        np.testing.assert_array_equal(read["image"].data.reshape(colour.shape), colour)
        self.assertEqual(read["image"].encoding, "rgb8")
        cloud = read["depth/points"]
        points = cloud.data.view(np.float32).reshape(-1, 3)
        self.assertEqual(cloud.width, len(points))
        # Without the two columns at the edge between the surfaces.
        self.assertEqual(len(points), 48 * 62)
        self.assertEqual(set(points[:, 2].tolist()), {2.0, 4.0})
        info = read["depth/camera_info"]
        np.testing.assert_allclose(info.k, [50, 0, 31.5, 0, 50, 23.5, 0, 0, 1])
        # A point and the camera agree: its pixel, by the camera of the map.
        x, y, z = points[0]
        self.assertAlmostEqual(x / z * info.k[0] + info.k[2], 0.0, 4)
        self.assertAlmostEqual(y / z * info.k[4] + info.k[5], 0.0, 4)


if __name__ == "__main__":
    unittest.main()
