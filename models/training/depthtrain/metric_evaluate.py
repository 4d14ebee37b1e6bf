"""Metres without any fit, frame by frame, on recorded sequences with known focal lengths, beside what knows less.

Usage: python3 -m depthtrain.metric_evaluate CHECKPOINT.pt HEAD.pt --real DIR --views DIR [--width 192 256] [--no-memory]

--views: what the head was fitted to (metric_train). Its median depth is one baseline; the head's numbers that suit most views,
whatever they show, are another: the relative map with a scale and shift that know the focal length alone.
"""
import argparse
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from .evaluate import MIN_PIXELS, judged, table
from .export import load
from .metric import FARTHEST, alignment, cells, load_head, log_focal, metric_disparity, spread, steadied
from .metric_train import FOCAL_FEATURES, best_numbers, weights
from .metric_views import look, read
from .metrics import errors, fit
from .network import WINDOW
from .sequences import recorded

COLUMNS = ['AbsRel', 'delta1', 'median put right', 'its delta1', 'bias', 'wander', 'change a frame', 'its truth']
NOMINAL_FIELD = 65.0  # degrees across: what the server assumes of a camera that nobody told of


@dataclass
class Seen:
    """A sequence as the relative network sees it."""
    sequence: object
    output: torch.Tensor  # [N,H,W]
    described: torch.Tensor
    focal: torch.Tensor  # [N,2]


def window(frames):
    age = torch.arange(frames)[:, None] - torch.arange(frames)[None, :]
    return ((age >= 0) & (age <= WINDOW))[None]


def see(net, sequence, memory):
    image = torch.from_numpy(sequence.images)
    height, width = sequence.truth.shape[1:]
    focal = torch.tensor([sequence.intrinsics[0] * image.shape[3] / width, sequence.intrinsics[1] * image.shape[2] / height])
    focal = focal.float().expand(len(image), 2)
    return Seen(sequence, *look(net, image, focal, window(len(image)) if memory else None), focal)


def by_unknown(seen):
    """The same, by a camera that nobody told of."""
    focal = max(seen.output.shape[1:]) / 2 / math.tan(math.radians(NOMINAL_FIELD / 2))
    focal = torch.full_like(seen.focal, focal)
    return replace(seen, focal=focal, described=torch.cat([seen.described[:, :-FOCAL_FEATURES], *log_focal(focal)], 1))


def over_time(numbers, seen):
    """The numbers of a stream's frames as it would be served, each steadied by the one before."""
    mean, deviation = spread(seen.output)
    steady, before = [], torch.zeros_like(cells(seen.output[:1]))
    for n in range(len(numbers)):
        one = slice(n, n + 1)
        p, place = seen.output[one], (mean[one], deviation[one], seen.focal[one])
        steady.append(steadied(numbers[one], p, *place, before, torch.tensor(float(min(n, WINDOW)))))
        before = cells(metric_disparity(p, *alignment(steady[-1], *place)))
    return torch.cat(steady)


def aligned(numbers, seen):
    """-> [(scale, shift)] of each frame"""
    scale, shift = alignment(numbers, *spread(seen.output), seen.focal)
    return list(zip(scale.tolist(), shift.tolist()))


def score(seen, alignments):
    """-> COLUMNS. bias: mean over frames of log(predicted / true median depth); wander: its standard deviation; changes: mean of
    what it changes by from one frame to the next, and what the true median does."""
    far, samples = seen.sequence.farthest, [judged(seen.sequence, i, p) for i, p in enumerate(seen.output.numpy())]
    plain, righted, off, middles = [], [], [], []
    for (p, g, _), (scale, shift) in zip(samples, alignments):
        if len(p) < MIN_PIXELS:
            continue
        d = np.clip(scale * p + shift, 1 / FARTHEST, None)
        ratio = np.median(g) / np.median(d)
        plain.append(errors(d, g, (1, 0), far))
        righted.append(errors(d, g, (ratio, 0), far))
        off.append(np.log(ratio))
        middles.append(np.log(np.median(g)))
    change = [None, None]
    if seen.sequence.consecutive:
        change = [np.abs(np.diff(off)).mean(), np.abs(np.diff(middles)).mean()]
    return [*np.mean(plain, 0), *np.mean(righted, 0), np.mean(off), np.std(off), *change]


def served(numbers, seen):
    return over_time(numbers, seen) if seen.sequence.consecutive else numbers


def compared(seen, head, numbers, depth):
    frames, unknown = len(seen.output), by_unknown(seen)
    with torch.no_grad():
        plain, guessed = head(seen.described), head(unknown.described)
        constant = numbers.expand(frames, 2)
        return {
            'head, each frame by itself': score(seen, aligned(plain, seen)),
            'head, as served': score(seen, aligned(served(plain, seen), seen)),
            f'the same, {NOMINAL_FIELD:.0f} degrees assumed': score(unknown, aligned(served(guessed, unknown), unknown)),
            'constant numbers': score(seen, aligned(constant, seen)),
            f'{depth:.2f} m everywhere': score(seen, [(0, 1 / depth)] * frames),
            '2 m everywhere (knows the sets)': score(seen, [(0, 0.5)] * frames),
            'fitted to each frame': score(seen, [tuple(fit(*judged(seen.sequence, i, p)[:2])) for i, p in enumerate(seen.output.numpy())]),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint')
    parser.add_argument('head')
    parser.add_argument('--real', required=True)
    parser.add_argument('--views', required=True)
    parser.add_argument('--width', type=int, nargs='+', default=[192, 256])
    parser.add_argument('--no-memory', action='store_true')
    options = parser.parse_args()
    torch.set_num_threads(1)
    net, head = load(options.checkpoint), load_head(options.head)
    views, _ = read(options.views)
    near = weights(views) == 1
    numbers, depth = best_numbers(views)[near].median(0)[0], float(1 / views.truth[near].median())
    folders = [folder for folder in sorted(Path(options.real).iterdir()) if (folder / 'color').is_dir()]
    for width in options.width:
        rows = {}
        for folder in folders:
            sequence = recorded(folder, width)
            memory = sequence.consecutive and not options.no_memory
            found = compared(see(net, sequence, memory), head, numbers, depth)
            table(f'{sequence.name}, {width} wide', COLUMNS, found.items())
            for name, values in found.items():
                rows.setdefault(name, []).append(values)
        table(f'mean of {len(folders)} sets, {width} wide', COLUMNS[:4], [(name, np.mean([v[:4] for v in values], 0)) for name, values in rows.items()])


if __name__ == '__main__':
    main()
