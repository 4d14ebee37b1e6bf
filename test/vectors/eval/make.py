"""Writes clip.bin and expected.json for src/evaluation/metrics.test.ts: python3 make.py (numpy only).

An independent computation of every number with numpy: least squares by numpy.linalg.lstsq, ranks by sorting,
reprojection with whole arrays. clip.bin holds FRAMES times [depth, prediction], float32 little-endian, row-major.
"""
import json
import os

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
FRAMES, H, W = 5, 24, 32
K = np.array([[30.0, 0, 15.5], [0, 31.0, 11.5], [0, 0, 1]])
MAX_DEPTH = 10.0


def pose(n):
    yaw, roll = 0.02 * n, 0.01 * n
    ry = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    rz = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    m = np.eye(4)
    m[:3, :3] = ry @ rz
    m[:3, 3] = [0.05 * n, -0.01 * n, 0.08 * n]
    return m


def scene_depth(m):
    """Depth of a floor (y = 1), a wall (z = 8) and a sphere, world y down."""
    yy, xx = np.mgrid[0:H, 0:W]
    rays = np.stack([(xx - K[0, 2]) / K[0, 0], (yy - K[1, 2]) / K[1, 1], np.ones((H, W))], -1)
    d = rays @ m[:3, :3].T
    o = m[:3, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        floor = np.where(d[..., 1] > 1e-6, (1 - o[1]) / d[..., 1], np.inf)
        wall = np.where(d[..., 2] > 1e-6, (8 - o[2]) / d[..., 2], np.inf)
        c = np.array([0.3, 0.2, 3.0]) - o
        b = d @ c
        a = (d * d).sum(-1)
        disc = b * b - a * (c @ c - 0.49)
        ball = np.where(disc >= 0, (b - np.sqrt(np.maximum(disc, 0))) / a, np.inf)
    return np.minimum(np.minimum(floor, wall), ball)


def ranks(v):
    order = np.argsort(v, kind="stable")
    out = np.empty(len(v))
    s = v[order]
    start = 0
    while start < len(v):
        end = np.searchsorted(s, s[start], side="right")
        out[order[start:end]] = (start + end - 1) / 2
        start = end
    return out


rng = np.random.default_rng(7)
poses = [pose(n) for n in range(FRAMES)]
depths = np.stack([scene_depth(m) for m in poses])
preds = 3.0 / depths + 0.4 + 0.05 * rng.standard_normal(depths.shape) + 0.1 * np.arange(FRAMES)[:, None, None]
preds = np.round(preds, 3)  # so that there are equal values
depths[:, 0, :3] = 0  # no measurement
depths[2, 5:8, 4:9] = np.nan
depths[3, 1, 1] = np.inf
depths[4, 20:, 20:] = 12.0  # out of range
depths = depths.astype("<f4")
preds = preds.astype("<f4")
with open(os.path.join(HERE, "clip.bin"), "wb") as f:
    for d, p in zip(depths, preds):
        f.write(d.tobytes())
        f.write(p.tobytes())

with np.errstate(invalid="ignore"):
    valid = (depths > 1e-3) & (depths < MAX_DEPTH)


def fit(frames, floor):
    x = np.maximum(preds[frames], floor)[valid[frames]].astype(np.float64)
    y = 1.0 / (depths[frames][valid[frames]].astype(np.float64) + 1e-8)
    return np.linalg.lstsq(np.stack([x, np.ones_like(x)], 1), y, rcond=None)[0]


def to_depth(n, s, floor):
    disparity = np.maximum(s[0] * np.maximum(preds[n], floor).astype(np.float64) + s[1], 1e-3)
    return np.clip(1 / disparity, 1e-3, MAX_DEPTH)


def errors(fits, floor):
    rows = []
    for n in range(FRAMES):
        p, t = to_depth(n, fits[n], floor)[valid[n]], depths[n][valid[n]].astype(np.float64)
        ratio = np.maximum(p / t, t / p)
        rows.append([np.mean(np.abs(p - t) / t), np.sqrt(np.mean((p - t) ** 2))] + [np.mean(ratio < 1.25**k) for k in (1, 2, 3)])
    return dict(zip(["absRel", "rmse", "delta1", "delta2", "delta3"], np.mean(rows, 0)))


every = list(range(FRAMES))
fits = {
    "frame": [fit([n], 1e-3) for n in every],
    "clip": [fit(every, 1e-3)] * FRAMES,
    "first": [fit([0], 1e-3)] * FRAMES,
}


def carried(d1, d2, m21, mask2):
    yy, xx = np.mgrid[0:H, 0:W]
    p = np.stack([(xx - K[0, 2]) * d1 / K[0, 0], (yy - K[1, 2]) * d1 / K[1, 1], d1], -1).reshape(-1, 3)
    q = p @ m21[:3, :3].T + m21[:3, 3]
    u = np.round(q[:, 0] * K[0, 0] / q[:, 2] + K[0, 2]).astype(int)
    v = np.round(q[:, 1] * K[1, 1] / q[:, 2] + K[1, 2]).astype(int)
    ok = (u >= 0) & (u < W) & (v >= 0) & (v < H)
    proj = np.zeros((H, W))
    for i in np.flatnonzero(ok):
        proj[v[i], u[i]] = q[i, 2]
    use = (proj > 0) & (d2 > 0) & mask2
    return np.mean(np.abs(d2[use] - proj[use]) / d2[use])


aligned = [to_depth(n, fits["clip"][n], 1e-3) for n in every]


def tae(masks):
    total = 0
    for n in range(FRAMES - 1):
        m21 = np.linalg.inv(poses[n + 1]) @ poses[n]
        total += carried(aligned[n], aligned[n + 1], m21, masks[n + 1])
        total += carried(aligned[n + 1], aligned[n], np.linalg.inv(m21), masks[n])
    return 100 * total / (2 * (FRAMES - 1))


low, high = np.percentile(preds, [2, 98])
masked = preds[:, valid[0]]
mlow, mhigh = np.percentile(masked, [2, 98])
expected = {
    "frames": FRAMES,
    "width": W,
    "height": H,
    "maxDepth": MAX_DEPTH,
    "intrinsics": {"fx": K[0, 0], "fy": K[1, 1], "cx": K[0, 2], "cy": K[1, 2]},
    "poses": [m.T.reshape(-1).tolist() for m in poses],  # column-major
    "valid": [int(v.sum()) for v in valid],
    "fits": {k: [list(map(float, s)) for s in v] for k, v in fits.items()},
    "errors": {k: errors(v, 1e-3) for k, v in fits.items()},
    "clipErrorsWithoutFloor": errors([fit(every, -np.inf)] * FRAMES, -np.inf),
    "clipErrorsFloor2": errors([fit(every, 2.0)] * FRAMES, 2.0),
    "spearman": [float(np.corrcoef(ranks(preds[n][valid[n]]), ranks(1 / depths[n][valid[n]]))[0, 1]) for n in every],
    "tae": tae([np.ones((H, W), bool)] * FRAMES),
    "taeMasked": tae(valid),
    "flicker": float(np.mean(np.abs(np.diff(preds.astype(np.float64), axis=0))) / (high - low)),
    "flickerMasked": float(np.mean(np.abs(np.diff(masked.astype(np.float64), axis=0))) / (mhigh - mlow)),
}
with open(os.path.join(HERE, "expected.json"), "w") as f:
    json.dump(expected, f, indent=1)
    f.write("\n")
