"""Which picture a timestamp is of."""

import asyncio
import unittest

import numpy as np

from depthcast.session import _SentTrack

LAST = 0xFFFFFFFF


class Pairing(unittest.TestCase):
    def test_first_packets_tell(self) -> None:
        async def send() -> None:
            track = _SentTrack([np.zeros((4, 4, 3), np.uint8) for _ in range(4)], fps=1000)
            first = await track.recv()
            # Three packets, over the end of the timestamps' range.
            for _ in range(3):
                track.leaves(LAST - 10)
            second = await track.recv()
            track.leaves(LAST - 10)
            track.leaves(20)
            self.assertIs(track.picture_of(LAST - 10), first)
            self.assertIsNone(track.picture_of(LAST - 10))
            # Of the third no packet leaves: the encoder kept it back. The first is sent again, long after its depth came.
            await track.recv()
            fourth = await track.recv()
            track.leaves(LAST - 10)
            self.assertIsNone(track.picture_of(LAST - 10))
            track.leaves(6020)
            self.assertIs(track.picture_of(20), second)
            self.assertIs(track.picture_of(6020), fourth)
            self.assertIsNone(track.picture_of(3020))
            track.close()

        asyncio.run(send())

    def test_pictures_are_kept_within_bounds(self) -> None:
        async def send() -> None:
            track = _SentTrack([np.zeros((4, 4, 3), np.uint8) for _ in range(100)], fps=1e6)
            for n in range(100):
                await track.recv()
                track.leaves(n)
            known = [n for n in range(100) if track.picture_of(n) is not None]
            self.assertEqual(known, list(range(36, 100)))
            track.close()

        asyncio.run(send())
