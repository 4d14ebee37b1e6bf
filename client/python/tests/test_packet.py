"""Packets: the vectors that every implementation reads."""

import json
import math
import pathlib
import struct
import tracemalloc
import unittest

import numpy as np

from depthcast import DepthcastError, to_metres, to_points
from depthcast.packet import Reassembler, _from_planes, decode

VECTORS = pathlib.Path(__file__).parents[3] / "test" / "vectors" / "wire"


def number(value: object) -> float:
    return float(str(value).replace("Infinity", "inf"))


class Packets(unittest.TestCase):
    def test_vectors(self) -> None:
        files = sorted(VECTORS.glob("*.json"))
        self.assertGreater(len(files), 6)
        for file in files:
            vector = json.loads(file.read_text())
            with self.subTest(file.name):
                packet = bytes.fromhex(vector["packet"])
                frame = decode(packet)
                info = vector["info"]
                np.testing.assert_array_equal(frame.depth.ravel(), np.float32([number(v) for v in vector["output"]]))
                self.assertEqual(frame.unit, info["unit"])
                self.assertEqual(frame.rtp_timestamp, info["rtpTimestamp"])
                self.assertEqual((frame.near, frame.far), (info["near"], number(info["far"])))
                self.assertEqual(frame.capture_time, info.get("captureTime"))
                self.assertEqual(frame.capture_time_error, info.get("captureTimeError"))
                self.assertEqual(frame.intrinsics.source, info.get("intrinsics", {}).get("source", "assumed"))
                self.assertEqual((frame.reused, frame.reduced), (info.get("reused", False), info.get("reduced", False)))
                if "accuracy" in info:
                    self.assertEqual(frame.accuracy.anchors, info["accuracy"]["anchors"])
                if "chunks" in vector:
                    reassembler = Reassembler()
                    messages = [bytes.fromhex(m) for m in vector["chunks"]["messages"]]
                    self.assertEqual([reassembler.push(m) for m in reversed(messages)][-1], packet)

    def test_refuses_what_is_cut_or_changed(self) -> None:
        packet = bytes.fromhex(json.loads((VECTORS / "u16-packed.json").read_text())["packet"])
        for bad in (packet[:50], packet[:-1], b"X" + packet[1:], packet[:4] + b"\x03" + packet[5:], packet + b"\0"):
            with self.assertRaises(DepthcastError) as raised:
                decode(bad)
            self.assertEqual(raised.exception.code, "BAD_PACKET")

    def test_points(self) -> None:
        packet = bytes.fromhex(json.loads((VECTORS / "v2-u16-disparity.json").read_text())["packet"])
        frame = decode(packet)
        with self.assertRaises(DepthcastError):
            to_metres(frame)
        z = np.full((48, 64), 2.0, np.float32)
        z[:, 32:] = 4.0
        frame.depth, frame.unit = z, "metres"
        points, _ = to_points(frame)
        # The two columns at the step fly between the surfaces.
        self.assertEqual(len(points), 48 * 62)
        k = frame.intrinsics
        self.assertTrue(np.isclose(points[0], [(0.5 * 640 / 64 - 0.5 - k.cx) / k.fx * 2, (4.5 - k.cy) / k.fy * 2, 2]).all())
        self.assertTrue((to_points(frame, "opengl")[0][:, 2] < 0).all())

    def test_metres(self) -> None:
        packet = bytes.fromhex(json.loads((VECTORS / "v2-u16-disparity.json").read_text())["packet"])
        frame = decode(packet)
        frame.depth = np.float32([[0.5, 1.0], [-1.0, np.nan]])
        np.testing.assert_array_equal(to_metres(frame, 2.0, 0.0), np.float32([[1.0, 0.5], [np.inf, np.nan]]))
        frame.unit = "metres"
        np.testing.assert_array_equal(to_metres(frame, 2.0), frame.depth)

    def test_tall_maps_take_memory_of_their_size_alone(self) -> None:
        planes = np.random.default_rng(1).integers(0, 256, (2, 7, 5), np.uint8)
        tall = _from_planes(planes.transpose(0, 2, 1))
        np.testing.assert_array_equal(_from_planes(planes), tall.T)
        tracemalloc.start()
        try:
            _from_planes(np.zeros((2, 60_000, 2), np.uint8))
            self.assertLess(tracemalloc.get_traced_memory()[1], 50e6)
        finally:
            tracemalloc.stop()

    def test_refuses_a_capture_time_that_is_no_number(self) -> None:
        changed = 0
        for file in VECTORS.glob("*.json"):
            vector = json.loads(file.read_text())
            if "captureTimeError" not in vector["info"]:
                continue
            packet = bytearray.fromhex(vector["packet"])
            for value in (math.nan, math.inf):
                struct.pack_into("<f", packet, 72, value)
                with self.assertRaises(DepthcastError):
                    decode(bytes(packet))
            changed += 1
        self.assertGreater(changed, 0)


if __name__ == "__main__":
    unittest.main()
