"""Against a real server, whose address is DEPTHCAST_URL; the second one, DEPTHCAST_SCENE, streams a scene of that name."""

import asyncio
import os
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from collections.abc import Iterator

import av
import numpy as np

import depthcast
from depthcast.session import _SentTrack

URL = os.environ.get("DEPTHCAST_URL", "")


def pictures(count: int) -> Iterator[np.ndarray]:
    """A bright square that moves over a gradient; its place tells the number of the picture."""
    for n in range(count):
        picture = np.zeros((240, 320, 3), np.uint8)
        picture[:, :, 2] = np.linspace(40, 200, 240, dtype=np.uint8)[:, None]
        left = (4 * n) % 256
        picture[80:144, left : left + 64] = 255
        yield picture


def number_of(picture: np.ndarray) -> int:
    """The number of a picture of `pictures`, modulo 64."""
    return int(np.argmax(picture[112, :, 0] > 128)) // 4


@unittest.skipUnless(URL, "DEPTHCAST_URL names no server")
class Live(unittest.TestCase):
    def test_pictures_of_an_iterator(self) -> None:
        frames = []
        left: list[int] = []
        leaves = _SentTrack.leaves

        def watched(track: _SentTrack, rtp_timestamp: int) -> None:
            left.append(rtp_timestamp)
            leaves(track, rtp_timestamp)

        watch = unittest.mock.patch.object(_SentTrack, "leaves", watched)
        with watch, depthcast.open(URL, pictures(90), camera={"hfov": 90}, fps=15) as session:
            self.assertIn("depthcast", session.server)
            for frame in session:
                frames.append(frame)
        self.assertGreater(len(frames), 5)
        self.assertTrue(all(np.isfinite(frame.depth).all() and frame.depth.dtype == np.float32 for frame in frames))
        self.assertEqual(frames[-1].intrinsics.source, "derived")
        self.assertAlmostEqual(frames[-1].intrinsics.fx, frames[-1].source_width / 2, 2)
        self.assertEqual(frames[-1].unit, "disparity")
        stamps = [frame.rtp_timestamp for frame in frames]
        self.assertEqual(len(set(stamps)), len(stamps))
        # Each with the picture that it is of: no other picture twice, in their order, and at 15 a second, or later when this process is.
        self.assertTrue(all(frame.colour is not None and frame.colour.shape == (240, 320, 3) for frame in frames))
        numbers = [number_of(frame.colour) for frame in frames]
        steps = [(after - before) % 64 for before, after in zip(numbers, numbers[1:])]
        self.assertTrue(all(0 < step < 32 for step in steps), steps)
        # The first packet that left is of picture 0, at time 0.
        ticks = [(stamp - left[0]) & 0xFFFFFFFF for stamp in stamps]
        late = [tick / 6000 - numbers[0] - sum(steps[:n]) for n, tick in enumerate(ticks)]
        self.assertLess(abs(np.median(late)), 0.9)

    def test_async(self) -> None:
        async def first() -> depthcast.DepthFrame:
            output = {"dataSize": "picture", "upsampling": "fast"}
            async with depthcast.AsyncSession(URL, pictures(300), fps=15, output=output) as session:
                async for frame in session:
                    return frame
            raise AssertionError("no depth came")

        frame = asyncio.run(first())
        self.assertEqual(frame.intrinsics.source, "assumed")
        # Enlarged along the edges of its picture, from 256x192.
        self.assertEqual(frame.depth.shape, (240, 320))
        self.assertTrue(np.isfinite(frame.depth).all())

    def test_watch(self) -> None:
        with depthcast.watch(URL, os.environ["DEPTHCAST_SCENE"]) as session:
            frame = next(iter(session))
        self.assertGreater(frame.depth.size, 1000)
        self.assertIsNone(frame.colour)

    def test_a_source_that_fails_is_the_error_of_the_iterator(self) -> None:
        def broken() -> Iterator[np.ndarray]:
            yield from pictures(10)
            raise OSError("the camera was unplugged")

        with self.assertRaises(OSError):
            for _ in depthcast.open(URL, broken(), fps=15):
                pass
        with self.assertRaises(depthcast.DepthcastError) as raised:
            for _ in depthcast.open(URL, [np.zeros((8, 8), np.uint8)]):
                pass
        self.assertEqual(raised.exception.code, "SOURCE_UNSUPPORTED")

    def test_an_anchor_makes_metres_and_what_is_refused_is_logged(self) -> None:
        with self.assertLogs("depthcast", "WARNING") as logged, depthcast.open(URL, pictures(300), fps=15) as session:
            first = True
            for frame in session:
                if first:
                    session.anchor([(0.5, 0.9, 2.0)])
                    session._run(session._session._send({"type": "settings", "output": {"size": 99}}))
                first = False
                if frame.unit == "metres" and logged.records:
                    break
            self.assertEqual(frame.unit, "metres")
        self.assertRegex(logged.output[0], "^WARNING:depthcast:[A-Z_]+: ")
        with self.assertRaises(depthcast.DepthcastError) as raised:
            session.anchor([(0.5, 0.9, 2.0)])
        self.assertEqual(raised.exception.code, "ENDED")

    def test_the_example_of_a_robot(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            clip = os.path.join(folder, "clip.mp4")
            with av.open(clip, "w") as container:
                stream = container.add_stream("mpeg4", rate=15)
                stream.width, stream.height = 320, 240
                for picture in pictures(90):
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                container.mux(stream.encode())
            robot = [sys.executable, os.environ["DEPTHCAST_ROBOT_EXAMPLE"], clip, "--server", URL]
            for metres, word in (("9", "go"), ("0.2", "stop")):
                with self.subTest(word):
                    done = subprocess.run([*robot, "--anchor", "0.5", "0.5", metres], capture_output=True, text=True, timeout=120)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertRegex(done.stdout, rf"^{word} \d+\.\d\d m")
            alone = subprocess.run(robot, capture_output=True, text=True, timeout=120)
            self.assertNotEqual(alone.returncode, 0)
            self.assertIn("give an --anchor", alone.stderr)

    def test_a_server_refuses_a_protocol_that_it_does_not_speak(self) -> None:
        with unittest.mock.patch("depthcast.session.PROTOCOL_VERSION", 9):
            with self.assertRaises(depthcast.DepthcastError) as raised:
                depthcast.open(URL, pictures(1))
        self.assertEqual(raised.exception.code, "PROTOCOL_VERSION")
        self.assertIn("9; this server speaks 1 and 2", raised.exception.message)

    def test_errors_are_readable(self) -> None:
        for open_it, code in (
            (lambda: depthcast.watch(URL, "nobody"), "NO_PUBLISHER"),
            (lambda: depthcast.open("ftp://x", pictures(1)), "BAD_ADDRESS"),
            (lambda: depthcast.open("http://127.0.0.1:9", pictures(1)), "SERVER_UNREACHABLE"),
            (lambda: depthcast.open(URL, pictures(9), output={"hologram": 1}), "NOT_IN_SERVER"),
            (lambda: depthcast.open(URL, pictures(9), output={"model": "none"}), "MODEL_NOT_FOUND"),
        ):
            with self.subTest(code), self.assertRaises(depthcast.DepthcastError) as raised:
                open_it()
            self.assertEqual(raised.exception.code, code)


if __name__ == "__main__":
    unittest.main()
