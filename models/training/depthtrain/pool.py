"""Training data in memory: shards from the generator, and batches from the augmenter."""
import ctypes
from pathlib import Path

import numpy as np

VALIDATION_SHARD = 0  # never trained on


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def load_library(build):
    library = ctypes.CDLL(str(Path(build) / 'libdepthscenes.so'))
    library.augment_clips.restype = None
    return library


def shard_paths(folder):
    """Complete shards, in order: NNNNNN.rgb.npy is renamed into place last."""
    return sorted(p for p in Path(folder).glob('*.rgb.npy') if p.name[:6].isdigit())


def read_shard(path):
    """-> rgb uint8 [clips, frames, S, S, 3], disparity float16 [clips, frames, S, S] (1/m, 0 = infinitely far)."""
    return np.load(path), np.load(str(path).replace('.rgb.npy', '.disp.npy'))


def shard_number(path):
    return int(path.name[:6])


class Pool:
    """A ring of clips of one length. poll() takes in shards that have appeared; consumed ones are deleted when `consume`."""

    def __init__(self, folder, capacity, consume=False):
        self.folder, self.capacity, self.consume = Path(folder), capacity, consume
        self.rgb = self.disparity = None
        self.count = self.cursor = 0
        self.seen = set()

    def poll(self, limit=None):
        taken = 0
        fresh = [p for p in shard_paths(self.folder) if p.name not in self.seen and shard_number(p) != VALIDATION_SHARD]
        for age, path in zip(range(len(fresh), 0, -1), fresh):
            if self.rgb is None or age * self.shard_clips <= self.capacity:  # older ones would be overwritten at once
                self.add(*read_shard(path))
            if self.consume:
                for part in ('rgb', 'disp', 'camera'):
                    Path(str(path).replace('.rgb.', f'.{part}.')).unlink()
            else:
                self.seen.add(path.name)
            taken += 1
            if taken == limit:
                return

    def add(self, rgb, disparity):
        if self.rgb is None:
            self.rgb = np.empty((self.capacity, *rgb.shape[1:]), np.uint8)
            self.disparity = np.empty((self.capacity, *disparity.shape[1:]), np.float16)
            self.shard_clips = len(rgb)
        for start in range(len(rgb)):
            self.rgb[self.cursor], self.disparity[self.cursor] = rgb[start], disparity[start]
            self.cursor = (self.cursor + 1) % self.capacity
        self.count = min(self.capacity, self.count + len(rgb))


def augment(library, rgb, disparity, chosen, others, cuts, take, width, height, seed, strength, threads, crops=None):
    """Batch of clips `chosen` (indices) of a pool's arrays; before frame cuts[i] clip i shows `others[i]`.
    -> image float32 [n*take,3,height,width], disparity float32 [n,take,height,width]. crops, float32 [n,2], receives the width and
    height, in pixels of the clips, of what each image shows."""
    frames, size = rgb.shape[1], rgb.shape[2]
    count = len(chosen)

    def addresses(array, indices):
        return np.uint64(array.ctypes.data) + np.asarray(indices, np.uint64) * np.uint64(array[0].nbytes)

    image = np.empty((count * take, 3, height, width), np.float32)
    truth = np.empty((count, take, height, width), np.float32)
    lists = [addresses(rgb, chosen), addresses(disparity, chosen), addresses(rgb, others), addresses(disparity, others)]
    cuts = np.ascontiguousarray(cuts, np.int32)
    library.augment_clips(*map(pointer, lists), pointer(cuts), count, frames, size, take, width, height,
                          ctypes.c_uint64(seed), ctypes.c_float(strength), threads, pointer(image), pointer(truth),
                          None if crops is None else pointer(crops))
    return image, truth
