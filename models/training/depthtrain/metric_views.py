"""What a metric head is fitted to, computed once with a frozen relative network: crops of the pool's frames at the network's sizes, so
that focal lengths vary, degraded as in training.

NNNNNN.pt in a folder: a list of Views, one a batch, of shard NNNNNN.
"""
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from .metric import describe, spread
from .pool import VALIDATION_SHARD, augment, read_shard, shard_number, shard_paths

SIZES = ((256, 192), (256, 160), (192, 160), (192, 128), (256, 160), (192, 256), (256, 192), (160, 192))
BATCH = 25
SAMPLES = 64  # pixels of a view that count
STRENGTH = 0.7
FOCAL = 12  # where a camera's floats have it


@dataclass
class Views:
    described: torch.Tensor  # [B,features], as metric.describe
    moments: torch.Tensor  # [B,2] mean and deviation of the output
    focal: torch.Tensor  # [B,2] pixels of the network's input
    output: torch.Tensor  # [B,SAMPLES] the network's, at random pixels
    truth: torch.Tensor  # [B,SAMPLES] disparity there, 1/m


@torch.no_grad()
def look(net, image, focal, visible=None):
    """image [B,3,H,W], focal [B,2], visible as DepthNet.forward has it -> output [B,H,W], described [B,features]"""
    skips, f32, tokens = net.encode(image)
    p = net.decode_tokens(image, skips, f32, tokens, visible)
    return p, describe(tokens, skips, p, focal)


def shard_views(net, library, path):
    rgb, disparity = read_shard(path)
    camera = np.load(str(path).replace('.rgb.npy', '.camera.npy'))
    seed, made = shard_number(path), []
    for number, first in enumerate(range(0, len(rgb), BATCH)):
        chosen = np.arange(first, min(len(rgb), first + BATCH))
        width, height = SIZES[(number + seed) % len(SIZES)]
        crops = np.empty((len(chosen), 2), np.float32)
        image, truth = augment(library, rgb, disparity, chosen, chosen, np.zeros(len(chosen)), 1, width, height,
                               seed * 1000 + number, STRENGTH, 1, crops)
        focal = torch.from_numpy(camera[chosen, 0, FOCAL, None] * np.array([width, height], np.float32) / crops)
        p, described = look(net, torch.from_numpy(image).to(memory_format=torch.channels_last), focal)
        pixels = torch.randint(0, width * height, (len(p), SAMPLES), generator=torch.Generator().manual_seed(seed * 1000 + number))
        made.append(Views(described, torch.stack(spread(p), 1), focal, p.flatten(1).gather(1, pixels),
                          torch.from_numpy(truth[:, 0]).flatten(1).gather(1, pixels)))
    return made


def make(net, library, frames, out, shards=None):
    """Views of all shards of a folder; those that are there already are kept."""
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    for path in shard_paths(frames)[:shards]:
        target = out / f'{path.name[:6]}.pt'
        if not target.exists():
            torch.save([asdict(views) for views in shard_views(net, library, path)], target.with_suffix('.tmp'))
            os.replace(target.with_suffix('.tmp'), target)
            print(target.name, flush=True)


def read(folder):
    """-> Views to fit to, and those held back (of the shard that nothing is trained on)."""
    parts = {False: [], True: []}
    for path in sorted(Path(folder).glob('*.pt')):
        parts[int(path.stem) == VALIDATION_SHARD] += torch.load(path)
    return [Views(**{name: torch.cat([views[name] for views in part]) for name in part[0]}) for part in (parts[False], parts[True])]
