"""The one configuration file of a run (TOML)."""
import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Stage:
    """A stretch of training, measured in images seen."""
    name: str
    images: int  # how many images this stage lasts
    clips: float  # share of the images that come as clips (temporal memory on); the rest are single frames
    lr: float
    encoder_lr: float  # relative to lr
    memory_lr: float  # relative to lr, for the temporal attentions
    strength: float  # of degradation: 0 none, 1 full
    batch_pixels: int
    sizes: list  # [width, height, weight]
    weights: dict  # of the losses


@dataclass(frozen=True)
class Config:
    seed: int
    threads: int
    feeder_threads: int
    ema: float
    weight_decay: float
    warmup_steps: int
    checkpoint_seconds: int
    validate_seconds: int
    clip_frames: int
    pool_frames: int
    pool_clips: int
    stages: list


def load(path):
    raw = tomllib.loads(Path(path).read_text())
    common = {k: v for k, v in raw.items() if k != 'stage'}
    defaults = common.pop('defaults')
    stages = [Stage(**{**defaults, **stage, 'weights': {**defaults['weights'], **stage.get('weights', {})}}) for stage in raw['stage']]
    return Config(stages=stages, **common)
