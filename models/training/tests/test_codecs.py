"""Pictures sent through real encoders stay where they were. BUILD: the folder with libdepthscenes.so."""
import os
import unittest

import cv2
import numpy as np

from depthtrain.codecs import CODECS, ENLARGED, Sender, capture, code, draw_sender, lead_in, light, metered, transmit
from depthtrain.pool import load_library

SIZE = 96


def picture(seed):
    """Smooth blobs with edges, uint8 RGB [SIZE,SIZE,3]."""
    rng = np.random.default_rng(seed)
    image = np.full((SIZE, SIZE, 3), rng.integers(60, 200, 3), np.uint8)
    for _ in range(12):
        x, y, radius = (int(v) for v in rng.integers((0, 0, 5), (SIZE, SIZE, 25)))
        cv2.circle(image, (x, y), radius, rng.integers(20, 235, 3).tolist(), -1, cv2.LINE_AA)
    return image


def psnr(a, b):
    return 10 * np.log10(255 ** 2 / np.mean((a.astype(float) - b) ** 2))


def shift(a, b):
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) for image in (a, b)]
    return np.abs(cv2.phaseCorrelate(*grey, cv2.createHanningWindow((SIZE, SIZE), cv2.CV_32F))[0]).max()


def of(codec, enlarged, bits_per_pixel, seed=0):
    """A drawn sender of that codec, at that size and rate."""
    rng = np.random.default_rng(seed)
    while (sender := draw_sender(rng, SIZE, 0.1)).codec != codec:
        pass
    bits = int(bits_per_pixel * (SIZE * enlarged) ** 2 * sender.frame_rate)
    rates = {name: str(bits) for name in ('minrate', 'maxrate', 'bufsize') if name in sender.options}
    return Sender(codec, sender.frame_rate, bits, enlarged, sender.options | rates)


class Codecs(unittest.TestCase):
    def test_pictures_stay_in_place_and_in_order(self):
        video = np.stack([picture(k) for k in range(6)])  # every frame another scene
        for codec in CODECS:
            for enlarged in ENLARGED:
                with self.subTest(codec=codec, enlarged=enlarged):
                    decoded = transmit(video, of(codec, enlarged, 6))
                    self.assertEqual(decoded.shape, video.shape)
                    for sent, got in zip(video, decoded):
                        self.assertGreater(psnr(sent, got), 24)
                        self.assertLess(shift(sent, got), 0.12)

    def test_a_low_rate_loses_more(self):
        video = np.stack([picture(k) for k in range(4)])
        for codec in CODECS:
            with self.subTest(codec=codec):
                fine, coarse = (np.mean([psnr(a, b) for a, b in zip(video, transmit(video, of(codec, 1.0, bits)))]) for bits in (2, 0.05))
                self.assertGreater(fine, coarse + 3)

    def test_what_is_drawn_can_be_sent(self):
        rng = np.random.default_rng(4)
        video = np.stack([picture(1)] * 3)
        for _ in range(30):
            self.assertEqual(transmit(video, draw_sender(rng, SIZE, 0.025 * 16 ** rng.random()), (1,)).shape, video.shape)

    def test_the_past_ends_with_the_picture(self):
        rng = np.random.default_rng(5)
        for _ in range(10):
            video = lead_in(picture(2), rng)
            self.assertGreater(len(video), 1)
            np.testing.assert_array_equal(video[-1], picture(2))

    def test_exposure_settles(self):
        lights = np.full(60, 0.2)
        for seed in range(10):
            gains = metered(lights, 0.1, np.random.default_rng(seed))
            self.assertLess(np.ptp(gains[-5:]), 0.03)
            self.assertTrue(0.4 <= gains.min() and gains.max() <= 2.5)


class Shards(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.library = load_library(os.environ['BUILD'])

    def test_a_share_of_the_clips_is_coded_and_nothing_else_touched(self):
        shard = np.stack([[picture(10 * clip + frame) for frame in range(3)] for clip in range(30)])
        coded, again = shard.copy(), shard.copy()
        which = code(self.library, coded, np.full(30, 0.1), 0.5, 7)
        self.assertTrue(8 <= which.sum() <= 22)
        for before, after, sent in zip(shard, coded, which):
            self.assertEqual(bool((before != after).any()), bool(sent))
        code(self.library, again, np.full(30, 0.1), 0.5, 7)
        np.testing.assert_array_equal(coded, again)  # a function of the seed

    def test_noise_is_stronger_in_the_dark_and_in_colour(self):
        for seed in range(4):
            spread = []
            for level in (40, 180):
                frames = np.full((8, SIZE, SIZE, 3), level, np.uint8)
                self.library.capture_frames(*self.arguments(frames, np.ones(8), 0.02, 0.002, seed))
                noise = frames.astype(float) - level
                self.assertLess(abs(noise.mean()), 1.5)
                spread.append(noise.std((0, 1, 2)))
            self.assertGreater(spread[0].mean(), 1.3 * spread[1].mean())
            self.assertGreater(min(spread[0][0], spread[0][2]), spread[0][1])  # red and blue against green

    def test_red_and_blue_noise_is_coarse(self):
        frames = np.full((8, SIZE, SIZE, 3), 60, np.uint8)
        self.library.capture_frames(*self.arguments(frames, np.ones(8), 0.02, 0.002, 1))
        noise = frames.astype(float) - frames.mean()
        beside = [np.corrcoef(noise[:, :, 1:, c].ravel(), noise[:, :, :-1, c].ravel())[0, 1] for c in range(3)]
        self.assertGreater(min(beside[0], beside[2]), 0.4)
        self.assertGreater(0.4, beside[1])

    def test_captured_pictures_differ_between_frames(self):
        frames = np.stack([picture(3)] * 4)
        capture(self.library, frames, 0.1, np.random.default_rng(1))
        self.assertTrue((frames[0] != frames[1]).any())
        self.assertTrue((light(frames) > 0).all())

    @staticmethod
    def arguments(frames, gains, shot, read, seed):
        import ctypes
        gains = np.ascontiguousarray(gains, np.float32)
        Shards.kept = gains  # the library reads it
        return (ctypes.c_void_p(frames.ctypes.data), len(frames), SIZE, SIZE, ctypes.c_void_p(gains.ctypes.data),
                ctypes.c_float(shot), ctypes.c_float(read), ctypes.c_uint64(seed))


if __name__ == '__main__':
    unittest.main()
