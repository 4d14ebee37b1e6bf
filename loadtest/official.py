"""The official Video Depth Anything streaming class, one frame at a time, for loadtest/official.ts.

usage: official.py CHECKOUT CHECKPOINT SIZE THREADS
Each line on standard input is "RGB DEPTH": a file of SIZE x SIZE x 3 bytes to read, and one to write float32 depth to.
Each line on standard output is JSON: first the versions, then the milliseconds that a frame took, of CPU and of a clock.
Needs torch, numpy and einops. cv2, torchvision and easydict are used where they are there: of their work, frames of the
network's own size need next to none.
"""

import json
import sys
import time
import types

import numpy as np
import torch


def stand_in(name, **parts):
    """A package that this use of the checkout imports and does not need."""
    try:
        __import__(name)
    except ImportError:
        sys.modules[name] = types.ModuleType(name)
        for part, value in parts.items():
            setattr(sys.modules[name], part, value)


def same_size(image, size, interpolation=None):
    """Frames come at the network's size already: OpenCV would have nothing to do."""
    if image.shape[:2] != (size[1], size[0]):
        raise SystemExit(f"without cv2 a frame of {image.shape} cannot be brought to {size}")
    return image


class Compose:
    def __init__(self, steps):
        self.steps = steps

    def __call__(self, sample):
        for step in self.steps:
            sample = step(sample)
        return sample


class EasyDict(dict):
    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


def main(checkout, checkpoint, size, threads):
    torch.set_num_threads(threads)
    stand_in("cv2", resize=same_size, INTER_CUBIC=2, INTER_AREA=3, INTER_LINEAR=1, INTER_NEAREST=0)
    stand_in("torchvision")
    stand_in("torchvision.transforms", Compose=Compose)
    stand_in("easydict", EasyDict=EasyDict)
    sys.path.insert(0, checkout)
    from video_depth_anything.video_depth_stream import VideoDepthAnything

    weights = torch.load(checkpoint, map_location="cpu", weights_only=True)
    model = VideoDepthAnything(encoder="vits", features=64, out_channels=[48, 96, 192, 384])
    model.load_state_dict(weights, strict=True)
    model.eval()
    say({"torch": torch.__version__, "threads": torch.get_num_threads()})
    for line in sys.stdin:
        rgb, depth = line.split()
        frame = np.fromfile(rgb, np.uint8).reshape(size, size, 3)
        began = time.process_time()
        started = time.perf_counter()
        out = model.infer_video_depth_one(frame, input_size=size, device="cpu", fp32=True)
        took = {"cpu": 1000 * (time.process_time() - began), "wall": 1000 * (time.perf_counter() - started)}
        np.ascontiguousarray(out, np.float32).tofile(depth)
        say(took)


# What the checkout prints is not for the one who reads our lines.
ANSWERS, sys.stdout = sys.stdout, sys.stderr


def say(message):
    print(json.dumps(message), file=ANSWERS, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
