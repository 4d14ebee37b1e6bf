"""Writes recording/, predictions.bin and expected-recording.json for src/evaluation: python3 make_recording.py (numpy only).

A small recorded sequence in the layout of docs/evaluation.md, and every number that an evaluation of it has to give,
computed with numpy from the files' own rounded values: nothing here is shared with the program. predictions.bin holds
for each frame [PH, PW] disparity up to scale and shift, then [PH, PW] metres, float32 little-endian, row-major.
"""
import json
import os

import numpy as np

from images import png, resize

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "recording")
FRAMES, H, W, PH, PW = 7, 36, 48, 15, 22
FX, FY, CX, CY = 44.0, 45.5, 23.2, 17.9
MAX_DEPTH = 6.0


def pose(n):
    yaw, pitch = 0.006 * n, -0.0004 * n
    ry = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    rx = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    m = np.eye(4)
    m[:3, :3] = ry @ rx
    m[:3, 3] = [0.03 * n, 0.002 * n, 0.012 * n]
    return m


def render(m, moving):
    """Depth of a floor (y = 0.9), a wall (z = 7) and a ball, world y down."""
    yy, xx = np.mgrid[0:H, 0:W]
    d = np.stack([(xx - CX) / FX, (yy - CY) / FY, np.ones((H, W))], -1) @ m[:3, :3].T
    o = m[:3, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        floor = np.where(d[..., 1] > 1e-6, (0.9 - o[1]) / d[..., 1], np.inf)
        wall = (7 - o[2]) / d[..., 2]
        c = np.array([-0.4 + moving, 0.2, 2.6]) - o
        a, b = (d * d).sum(-1), d @ c
        q = b * b - a * (c @ c - 0.36)
        ball = np.where(q >= 0, (b - np.sqrt(np.maximum(q, 0))) / a, np.inf)
    return np.minimum(np.minimum(floor, wall), ball)


rng = np.random.default_rng(11)
poses = [pose(n) for n in range(FRAMES)]
mm = [np.round(1000 * render(m, 0.05 * n)).astype(np.uint16) for n, m in enumerate(poses)]
for n in range(FRAMES):
    mm[n][0, : 3 + n] = 0  # no measurement
    mm[n][20:22, 30:33] = 0
for n in range(FRAMES):
    z = mm[n] / 7000.0
    shade = 255 * (1 - 0.7 * z)[..., None] * [1, 0.9, 0.75] * (0.9 + 0.1 * rng.random((H, W, 1)))
    png(os.path.join(OUT, "color", f"{n:06d}.png"), np.clip(shade, 0, 255).astype(np.uint8))
    png(os.path.join(OUT, "depth", f"{n:06d}.png"), mm[n])
lines = [" ".join(f"{v:.9g}" for v in m.reshape(-1)) for m in poses]
with open(os.path.join(OUT, "poses.txt"), "w") as f:
    f.write("\n".join(lines) + "\n")
with open(os.path.join(OUT, "intrinsics.json"), "w") as f:
    json.dump({"fx": FX, "fy": FY, "cx": CX, "cy": CY, "width": W, "height": H}, f)
with open(os.path.join(OUT, "sequence.json"), "w") as f:
    json.dump({"fps": 10, "maxDepth": MAX_DEPTH}, f)

small = [resize(z / 1000.0, PH, PW) for z in mm]
wobble = 1 + 0.02 * np.arange(FRAMES)
disparity = [2.5 * k / np.maximum(z, 0.3) + 0.3 + 0.04 * rng.standard_normal((PH, PW)) for z, k in zip(small, wobble)]
metres = [1.1 * np.maximum(z, 0.2) * k + 0.05 * rng.standard_normal((PH, PW)) for z, k in zip(small, wobble)]
disparity = np.stack(disparity).astype("<f4")
metres = np.stack(metres).astype("<f4")
with open(os.path.join(HERE, "predictions.bin"), "wb") as f:
    for d, z in zip(disparity, metres):
        f.write(d.tobytes() + z.tobytes())

# From here on what a reader of the files knows.
poses = [np.array([float(v) for v in line.split()]).reshape(4, 4) for line in lines]
depths = np.stack(mm).astype(np.float64) / 1000
valid = (depths > 1e-3) & (depths < MAX_DEPTH)


def fit(p, frames):
    x, y = p[frames][valid[frames]], 1 / (depths[frames][valid[frames]] + 1e-8)
    return np.linalg.lstsq(np.stack([x, np.ones_like(x)], 1), y, rcond=None)[0]


def errors(z):
    rows = []
    for n in range(FRAMES):
        p, t = z[n][valid[n]], depths[n][valid[n]]
        ratio = np.maximum(p / t, t / p)
        rows.append([np.mean(np.abs(p - t) / t), np.sqrt(np.mean((p - t) ** 2))] + [np.mean(ratio < 1.25**k) for k in (1, 2, 3)])
    return dict(zip(["absRel", "rmse", "delta1", "delta2", "delta3"], np.mean(rows, 0))), [r[0] for r in rows]


def carried(d1, d2, m21):
    yy, xx = np.mgrid[0:H, 0:W]
    p = np.stack([(xx - CX) * d1 / FX, (yy - CY) * d1 / FY, d1], -1).reshape(-1, 3)
    q = p @ m21[:3, :3].T + m21[:3, 3]
    proj = np.zeros((H, W))
    for X, Y, Z in q:
        if not Z > 0:
            continue
        u, v = int(np.round(X * FX / Z + CX)), int(np.round(Y * FY / Z + CY))
        if 0 <= u < W and 0 <= v < H:
            proj[v, u] = Z
    use = (proj > 0) & (d2 > 0)
    return np.mean(np.abs(d2[use] - proj[use]) / d2[use])


def tae(z):
    pairs = []
    for n in range(FRAMES - 1):
        m21 = np.linalg.inv(poses[n + 1]) @ poses[n]
        pairs.append(50 * (carried(z[n], z[n + 1], m21) + carried(z[n + 1], z[n], np.linalg.inv(m21))))
    return float(np.mean(pairs)), pairs


def relative(p):
    p = np.maximum(p, 1e-3)
    every = list(range(FRAMES))
    fits = {"clip": [fit(p, every)] * FRAMES, "frame": [fit(p, [n]) for n in every], "first": [fit(p, [0])] * FRAMES}
    z = {by: [np.clip(1 / np.maximum(s * p[n] + t, 1e-3), 1e-3, MAX_DEPTH) for n, (s, t) in enumerate(f)] for by, f in fits.items()}
    return {
        "errors": {by: errors(v)[0] for by, v in z.items()},
        "absRelOfFrames": errors(z["clip"])[1],
        "tae": tae(z["clip"])[0],
        "taeOfPairs": tae(z["clip"])[1],
        "fits": [list(map(float, f)) for f in fits["frame"]],
    }


sized = np.stack([resize(p.astype(np.float64), H, W) for p in disparity])
sized_metres = np.stack([resize(p.astype(np.float64), H, W) for p in metres])
clamped = [np.clip(z, 1e-3, MAX_DEPTH) for z in sized_metres]
from_metres = relative(1 / np.maximum(sized_metres, 1e-3))
still = valid.all(0) & (np.abs(depths - depths[0]) <= 0.03 * depths[0]).all(0)
resting = sized[:, still]
low, high = np.percentile(resting, [2, 98])
truth = np.where(valid, depths, np.nan)
expected = {
    "frames": FRAMES,
    "width": W,
    "height": H,
    "prediction": [PH, PW],
    "still": int(still.sum()),
    "flicker": float(np.mean(np.abs(np.diff(resting, axis=0))) / (high - low)),
    "relative": relative(sized),
    "metric": {
        "errors": {**from_metres["errors"], "none": errors(clamped)[0]},
        "tae": tae(clamped)[0],
    },
    "ramp": relative(np.repeat(((np.arange(H) + 0.5) / H)[:, None], W, 1)[None].repeat(FRAMES, 0)),
    "truthTae": tae(truth)[0],
}
with open(os.path.join(HERE, "expected-recording.json"), "w") as f:
    json.dump(expected, f, indent=1)
    f.write("\n")
