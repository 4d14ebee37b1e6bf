"""Cut photographs into square texture crops for the scene generator.

Usage: python3 -m depthtrain.textures OUT.npz FOLDER...

The crops are JPEG-packed (a few MiB) so that the pack can travel with a training job. It is working data and is never
shipped: the network's weights are all that training leaves behind.
"""
import random
import sys
from pathlib import Path

import cv2
import numpy as np

SIZE = 128
CROPS_PER_PHOTO = 12
MIN_CONTRAST = 8.0


def crops_of(image, rng):
    """Yield up to CROPS_PER_PHOTO square crops (uint8 BGR, SIZE x SIZE) of varied scale; flat ones are left out."""
    longest = 1400 / max(image.shape[:2])
    if longest < 1:
        image = cv2.resize(image, None, fx=longest, fy=longest, interpolation=cv2.INTER_AREA)
    height, width = image.shape[:2]
    found = 0
    for _ in range(4 * CROPS_PER_PHOTO):
        side = int(SIZE * (min(height, width) / SIZE) ** rng.random())
        top, left = rng.randint(0, height - side), rng.randint(0, width - side)
        crop = cv2.resize(image[top:top + side, left:left + side], (SIZE, SIZE), interpolation=cv2.INTER_AREA)
        if crop.std() < MIN_CONTRAST:
            continue
        yield crop[:, ::-1].copy() if rng.random() < 0.5 else crop
        found += 1
        if found == CROPS_PER_PHOTO:
            return


def pack(folders, out):
    rng = random.Random(1)
    paths = sorted(p for f in folders for p in Path(f).rglob('*') if p.suffix.lower() in ('.jpg', '.jpeg', '.png', '.webp'))
    blobs = []
    for path in paths:
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None or min(image.shape[:2]) < 300:
            continue
        blobs += [cv2.imencode('.jpg', c, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].ravel() for c in crops_of(image, rng)]
    if not blobs:
        raise SystemExit('no photographs found')
    rng.shuffle(blobs)
    np.savez(out, data=np.concatenate(blobs), ends=np.cumsum([len(b) for b in blobs]))
    print(f'{len(blobs)} crops from {len(paths)} files')


def unpack(path):
    """Return uint8 RGB [count, SIZE, SIZE, 3]."""
    with np.load(path) as pack_:
        data, ends = pack_['data'], pack_['ends']
    starts = np.concatenate([[0], ends[:-1]])
    images = [cv2.imdecode(data[a:b], cv2.IMREAD_COLOR)[:, :, ::-1] for a, b in zip(starts, ends)]
    return np.ascontiguousarray(np.stack(images))


if __name__ == '__main__':
    pack(sys.argv[2:], sys.argv[1])
