"""Prepares batches beside the training step, in a thread (the augmenter runs outside Python's lock)."""
import queue
import threading
from dataclasses import dataclass

import numpy as np
import torch

from .mixing import composite, overlay, warp
from .pool import augment

CUT_SHARE = 0.15  # of clips that change scene once
MEMORY_OFF_SHARE = 0.15  # of clips served without memory, so that a stream without it works too
MEMORY_HOLES_SHARE = 0.25  # of clips that lack some past frames, as after a dropped frame
STRIDES, STRIDE_SHARES = (1, 3, 5), (0.3, 0.35, 0.35)  # of clips that stay in one scene
POLL_EVERY = 40  # batches between looks for new shards


@dataclass
class Batch:
    image: torch.Tensor  # [B*T,3,H,W]
    truth: torch.Tensor  # [B,T,H,W]
    cuts: list  # the frame at which each clip changes scene, 0: none
    visible: torch.Tensor  # bool [B,T,T], or None for single frames


def draw_memory(rng, clips, frames):
    """What each frame of each clip may remember: bool [clips, frames, frames]. After a cut all stays visible: the network
    must learn to disregard another scene's frames, since a server notices a cut only afterwards, if at all."""
    visible = np.tril(np.ones((clips, frames, frames), bool))
    for clip in range(clips):
        draw = rng.random()
        if draw < MEMORY_OFF_SHARE:
            visible[clip] = np.eye(frames, dtype=bool)
        elif draw < MEMORY_OFF_SHARE + MEMORY_HOLES_SHARE:
            visible[clip] &= rng.random((frames, frames)) > rng.uniform(0, 0.7)
            visible[clip] |= np.eye(frames, dtype=bool)
    return visible


def strided(frames, stride):
    """Order of a clip's frames that steps `stride` at a time, turning round at the ends; an odd stride meets every one of
    eight frames once. Clips are rendered smoothly; a camera in the hand at five frames a second is not smooth, and
    its past must be disregarded where it has moved away."""
    period = 2 * (frames - 1)
    steps = np.arange(frames) * stride % period
    order = np.minimum(steps, period - steps)
    return order if len(set(order)) == frames else np.arange(frames)


class Feeder:
    def __init__(self, library, frames, clips, config, seed, textures=None):
        self.library, self.frames, self.clips, self.config = library, frames, clips, config
        self.rng = np.random.default_rng(seed)
        self.textures = textures  # photographs for `overlay`, uint8 RGB [count,S,S,3]
        self.stage = None
        self.batches = queue.Queue(3)
        self.served = 0
        self.clip_share = None  # of the latest batches
        self.failure = None

    def start(self, stage):
        self.stage = stage
        threading.Thread(target=self.run, daemon=True).start()

    def next(self):
        while True:
            try:
                return self.batches.get(timeout=5)
            except queue.Empty:
                if self.failure:
                    raise self.failure

    def run(self):
        try:
            while True:
                if self.served % POLL_EVERY == 0:
                    self.frames.poll(4)
                    self.clips.poll(4)
                self.batches.put(self.prepare(self.stage))
                self.served += 1
        except Exception as error:  # handed to the training loop
            self.failure = error

    def prepare(self, stage):
        if self.clip_share is None:
            self.clip_share = stage.clips
        take_clips = self.clips.count > 0 and self.clip_share < stage.clips
        self.clip_share = 0.98 * self.clip_share + 0.02 * take_clips
        pool, take = (self.clips, stage.clip_frames) if take_clips else (self.frames, 1)
        weights = np.array([s[2] for s in stage.sizes], float)
        if take > 1:  # whole clips of large frames leave too few clips a batch
            weights[[s[0] * s[1] > 192 * 160 for s in stage.sizes]] *= 0.15
            weights[[s[0] * s[1] < 192 * 160 for s in stage.sizes]] *= 2
        width, height, _ = stage.sizes[self.rng.choice(len(stage.sizes), p=weights / weights.sum())]
        count = max(2, round(stage.batch_pixels / (width * height * take)))
        chosen, others = self.rng.integers(0, pool.count, (2, count))
        cuts = np.zeros(count, np.int32)
        if take > 1:
            cuts = np.where(self.rng.random(count) < CUT_SHARE, self.rng.integers(1, take, count), 0)
        image, truth = augment(self.library, pool.rgb, pool.disparity, chosen, others, cuts, take, width, height,
                               int(self.rng.integers(1 << 40)), stage.strength, self.config.feeder_threads)
        if take > 1:
            self.change_pace(image, truth, cuts)
        else:
            warp(self.rng, image, truth, stage.warp)
            composite(self.rng, image, truth, stage.composite)
            if stage.overlay:
                overlay(self.rng, image, self.textures, stage.overlay)
        visible = draw_memory(self.rng, count, take) if take > 1 else None
        return Batch(torch.from_numpy(image), torch.from_numpy(truth), cuts.tolist(),
                     None if visible is None else torch.from_numpy(visible))

    def change_pace(self, image, truth, cuts):
        """Reorders some clips in place."""
        clips, take = truth.shape[:2]
        image = image.reshape(clips, take, *image.shape[1:])
        for clip in np.flatnonzero(cuts == 0):
            order = strided(take, self.rng.choice(STRIDES, p=STRIDE_SHARES))
            image[clip], truth[clip] = image[clip][order], truth[clip][order]
