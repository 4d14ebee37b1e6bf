"""Sequences with known depth to evaluate on: recorded RGB-D, and synthetic clips."""
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from .network import IMAGE_MEAN, IMAGE_STD
from .pool import read_shard, shard_paths


@dataclass
class Sequence:
    name: str
    images: np.ndarray  # float32 [N,3,H,W], network input
    truth: np.ndarray  # float32 [N,h,w], metres; 0 = unknown
    poses: np.ndarray  # [N,4,4] camera to world (x right, y down, z forward), or None
    intrinsics: tuple  # fx, fy, cx, cy in pixels of truth, or None
    consecutive: bool  # a video, not single frames
    nearest: float
    farthest: float  # metres between which depth is judged


def network_input(image, width, height):
    """uint8 RGB -> float32 [3,height,width]."""
    scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return ((scaled - IMAGE_MEAN) / IMAGE_STD).transpose(2, 0, 1)


def network_size(width, height, long_side):
    """The multiple-of-32 size nearest the picture's aspect with the given long side."""
    short = max(32, round(long_side * min(width, height) / max(width, height) / 32) * 32)
    return (long_side, short) if width >= height else (short, long_side)


def recorded(folder, long_side):
    """color/NNNNNN.jpg, depth/NNNNNN.png (16 bit, mm), and where known intrinsics.json and poses.txt."""
    folder = Path(folder)
    images, truth = [], []
    for path in sorted((folder / 'color').glob('*.jpg')):
        colour = cv2.imread(str(path))[:, :, ::-1]
        images.append(network_input(colour, *network_size(colour.shape[1], colour.shape[0], long_side)))
        truth.append(cv2.imread(str(folder / 'depth' / f'{path.stem}.png'), cv2.IMREAD_UNCHANGED).astype(np.float32) / 1000)
    poses = folder / 'poses.txt'
    camera = json.loads((folder / 'intrinsics.json').read_text())
    if poses.exists():
        poses = np.loadtxt(poses).reshape(-1, 4, 4)
    else:
        poses = None
    intrinsics = tuple(camera[key] for key in ('fx', 'fy', 'cx', 'cy'))
    return Sequence(folder.name, np.stack(images), np.stack(truth), poses, intrinsics, poses is not None, 0.25, 10)


def pose_of(camera):
    pose = np.eye(4)
    pose[:3, 0], pose[:3, 1], pose[:3, 2], pose[:3, 3] = camera[3:6], -camera[6:9], camera[9:12], camera[0:3]
    return pose


def sensor(image, rng):
    """What a plain webcam adds to a rendered frame: noise, exposure jitter, coding."""
    noisy = image.astype(np.float32) * (1 + 0.01 * rng.standard_normal()) + 3 * rng.standard_normal(image.shape)
    packed = cv2.imencode('.jpg', noisy.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 95))])[1]
    return cv2.imdecode(packed, cv2.IMREAD_COLOR)


def synthetic(folder, limit):
    """Clips of the generator; frames must be a multiple of 32 wide, and are not scaled."""
    sequences = []
    rng = np.random.default_rng(5)
    for path in shard_paths(folder):
        rgb, disparity = read_shard(path)
        cameras = np.load(str(path).replace('.rgb.npy', '.camera.npy'))
        for clip in range(len(rgb)):
            size = rgb.shape[2]
            images = np.stack([network_input(sensor(frame, rng), size, size) for frame in rgb[clip]])
            d = disparity[clip].astype(np.float32)
            truth = np.where(d > 1e-3, 1 / np.maximum(d, 1e-3), 0)
            focal, cx, cy = cameras[clip, 0, 12:15]
            poses = np.stack([pose_of(camera) for camera in cameras[clip]])
            sequences.append(Sequence(f'synthetic {path.stem[:6]}/{clip}', images, truth, poses, (focal, focal, cx - 0.5, cy - 0.5), True, 0.1, 80))
            if len(sequences) == limit:
                return sequences
    return sequences
