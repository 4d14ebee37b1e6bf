"""The one configuration file of a run (TOML)."""
import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Stage:
    """A stretch of training, measured in images seen."""
    name: str
    images: int  # how many images this stage lasts
    clip_frames: int
    clips: float  # share of the batches that are clips (temporal memory on; two at least, 16 images); the rest are single frames
    lr: float
    encoder_lr: float  # relative to lr
    memory_lr: float  # relative to lr, for the temporal attentions
    strength: float  # of degradation: 0 none, 1 full
    composite: float  # share of single frames before which another's near things stand; see mixing.py
    overlay: float  # share with marks of photographs
    warp: float  # share that is turned and stretched
    batch_pixels: int
    sizes: list  # [width, height, weight]
    weights: dict  # of the losses


@dataclass(frozen=True)
class Config:
    encoder: str  # a name of encoder.WIDTH_DEPTH
    frozen_stages: int  # of the encoder, from the first
    seed: int
    threads: int
    feeder_threads: int
    bfloat16: bool  # activations of the training step, weights stay float32
    ema: float
    weight_decay: float
    warmup_steps: int
    checkpoint_seconds: int
    validate_seconds: int
    pool_frames: int
    pool_clips: int
    stages: list


def load(path, device):
    """The configuration for 'cpu' or 'cuda': the table of the device's name overrides the rest."""
    common = tomllib.loads(Path(path).read_text())
    stages, defaults = common.pop('stage'), common.pop('defaults')
    own = common.pop('cuda')
    if device == 'cuda':
        defaults |= own.pop('defaults')
        for stage in stages:
            stage['images'] = own['images'][stage['name']]
        common |= {k: v for k, v in own.items() if k != 'images'}
    return Config(stages=[Stage(**{**defaults, **s, 'weights': {**defaults['weights'], **s.get('weights', {})}}) for s in stages], **common)
