"""Against a real server, whose address is DEPTHCAST_URL; the second one, DEPTHCAST_SCENE, streams a scene of that name."""

import asyncio
import os
import unittest
from collections.abc import Iterator

import numpy as np

import depthcast

URL = os.environ.get("DEPTHCAST_URL", "")


def pictures(count: int) -> Iterator[np.ndarray]:
    """A bright square that moves over a gradient; its place tells the number of the picture."""
    for n in range(count):
        picture = np.zeros((240, 320, 3), np.uint8)
        picture[:, :, 2] = np.linspace(40, 200, 240, dtype=np.uint8)[:, None]
        left = (4 * n) % 256
        picture[80:144, left : left + 64] = 255
        yield picture


@unittest.skipUnless(URL, "DEPTHCAST_URL names no server")
class Live(unittest.TestCase):
    def test_pictures_of_an_iterator(self) -> None:
        frames = []
        with depthcast.open(URL, pictures(90), camera={"hfov": 90}, fps=15) as session:
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
        paired = [frame for frame in frames if frame.colour is not None]
        self.assertGreater(len(paired), len(frames) // 2)
        self.assertEqual(paired[-1].colour.shape, (240, 320, 3))

    def test_async(self) -> None:
        async def first() -> depthcast.DepthFrame:
            async with depthcast.AsyncSession(URL, pictures(300), fps=15) as session:
                async for frame in session:
                    return frame
            raise AssertionError("no depth came")

        frame = asyncio.run(first())
        self.assertEqual(frame.intrinsics.source, "assumed")

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
