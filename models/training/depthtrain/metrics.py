"""Depth metrics after scale-and-shift alignment in disparity. Arrays are flat: predicted disparity p, true disparity g."""
import cv2
import numpy as np

BOUNDARY_RATIOS = (1.05, 1.1, 1.15, 1.2, 1.25)
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


def reproject_error(depth, other, pose, other_pose, intrinsics, consistent):
    """Mean relative difference between `depth` carried into the other view and that view's own depth, where `consistent`."""
    fx, fy, cx, cy = intrinsics
    h, w = depth.shape
    v, u = np.nonzero(consistent)
    z = depth[v, u]
    points = np.stack([(u - cx) / fx * z, (v - cy) / fy * z, z, np.ones_like(z)])
    moved = np.linalg.inv(other_pose) @ pose @ points
    ahead = moved[2] > 1e-3
    x, y = (np.full(len(z), -1, int) for _ in range(2))
    x[ahead] = np.rint(moved[0, ahead] / moved[2, ahead] * fx + cx).clip(-1, w)
    y[ahead] = np.rint(moved[1, ahead] / moved[2, ahead] * fy + cy).clip(-1, h)
    inside = (x >= 0) & (x < w) & (y >= 0) & (y < h)
    if inside.sum() < 100:
        return np.nan
    there = other[y[inside], x[inside]]
    return float(np.mean(np.abs(moved[2, inside] - there) / there))


def consistency(truth, other, pose, other_pose, intrinsics, farthest, tolerance=0.05):
    """Pixels whose true depth agrees with the other view's: neither occluded nor on a moving thing. bool [H,W]."""
    fx, fy, cx, cy = intrinsics
    h, w = truth.shape
    v, u = np.mgrid[0:h, 0:w]
    z = truth
    known = (z > 0) & (z < farthest)
    points = np.stack([(u - cx) / fx * z, (v - cy) / fy * z, z, np.ones_like(z)]).reshape(4, -1)
    moved = (np.linalg.inv(other_pose) @ pose @ points).reshape(4, h, w)
    ahead = np.maximum(moved[2], 1e-3)
    x, y = np.rint(moved[0] / ahead * fx + cx).clip(-1, w).astype(int), np.rint(moved[1] / ahead * fy + cy).clip(-1, h).astype(int)
    inside = known & (moved[2] > 1e-3) & (x >= 0) & (x < w) & (y >= 0) & (y < h)
    there = np.where(inside, other[y.clip(0, h - 1), x.clip(0, w - 1)], 0)
    return inside & (there > 0) & (np.abs(moved[2] - there) < tolerance * np.maximum(there, 1e-3))


def temporal_alignment_error(depth, truth, poses, intrinsics, farthest):
    """TAE (Yang et al., Depth Any Video; used by Video Depth Anything): mean relative difference between each frame's predicted
    depth carried into the next view (and back) and the depth predicted there. Theirs, and `depthcast eval`, take every pixel
    that is seen; here, only those whose truth agrees in both views."""
    scores = []
    for i in range(len(depth) - 1):
        for a, b in ((i, i + 1), (i + 1, i)):
            same = consistency(truth[a], truth[b], poses[a], poses[b], intrinsics, farthest)
            scores.append(reproject_error(depth[a], depth[b], poses[a], poses[b], intrinsics, same))
    return float(np.nanmean(scores))


def boundaries(depth, ratio):
    """Pixels beyond an edge: bool [H,W], where depth differs by more than `ratio` from the left or upper neighbour's."""
    found = np.zeros(depth.shape, bool)
    across, down = depth[:, 1:] / depth[:, :-1], depth[1:] / depth[:-1]
    found[:, 1:] |= (across > ratio) | (across < 1 / ratio)
    found[1:] |= (down > ratio) | (down < 1 / ratio)
    return found


def boundary_f1(depth, truth):
    """Depth Pro's boundary F1 (Bochkovskii et al., ICLR 2025) with a pixel of tolerance: mean over five ratios; NaN without edges."""
    scores, near = [], np.ones((3, 3), np.uint8)
    for ratio in BOUNDARY_RATIOS:
        wanted, found = boundaries(truth, ratio), boundaries(depth, ratio)
        if wanted.any():
            precision = (found & (cv2.dilate(wanted.astype(np.uint8), near) > 0)).sum() / max(1, found.sum())
            recall = (wanted & (cv2.dilate(found.astype(np.uint8), near) > 0)).sum() / wanted.sum()
            scores.append(2 * precision * recall / max(1e-9, precision + recall))
    return float(np.mean(scores)) if scores else np.nan
