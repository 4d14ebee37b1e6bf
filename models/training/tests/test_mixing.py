"""Pictures mixed while training keep their truth."""
import unittest

import numpy as np

from depthtrain.mixing import composite, overlay, warp

HEIGHT, WIDTH = 48, 64


def batch(seed, count=8):
    """Boxes before ramps. Disparity is also the picture's red, so that what is seen tells what is true."""
    rng = np.random.default_rng(seed)
    truth = np.tile(np.linspace(0.1, 0.5, HEIGHT, dtype=np.float32)[:, None], (count, 1, 1, WIDTH))
    for one in truth:
        top, left = rng.integers(4, 24, 2)
        one[0, top:top + 18, left:left + 25] = rng.uniform(0.6, 2)
    image = np.zeros((count, 3, HEIGHT, WIDTH), np.float32)
    image[:, 0] = truth[:, 0]
    image[:, 1] = np.arange(count, dtype=np.float32)[:, None, None]  # whose pixel it is
    return image, truth


class Mixing(unittest.TestCase):
    def test_a_composite_shows_the_nearer_surface(self):
        mixed = 0
        for seed in range(6):
            image, truth = batch(seed)
            before, was = image.copy(), truth.copy()
            composite(np.random.default_rng(seed), image, truth, 1.0)
            for i, (now, true) in enumerate(zip(image, truth[:, 0])):
                kept = now[1] == before[i, 1]
                np.testing.assert_array_equal(true[kept], was[i, 0][kept])
                self.assertTrue((true >= was[i, 0]).all())
                if kept.all():
                    continue
                mixed += 1
                strangers = np.unique(now[1][~kept])
                self.assertEqual(len(strangers), 1)
                scales = true[~kept] / now[0][~kept]  # what came before it has one scale
                np.testing.assert_allclose(scales, scales[0], rtol=1e-5)
                self.assertTrue((true[~kept] > was[i, 0][~kept]).all())
        self.assertGreater(mixed, 10)

    def test_a_warp_moves_truth_with_its_pixels(self):
        image, truth = batch(1)
        was = truth.copy()
        warp(np.random.default_rng(1), image, truth, 1.0)
        self.assertTrue((truth != was).reshape(len(truth), -1).any(1).all())
        # The picture is interpolated, the truth is not: they part at edges alone
        self.assertLess(np.quantile(np.abs(image[:, 0] - truth[:, 0]), 0.9), 0.01)
        self.assertTrue(np.isin(truth, was).all())

    def test_marks_leave_the_truth_and_mean_light(self):
        image, truth = batch(2)
        was = image.copy()
        textures = np.random.default_rng(0).integers(0, 255, (3, 40, 40, 3), dtype=np.uint8)
        overlay(np.random.default_rng(2), image, textures, 1.0)
        self.assertTrue((image != was).reshape(len(image), -1).any(1).all())
        self.assertLess(np.abs(image[:, 0] - was[:, 0]).mean(), 0.8)

    def test_a_share_of_none_changes_nothing(self):
        image, truth = batch(3)
        was, true = image.copy(), truth.copy()
        rng = np.random.default_rng(3)
        composite(rng, image, truth, 0.0)
        warp(rng, image, truth, 0.0)
        np.testing.assert_array_equal(image, was)
        np.testing.assert_array_equal(truth, true)


if __name__ == '__main__':
    unittest.main()
