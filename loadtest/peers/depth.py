"""One stream's network state, as both peers have it: the cached states of the last frames, as a ring, and a display range."""

import json
from pathlib import Path

import numpy as np

# The display range: percent of values outside at each end, and the share of its way that it goes with each frame.
TAIL = 2.0
PULL = 0.1


def read_manifest(model: str):
    """What lies beside an ONNX file of the streaming contract."""
    return json.loads(Path(model).with_suffix(".json").read_text())


def network_size(manifest, size: int, width: int, height: int):
    """(width, height) of the network's input for a picture; `size` is its longer side."""
    multiple = manifest["size"]["multipleOf"]

    def fit(length):
        return max(multiple, round(length / multiple) * multiple)

    long, short = fit(size), fit(size * min(width, height) / max(width, height))
    return (long, short) if width >= height else (short, long)


class Depth:
    def __init__(self, session, manifest):
        self.session = session
        mean = np.array(manifest["normalise"]["mean"], np.float32).reshape(3, 1, 1)
        std = np.array(manifest["normalise"]["std"], np.float32).reshape(3, 1, 1)
        self.scale, self.shift = 1 / (255 * std), -mean / std
        self.frames = manifest["window"]["frames"]
        self.empty = manifest["window"]["emptyMask"]
        self.count = 0
        self.caches = {}
        self.range = None

    def shades(self, planes: np.ndarray) -> np.ndarray:
        """Gray, uint8 [height, width], of a picture of the network's size: uint8 [3, height, width], R, G, B."""
        image = planes * self.scale + self.shift
        depth = self.infer(image[None])
        ends = np.percentile(depth[::2, ::2], [TAIL, 100 - TAIL])
        self.range = ends if self.range is None else self.range + PULL * (ends - self.range)
        low, high = self.range
        return np.clip((depth - low) * (255 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)

    def infer(self, image):
        height, width = image.shape[2:]
        n, frames = self.count, self.frames
        ages = np.array([(n + frames - 1 - place) % frames + 1 for place in range(frames)] + [0], np.int64)
        mask = np.where(ages <= n, 0, self.empty).astype(np.float32)
        if n == 0:
            # A cache's first side, if open, is named after its stride: T16 has a token for each 16 x 16 pixels.
            for name, (tokens, slots, channels) in self.cache_shapes():
                if isinstance(tokens, str):
                    stride = int(tokens[1:])
                    tokens = (height // stride) * (width // stride)
                self.caches[name] = np.zeros((tokens, slots, channels), np.float32)
        outputs = self.session.run({"image": image, "slots": ages, "mask": mask, **self.caches})
        results = dict(zip(self.session.outputs, outputs))
        for name, cache in self.caches.items():
            cache[:, n % frames] = results["h" + name[1:]][:, 0]
        self.count += 1
        return results["depth"][0]

    def cache_shapes(self):
        return [(name, shape) for name, shape in self.session.inputs.items() if name.startswith("c")]
