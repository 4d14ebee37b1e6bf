"""Writes vda/ for src/evaluation/benchmarks: python3 make_vda_list.py (numpy only).

A miniature of what dataset_extract_scannet.py of Video Depth Anything's benchmark leaves on the disk, with both of its lists, and
the numbers that eval.py and eval_tae.py print of it, computed with numpy from the files' own rounded values. predictions.bin
holds what a network said: for each frame of scannet_video.json [CH, CW] (the size of the cropped pictures), then for
each of scannet_video_tae.json that is judged [PH, PW] (the size of the whole ones), float32 little-endian. expected.json also
has Depth Pro's boundary F1 and the temporal gradient error of the first list's frames.
"""
import json
import os

import numpy as np

from images import png, resize

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vda")
SCENE = "scene0707_00"
H, W, PH, PW = 48, 64, 60, 84  # depth maps, whole pictures
TOP, BOTTOM, LEFT, RIGHT = 8, -8, 11, -11
CH, CW = PH - 16, PW - 22
LISTED, VIDEO, FROM = 14, 6, 10
K = np.array([[58.0, 0, 31.4, 0], [0, 58.5, 23.7, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
MAX_DEPTH = 10.0


def pose(n):
    yaw = 0.008 * n
    m = np.eye(4)
    m[:3, :3] = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
    m[:3, 3] = [0.04 * n, 0.003 * n, 0.02 * n]
    return m


def render(m, h, w, k):
    """Depth of a floor (y = 1.1), a wall (z = 6) and a ball, world y down."""
    yy, xx = np.mgrid[0:h, 0:w]
    d = np.stack([(xx - k[0, 2]) / k[0, 0], (yy - k[1, 2]) / k[1, 1], np.ones((h, w))], -1) @ m[:3, :3].T
    o = m[:3, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        floor = np.where(d[..., 1] > 1e-6, (1.1 - o[1]) / d[..., 1], np.inf)
        wall = (6 - o[2]) / d[..., 2]
        c = np.array([0.1, 0.2, 2.4]) - o
        a, b = (d * d).sum(-1), d @ c
        q = b * b - a * (c @ c - 0.36)
        ball = np.where(q >= 0, (b - np.sqrt(np.maximum(q, 0))) / a, np.inf)
    return np.minimum(np.minimum(floor, wall), ball)


rng = np.random.default_rng(5)
poses = [pose(n) for n in range(LISTED)]
mm = [np.round(1000 * render(m, H, W, K)).astype(np.uint16) for m in poses]
for n in range(LISTED):
    mm[n][20 + n % 3, 20:26] = 0  # no measurement
scale = np.diag([PW / W, PH / H, 1, 1])
whole = [render(m, PH, PW, scale @ K) for m in poses]
lists = {"scannet_video.json": [], "scannet_video_tae.json": []}
for n in range(LISTED):
    shade = (255 * np.clip(1 - whole[n] / 7, 0, 1)[..., None] * [1, 0.9, 0.75]).astype(np.uint8)
    png(os.path.join(HERE, SCENE, "color_origin", f"{n}.png"), shade)
    png(os.path.join(HERE, SCENE, "depth", f"{n}.png"), mm[n])
    entry = {"image": f"{SCENE}/color/{n}.png", "gt_depth": f"{SCENE}/depth/{n}.png", "factor": 1000.0}
    if n < VIDEO:
        png(os.path.join(HERE, SCENE, "color", f"{n}.png"), shade[TOP:BOTTOM, LEFT:RIGHT])
        lists["scannet_video.json"].append(entry)
    posed = {"image": f"{SCENE}/color_origin/{n}.png", "K": K.tolist(), "pose": poses[n].tolist()}
    lists["scannet_video_tae.json"].append({**entry, **posed})
for name, frames in lists.items():
    with open(os.path.join(HERE, name), "w") as f:
        json.dump({"scannet": [{SCENE: frames}]}, f, indent=1)


def said(z, n):
    return (2.2 * (1 + 0.01 * n) / z + 0.4 + 0.03 * rng.standard_normal(z.shape)).astype("<f4")


cropped = [said(whole[n][TOP:BOTTOM, LEFT:RIGHT], n) for n in range(VIDEO)]
full = [said(whole[n], n) for n in range(FROM, LISTED)]
with open(os.path.join(HERE, "predictions.bin"), "wb") as f:
    f.write(b"".join(p.tobytes() for p in cropped + full))

# From here on what a reader of the files knows.
def align(predictions, truths):
    p, t = np.maximum(np.stack(predictions).astype(np.float64), 1e-3), np.stack(truths)
    valid = (t > 1e-3) & (t < MAX_DEPTH)
    s, o = np.linalg.lstsq(np.stack([p[valid], np.ones(valid.sum())], 1), 1 / (t[valid] + 1e-8), rcond=None)[0]
    return np.clip(1 / np.maximum(s * p + o, 1e-3), 1e-3, MAX_DEPTH), t, valid


def truth(n):
    return (mm[n] / 1000.0)[TOP:BOTTOM, LEFT:RIGHT]


size = truth(0).shape
z, t, valid = align([resize(p.astype(np.float64), *size) for p in cropped], [truth(n) for n in range(VIDEO)])
frames = []
for p, g, v in zip(z, t, valid):
    p, g = p[v], g[v]
    frames.append([np.mean(np.abs(p - g) / g), np.sqrt(np.mean((p - g) ** 2)), np.mean(np.maximum(p / g, g / p) < 1.25)])
expected = dict(zip(("absRel", "rmse", "delta1"), np.mean(frames, 0)))


def carried(d1, d2, m21):
    yy, xx = np.mgrid[0:size[0], 0:size[1]]
    p = np.stack([(xx - K[0, 2]) * d1 / K[0, 0], (yy - K[1, 2]) * d1 / K[1, 1], d1], -1).reshape(-1, 3)
    q = p @ m21[:3, :3].T + m21[:3, 3]
    out = np.zeros(size)
    for x, y, depth in q:
        u, v = int(np.round(x * K[0, 0] / depth + K[0, 2])), int(np.round(y * K[1, 1] / depth + K[1, 2]))
        if 0 <= u < size[1] and 0 <= v < size[0]:
            out[v, u] = depth
    use = (out > 0) & (d2 > 0)
    return np.mean(np.abs(d2[use] - out[use]) / d2[use])


posed, _, _ = align([resize(p.astype(np.float64)[TOP:BOTTOM, LEFT:RIGHT], *size) for p in full], [truth(n) for n in range(FROM, LISTED)])
pairs = []
for n in range(len(posed) - 1):
    m21 = np.linalg.inv(poses[FROM + n + 1]) @ poses[FROM + n]
    pairs.append(50 * (carried(posed[n], posed[n + 1], m21) + carried(posed[n + 1], posed[n], np.linalg.inv(m21))))
expected["tae"] = np.mean(pairs)


def edges(d, ratio):
    with np.errstate(divide="ignore", invalid="ignore"):
        r, b = d[:, 1:] / d[:, :-1], d[1:] / d[:-1]
        return [r > ratio, 1 / r > ratio, b > ratio, 1 / b > ratio]


def boundary(p, g):
    known = g > 0
    both = [known[:, 1:] & known[:, :-1]] * 2 + [known[1:] & known[:-1]] * 2
    total = weight = 0
    for ratio in np.linspace(1.05, 1.25, 10):
        ep, eg = ([e & k for e, k in zip(edges(d, ratio), both)] for d in (p, g))
        recall = np.mean([(a & b).sum() / max(b.sum(), 1) for a, b in zip(ep, eg)])
        precision = np.mean([(a & b).sum() / max(a.sum(), 1) for a, b in zip(ep, eg)])
        total += ratio * (2 * recall * precision / (recall + precision) if recall + precision else 0)
        weight += ratio
    return total / weight


expected["boundaryOfFrames"] = [boundary(p, np.where(v, g, 0)) for p, g, v in zip(z, t, valid)]
inverse = np.where(valid, 1 / np.maximum(t, 1e-3), 0)
span = inverse[valid].max() - inverse[valid].min()
steps = []
for n in range(VIDEO - 1):
    change = np.abs(inverse[n + 1] - inverse[n])
    use = valid[n] & valid[n + 1] & (change < 0.05 * span)
    steps.append(100 * np.mean(np.abs(np.abs(1 / z[n + 1] - 1 / z[n]) - change)[use]) / span)
expected["temporalGradientOfPairs"] = steps
with open(os.path.join(HERE, "expected.json"), "w") as f:
    json.dump({"cropped": [CH, CW], "whole": [PH, PW], **expected}, f, indent=1, default=float)
