"""Compare model files on real and synthetic sequences, beside baselines, in one run.

Usage: python3 -m depthtrain.evaluate NAME=MODEL.onnx... [--real DIR] [--synthetic DIR] [--boundaries DIR]
           [--width 256] [--mirrored] [--drift] [--out REPORT.json]

--real: a folder of RGB-D sequences (never trained on); --synthetic: clips of `generate` that training never saw;
--mirrored: recorded sequences the other way round, too, which the choice among networks did not see if it was made by the others;
--boundaries: single frames of `generate`, 640 pixels, whose middle 640x480 is looked at. The files
run in onnxruntime-node through run_onnx.mjs, as they are served.
"""
import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np

from .metrics import boundary_f1, errors, fit, temporal_alignment_error
from .pool import read_shard, shard_paths
from .sequences import network_input, recorded, sensor, synthetic

RUNNER = Path(__file__).resolve().parent.parent / 'run_onnx.mjs'
DRIFT_FRAMES = 10_000
STATIC_FRAMES, STATIC_WARM = 24, 8
CUT_AFTER, CUT_SEEN = 12, 9
SUMMARY_MOMENTUM = 0.15
CUT_DISTANCE = 0.45  # cutThreshold of models/depthcast-nano.json
MIN_PIXELS = 400
EDGE_SIZE, EDGE_INPUT = (640, 480), (256, 192)
FARTHEST_EDGE = 80.0


def run(model, images, order=None, memory=True, keep=None, threads=1, focal=None):
    """-> disparity (or metres) float32 [kept,H,W], summaries [kept,C]. focal: of a network that asks for it."""
    order = list(range(len(images))) if order is None else order
    keep = list(range(len(order))) if keep is None else keep
    height, width = images.shape[2:]
    with tempfile.TemporaryDirectory() as scratch:
        paths = {name: str(Path(scratch) / name) for name in ('frames', 'output', 'summaries', 'job')}
        np.ascontiguousarray(images, np.float32).tofile(paths['frames'])
        job = {'model': str(Path(model).resolve()), 'width': width, 'height': height, 'order': order, 'keep': keep, 'memory': memory, 'threads': threads, 'focal': focal}
        Path(paths['job']).write_text(json.dumps(job | {k: paths[k] for k in ('frames', 'output', 'summaries')}))
        environment = {k: v for k, v in os.environ.items() if k not in ('LD_PRELOAD', 'LD_LIBRARY_PATH')}
        subprocess.run(['node', str(RUNNER), paths['job']], check=True, env=environment)
        depth = np.fromfile(paths['output'], np.float32).reshape(-1, height, width)
        return depth, np.fromfile(paths['summaries'], np.float32).reshape(len(keep), -1)


def judged(sequence, frame, prediction):
    """-> predicted disparity, true disparity, height in the picture (0 top, 1 bottom): flat, every second known pixel."""
    truth = sequence.truth[frame]
    h, w = truth.shape
    y, x = np.mgrid[0:h:2, 0:w:2].astype(np.float32)
    z = truth[::2, ::2]
    known = (z > sequence.nearest) & (z < sequence.farthest)
    ph, pw = prediction.shape
    p = cv2.remap(prediction, (x + 0.5) * (pw / w) - 0.5, (y + 0.5) * (ph / h) - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return p[known].astype(np.float64), 1 / z[known].astype(np.float64), (y[known] / h).astype(np.float64)


def accuracy(sequence, predictions):
    """AbsRel and delta1 with an alignment a frame, one for the clip, and the first frame's for all."""
    samples = [judged(sequence, i, p) for i, p in enumerate(predictions)]
    samples = [s for s in samples if len(s[0]) >= MIN_PIXELS]
    far = sequence.farthest
    result = {'frame': np.mean([errors(p, g, fit(p, g), far) for p, g, _ in samples], 0),
              'constant': np.mean([errors(p, g, (0, g.mean()), far) for p, g, _ in samples], 0),
              'ramp': np.mean([errors(y, g, fit(y, g), far) for _, g, y in samples], 0)}
    if sequence.consecutive:
        whole = fit(np.concatenate([s[0] for s in samples]), np.concatenate([s[1] for s in samples]))
        first = fit(*samples[0][:2])
        result['clip'] = np.mean([errors(p, g, whole, far) for p, g, _ in samples], 0)
        result['first'] = np.mean([errors(p, g, first, far) for p, g, _ in samples], 0)
        result['alignment'] = whole
    return result


def temporal_errors(sequence, predictions, alignment):
    """TAE of the aligned depth, and mean error of disparity's change between frames relative to the clip's range."""
    h, w = sequence.truth.shape[1:]
    aligned = [alignment[0] * cv2.resize(p, (w, h), interpolation=cv2.INTER_LINEAR) + alignment[1] for p in predictions]
    depth = [1 / np.clip(d, 1 / sequence.farthest, 1 / sequence.nearest) for d in aligned]
    tae = temporal_alignment_error(depth, sequence.truth, sequence.poses, sequence.intrinsics, sequence.farthest)
    known = (sequence.truth > sequence.nearest) & (sequence.truth < sequence.farthest)
    inverse = np.where(known, 1 / np.maximum(sequence.truth, 1e-3), 0)
    spread = np.subtract(*np.percentile(inverse[known], (95, 5)))
    both = known[1:] & known[:-1]
    change = np.abs(np.diff(np.stack(aligned), axis=0) - np.diff(inverse, axis=0))
    return tae, float(np.minimum(change[both], spread).mean() / spread)


def static_flicker(model, image, memory, rng):
    """Mean change between frames of a still picture under sensor noise, relative to the disparity's range."""
    height, width = image.shape[1:]
    picture = ((image.transpose(1, 2, 0) * 0.25 + 0.45) * 255).clip(0, 255).astype(np.uint8)
    frames = np.stack([network_input(sensor(picture, rng), width, height) for _ in range(STATIC_FRAMES)])
    p, _ = run(model, frames, memory=memory)
    p = p[STATIC_WARM:]
    return float(np.abs(np.diff(p, axis=0)).mean() / np.subtract(*np.percentile(p, (98, 2))))


def cut_recovery(model, before, after):
    """Difference, by frame after a cut, between a stream that comes from another scene and one that starts there; relative to the
    disparity's range."""
    images = np.concatenate([before.images[:CUT_AFTER], after.images[:CUT_SEEN]])
    cut, _ = run(model, images, keep=list(range(CUT_AFTER, CUT_AFTER + CUT_SEEN)))
    fresh, _ = run(model, after.images[:CUT_SEEN])
    return (np.abs(cut - fresh).mean((1, 2)) / np.subtract(*np.percentile(fresh, (98, 2)))).tolist()


def cut_errors(summaries):
    """Cosine distance of each frame's summary from the running mean of its scene, as the server's cut detector keeps it, and of each
    sequence's first frame from every other sequence's mean. -> shares on the wrong side of CUT_DISTANCE (within scenes, cuts)"""
    within, means = [], []
    for features in summaries:
        mean = features[0].copy()
        for feature in features[1:]:
            within.append(cosine_distance(feature, mean))
            mean += SUMMARY_MOMENTUM * (feature - mean)
        means.append(mean)
    across = [cosine_distance(features[0], mean) for i, features in enumerate(summaries) for j, mean in enumerate(means) if i != j]
    return np.mean(np.array(within) > CUT_DISTANCE), np.mean(np.array(across) < CUT_DISTANCE)


def cosine_distance(a, b):
    return float(1 - a @ b / np.sqrt((a @ a) * (b @ b)))


def drift(model, sequence):
    """The same pictures at the start and the end of a long stream: the largest change, relative to the disparity's range."""
    n = len(sequence.images)
    there_and_back = list(range(n)) + list(range(n - 2, 0, -1))
    period = len(there_and_back)
    order = [there_and_back[i % period] for i in range(DRIFT_FRAMES)]
    early = 2 * period
    late = early + (DRIFT_FRAMES - early - 1) // period * period - period
    p, _ = run(model, sequence.images, order, keep=[early + i for i in range(10)] + [late + i for i in range(10)])
    return float(np.abs(p[10:] - p[:10]).max() / np.subtract(*np.percentile(p, (98, 2))))


def table(title, columns, rows):
    print(f'\n### {title}\n\n| model | {" | ".join(columns)} |\n|{"---|" * (len(columns) + 1)}')
    for name, values in rows:
        print(f'| {name} | {" | ".join("-" if v is None else f"{v:.4f}" for v in values)} |')


class Report:
    def __init__(self, models):
        self.models, self.data = models, {}

    def real(self, sequences, mirrored):
        for sequence in sequences:
            images = sequence.images[..., ::-1] if mirrored else sequence.images
            rows = []
            for name, model in self.models.items():
                for memory in (True, False) if sequence.consecutive else (False,):
                    p, _ = run(model, images, memory=memory)
                    p = p[..., ::-1] if mirrored else p
                    a = accuracy(sequence, p)
                    tae = temporal_errors(sequence, p, a['alignment']) if sequence.consecutive else (None, None)
                    rows.append((f'{name}, memory {"on" if memory else "off"}', [*a['frame'], *a.get('clip', (None, None)), *a.get('first', (None, None)), *tae]))
            for baseline in ('constant', 'ramp'):
                rows.append((baseline, [*a[baseline]] + [None] * 6))
            mirror = ', mirrored' if mirrored else ''
            table(f'{sequence.name}, {sequence.images.shape[3]}x{sequence.images.shape[2]}{mirror}',
                  ['AbsRel', 'delta1', 'clip AbsRel', 'clip delta1', 'first AbsRel', 'first delta1', 'TAE', 'change error'], rows)
            self.data[f'{sequence.name}@{sequence.images.shape[3]}{mirror}'] = rows

    def synthetic(self, sequences):
        images = np.concatenate([s.images for s in sequences])
        length = len(sequences[0].images)
        rows = []
        for name, model in self.models.items():
            for memory in (True, False):
                scores = []
                for i, sequence in enumerate(sequences):
                    p, _ = run(model, images[i * length:(i + 1) * length], memory=memory)
                    a = accuracy(sequence, p)
                    scores.append([*a['frame'], *a['clip'], *a['first'], *temporal_errors(sequence, p, a['alignment'])])
                rows.append((f'{name}, memory {"on" if memory else "off"}', np.nanmean(scores, 0).tolist()))
        table(f'{len(sequences)} synthetic clips of {length} frames',
              ['AbsRel', 'delta1', 'clip AbsRel', 'clip delta1', 'first AbsRel', 'first delta1', 'TAE', 'change error'], rows)
        self.data['synthetic'] = rows

    def boundaries(self, folder, limit):
        """Bilinear to 640x480, each frame fitted by itself; what lies beyond FARTHEST_EDGE counts as being there."""
        width, height = EDGE_SIZE
        rgb, disparity = (np.concatenate(parts) for parts in zip(*map(read_shard, shard_paths(folder))))
        top = (rgb.shape[2] - height) // 2
        rgb, disparity = rgb[:limit, 0, top:top + height], disparity[:limit, 0, top:top + height].astype(np.float32)
        images = np.stack([network_input(frame, *EDGE_INPUT) for frame in rgb])
        rows = []
        for name, model in self.models.items():
            p, _ = run(model, images, memory=False)
            scores = []
            for predicted, true in zip(p, disparity):
                predicted = cv2.resize(predicted, (width, height), interpolation=cv2.INTER_LINEAR)
                known = true > 1 / FARTHEST_EDGE
                scale, shift = fit(predicted[known], true[known])
                depth = 1 / np.clip(scale * predicted + shift, 1 / FARTHEST_EDGE, None)
                scores.append(boundary_f1(depth, 1 / np.maximum(true, 1 / FARTHEST_EDGE)))
            rows.append((name, [float(np.nanmean(scores))]))
        table(f'Edges of {len(images)} synthetic frames at {width}x{height}', ['boundary F1'], rows)
        self.data['boundaries'] = rows

    def stability(self, every, with_drift):
        rows, sequences = [], every[:8]
        for name, model in self.models.items():
            stills = [s.images[0] for s in sequences]
            on, off = (float(np.mean([static_flicker(model, image, memory, np.random.default_rng(3)) for image in stills])) for memory in (True, False))
            recovery = np.mean([cut_recovery(model, a, b) for a, b in zip(sequences, sequences[1:] + sequences[:1]) if a.images.shape == b.images.shape], 0)
            video = max((s for s in sequences if s.consecutive), key=lambda s: len(s.images))
            cuts = cut_errors([run(model, s.images, memory=False)[1] for s in every])
            rows.append((name, [on, off, recovery[0], recovery[2], recovery[5], recovery[7], *cuts, drift(model, video) if with_drift else None]))
        table('Stability (share of the disparity range)', ['static flicker, memory on', 'off', 'after a cut: frame 0', 'frame 2', 'frame 5', 'frame 7', 'false cuts', 'missed cuts', 'drift'], rows)
        self.data['stability'] = rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('models', nargs='+', help='NAME=FILE.onnx')
    parser.add_argument('--real')
    parser.add_argument('--synthetic')
    parser.add_argument('--boundaries')
    parser.add_argument('--width', type=int, nargs='+', default=[256])
    parser.add_argument('--clips', type=int, default=16)
    parser.add_argument('--mirrored', action='store_true')
    parser.add_argument('--drift', action='store_true')
    parser.add_argument('--out')
    args = parser.parse_args()
    report = Report(dict(m.split('=', 1) for m in args.models))
    if args.real:
        for width in args.width:
            sequences = [recorded(folder, width) for folder in sorted(Path(args.real).iterdir()) if (folder / 'color').is_dir()]
            for mirrored in (False, True)[:1 + args.mirrored]:
                report.real(sequences, mirrored)
    if args.synthetic:
        clips = synthetic(args.synthetic, args.clips)
        report.synthetic(clips)
        report.stability(clips, args.drift)
    if args.boundaries:
        report.boundaries(args.boundaries, args.clips * 4)
    if args.out:
        Path(args.out).write_text(json.dumps(report.data, indent=1, default=float))


if __name__ == '__main__':
    main()
