"""The summary by which a server notices scene cuts, and temporal attention strange frames: features that tell scenes apart and
stay put within one.

Mean features of the encoder, projected by linear discriminant analysis (Fisher 1936): directions in which scenes differ much
against what the camera's motion changes within them. Cosine distance then separates cuts from pans, which it does not on the
features as they are: a component that all pictures share dominates those.
"""
import numpy as np
import torch

from .network import SUMMARY
from .pool import VALIDATION_SHARD, read_shard, shard_number, shard_paths
from .sequences import network_input

SIZE = 192
FRAMES = (0, 3, 7)  # of each clip
EVERY = 3  # clips
RIDGE = 1e-2  # of the mean variance within scenes


@torch.no_grad()
def scene_features(net, folder):
    """-> float64 [scenes, frames, channels]"""
    found, device = [], net.summary_centre.device
    for path in shard_paths(folder):
        if shard_number(path) == VALIDATION_SHARD:
            continue
        for clip in read_shard(path)[0][::EVERY]:
            images = np.stack([network_input(clip[frame], SIZE, SIZE) for frame in FRAMES])
            found.append(net.pooled(torch.from_numpy(images).to(device)).double().cpu().numpy())
    return np.stack(found)


def summarise(net, folder):
    """Fits a network's summary to clips it has been trained on."""
    for buffer, fitted in zip((net.summary_centre, net.summary_projection), fit(scene_features(net, folder))):
        buffer.copy_(torch.as_tensor(fitted))


def fit(features):
    """-> centre [C], projection [C, SUMMARY]"""
    scenes, frames, channels = features.shape
    centre = features.mean((0, 1))
    within = (features - features.mean(1, keepdims=True)).reshape(-1, channels)
    within = within.T @ within / (scenes * (frames - 1))
    between = features.mean(1) - centre
    between = between.T @ between / scenes
    variance, axes = np.linalg.eigh(within + RIDGE * np.trace(within) / channels * np.eye(channels))
    whiten = axes / np.sqrt(variance)
    ratio, directions = np.linalg.eigh(whiten.T @ between @ whiten)
    chosen = np.argsort(-ratio)[:SUMMARY]
    return centre, whiten @ directions[:, chosen]
