"""The summary by which a server notices scene cuts: features that tell scenes apart and stay put within one.

Mean features of the encoder, projected by linear discriminant analysis (Fisher 1936): directions in which scenes differ much
against what the camera's motion changes within them. Cosine distance then separates cuts from pans, which it does not on the
features as they are: a component that all pictures share dominates those.
"""
import numpy as np
import torch

from .pool import VALIDATION_SHARD, read_shard, shard_number, shard_paths
from .sequences import network_input

DIMENSIONS = 64
SIZE = 192
FRAMES = (0, 3, 7)  # of each clip
EVERY = 3  # clips
RIDGE = 1e-2  # of the mean variance within scenes


@torch.no_grad()
def scene_features(net, folder):
    """-> float64 [scenes, frames, channels]"""
    found = []
    for path in shard_paths(folder):
        if shard_number(path) == VALIDATION_SHARD:
            continue
        for clip in read_shard(path)[0][::EVERY]:
            images = np.stack([network_input(clip[frame], SIZE, SIZE) for frame in FRAMES])
            found.append(net.pooled(torch.from_numpy(images)).double().numpy())
    return np.stack(found)


def fit(features):
    """-> centre [C], projection [C, DIMENSIONS]"""
    scenes, frames, channels = features.shape
    centre = features.mean((0, 1))
    within = (features - features.mean(1, keepdims=True)).reshape(-1, channels)
    within = within.T @ within / (scenes * (frames - 1))
    between = features.mean(1) - centre
    between = between.T @ between / scenes
    variance, axes = np.linalg.eigh(within + RIDGE * np.trace(within) / channels * np.eye(channels))
    whiten = axes / np.sqrt(variance)
    ratio, directions = np.linalg.eigh(whiten.T @ between @ whiten)
    chosen = np.argsort(-ratio)[:DIMENSIONS]
    return centre, whiten @ directions[:, chosen]
