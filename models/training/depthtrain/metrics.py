"""Depth metrics after scale-and-shift alignment in disparity. Arrays are flat: predicted disparity p, true disparity g."""
import numpy as np

NEAREST, FARTHEST = 0.1, 10.0  # metres that a fitted depth is clamped to, unless a caller says otherwise


def fit(p, g):
    """Least-squares (scale, shift) with scale * p + shift ~ g."""
    solution, *_ = np.linalg.lstsq(np.stack([p, np.ones_like(p)], 1), g, rcond=None)
    return solution


def errors(p, g, alignment, farthest=FARTHEST):
    """-> (AbsRel, delta1) of depth 1/(scale*p+shift) against 1/g."""
    depth = 1 / np.clip(alignment[0] * p + alignment[1], 1 / farthest, 1 / NEAREST)
    truth = 1 / g
    return float(np.mean(np.abs(depth - truth) / truth)), float(np.mean(np.maximum(depth / truth, truth / depth) < 1.25))
