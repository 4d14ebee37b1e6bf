"""Render shards of training clips, or a contact sheet.

Usage: python3 -m depthtrain.generate --build DIR --textures FILE.npz --out DIR [--frames 1] [--size 240] [--first 0] [--shards 100]
       python3 -m depthtrain.generate --build DIR --textures FILE.npz --sheet FILE.png [--families skyward] [--seed N]

--families NAME[=WEIGHT],...: only these, in these shares (weight 1 unless given); without it all, in the generator's own.
--rolling SHARE: of the clips, read out row by row in up to 30 ms. --coded SHARE: of the clips, as a live sender's camera and encoder
leave them (codecs.py). Both 0 unless given, and in shard 0, so that validation compares between runs: that shard has its families
and shares of old, too, without pets and hands.

Shard NNNNNN is a function of its number and these options alone: NNNNNN.rgb.npy, NNNNNN.disp.npy, NNNNNN.camera.npy (see
generate.cpp).
"""
import argparse
import ctypes
import os
import time
from pathlib import Path

import cv2
import numpy as np

from .pool import VALIDATION_SHARD, load_library, pointer
from .textures import unpack

PROCEDURAL_TEXTURES = 800
CLIPS_PER_SHARD = {1: 250}
DEFAULT_CLIPS = 25
VALIDATION_SHARES = {'room': 0.27, 'closeup': 0.06, 'webcam': 0.1, 'gathering': 0.08, 'tabletop': 0.1, 'street': 0.12, 'nightstreet': 0.05,
                     'landscape': 0.08, 'skyward': 0.09, 'clutter': 0.05}
SLOWEST, FASTEST = 0.025, 0.4  # seconds between frames
QUICKEST_READOUT, SLOWEST_READOUT = 0.004, 0.03  # seconds a frame, of rolling shutters
CAMERA_FLOATS = 15


class Generator:
    def __init__(self, build, textures, threads):
        self.library, self.threads = load_library(build), threads
        if not hasattr(self.library, 'capture_frames'):
            raise SystemExit(f'{build} is older than this code: make it again')
        photos = unpack(textures)
        self.library.family_name.restype = ctypes.c_char_p
        self.library.family_share.restype = ctypes.c_float
        families = range(self.library.family_count())
        self.shares = {self.library.family_name(k).decode(): self.library.family_share(k) for k in families}
        self.chosen = False
        self.library.load_textures(PROCEDURAL_TEXTURES, pointer(photos), len(photos))

    def choose(self, families):
        """Takes 'name=weight,name': what clips() draws from now on. Unknown names raise ValueError."""
        asked = dict((name, float(weight or 1)) for name, _, weight in (part.partition('=') for part in families.split(',')))
        unknown = set(asked) - set(self.shares)
        if unknown:
            raise ValueError(f'no family {", ".join(sorted(unknown))}; there are {", ".join(self.shares)}')
        self.shares = {name: asked.get(name, 0.0) for name in self.shares}
        self.chosen = True

    def clips(self, first, count, frames, size, rolling=0.0, coded=0.0, validation=False):
        """-> rgb uint8 [count,frames,size,size,3], disparity float16 [count,frames,size,size] in 1/m, cameras [count,frames,15]."""
        rgb = np.empty((count, frames, size, size, 3), np.uint8)
        disparity = np.empty((count, frames, size, size), np.float16)
        cameras = np.empty((count, frames, CAMERA_FLOATS), np.float32)
        draw = np.random.default_rng(first).random(count)
        intervals = (SLOWEST * (FASTEST / SLOWEST) ** draw).astype(np.float32)
        rng = np.random.default_rng([first, 1])
        rolls = rng.random(count) < rolling
        readouts = np.minimum(rolls * rng.uniform(QUICKEST_READOUT, SLOWEST_READOUT, count), intervals).astype(np.float32)
        shares = {name: VALIDATION_SHARES.get(name, 0.0) for name in self.shares} if validation and not self.chosen else self.shares
        weights = np.array(list(shares.values()), np.float32)
        self.library.make_clips(ctypes.c_uint64(first), count, frames, pointer(intervals), pointer(readouts), size, pointer(weights),
                                0 if validation else 1, self.threads, pointer(rgb), pointer(disparity), pointer(cameras))
        if coded > 0:
            from .codecs import code  # PyAV is needed for this alone
            code(self.library, rgb, intervals, coded, first)
        return rgb, disparity, cameras


def write(path, array):
    """Whole or not at all."""
    np.save(path.with_suffix('.tmp.npy'), array)
    os.replace(path.with_suffix('.tmp.npy'), path)


def shards(generator, args):
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    count = CLIPS_PER_SHARD.get(args.frames, DEFAULT_CLIPS)
    started, made = time.time(), 0
    for number in range(args.first, args.first + args.shards):
        path = out / f'{number:06d}.rgb.npy'
        if path.exists():
            continue
        while args.waiting and len(list(out.glob('*.rgb.npy'))) > args.waiting:
            time.sleep(2)
        validation = number == VALIDATION_SHARD
        shares = (0, 0) if validation else (args.rolling, args.coded)
        rgb, disparity, cameras = generator.clips(number * count + 10_000_000_000 * args.frames, count, args.frames, args.size, *shares, validation)
        write(out / f'{number:06d}.camera.npy', cameras)
        write(out / f'{number:06d}.disp.npy', disparity)
        write(path, rgb)
        made += count * args.frames
        print(f'{path.name} {made / (time.time() - started):.0f} frames/s', flush=True)


def colourise(disparity):
    """Disparity -> BGR picture, near bright."""
    low, high = np.percentile(disparity, 2), np.percentile(disparity, 98)
    return cv2.applyColorMap((255 * np.clip((disparity - low) / (high - low + 1e-6), 0, 1)).astype(np.uint8), cv2.COLORMAP_INFERNO)


def sheet(generator, args, rows=8, columns=8):
    rgb, disparity, _ = generator.clips(args.seed, rows * columns, 1, args.size, args.rolling, args.coded)
    tiles = [np.concatenate([rgb[i, 0, :, :, ::-1], colourise(disparity[i, 0].astype(np.float32))], 0) for i in range(rows * columns)]
    grid = np.concatenate([np.concatenate(tiles[r * columns:(r + 1) * columns], 1) for r in range(rows)], 0)
    cv2.imwrite(args.sheet, cv2.resize(grid, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA))


def share(text):
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f'{text} is no share, 0 to 1')
    return value


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--build', required=True)
    parser.add_argument('--textures', required=True)
    parser.add_argument('--out')
    parser.add_argument('--sheet')
    parser.add_argument('--frames', type=int, default=1)
    parser.add_argument('--size', type=int, default=240)
    parser.add_argument('--first', type=int, default=0)
    parser.add_argument('--shards', type=int, default=100)
    parser.add_argument('--waiting', type=int, default=0, help='hold while this many shards wait to be consumed')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--families')
    parser.add_argument('--rolling', type=share, default=0.0, help='share of scenes seen through a rolling shutter')
    parser.add_argument('--coded', type=share, default=0.0, help='share of clips and pictures sent through a video encoder')
    parser.add_argument('--seed', type=int, default=1)
    args = parser.parse_args()
    generator = Generator(args.build, args.textures, args.threads)
    if args.families:
        generator.choose(args.families)
    if args.sheet:
        sheet(generator, args)
    else:
        shards(generator, args)


if __name__ == '__main__':
    main()
