"""Pictures for the model card: unseen synthetic frames, from well done to worst, each with its truth and what the network says.

Usage: python3 -m depthtrain.card MODEL.onnx OUT.jpg CLIPS...   (folders of shards that training never saw)

Clips are ranked by AbsRel after a fit of their last frame, which the network sees with its memory full; rows are taken at fixed
shares of that order, so that nobody picks them. No real picture is used: those may not be distributed.
"""
import sys

import cv2
import numpy as np

from .evaluate import judged, run
from .metrics import errors, fit
from .sequences import synthetic

SHARES = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)  # of the clips, best first
COLUMNS = 2
TILE = 192


def coloured(disparity, low, high):
    grey = np.clip((disparity - low) / max(high - low, 1e-6), 0, 1) * 255
    return cv2.applyColorMap(grey.astype(np.uint8), cv2.COLORMAP_INFERNO)


def row(sequence, prediction, alignment, error):
    image = ((sequence.images[-1].transpose(1, 2, 0) * 0.25 + 0.45) * 255).clip(0, 255).astype(np.uint8)[:, :, ::-1]
    truth = sequence.truth[-1]
    disparity = np.where(truth > 0, 1 / np.maximum(truth, 1e-3), 0)
    low, high = np.percentile(disparity, (1, 99))
    tiles = [image, coloured(disparity, low, high), coloured(alignment[0] * prediction + alignment[1], low, high)]
    tiles = [cv2.resize(np.ascontiguousarray(tile), (TILE, TILE), interpolation=cv2.INTER_AREA) for tile in tiles]
    cv2.putText(tiles[2], f'{error:.2f}', (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return np.hstack(tiles)


def main():
    model, out, *folders = sys.argv[1:]
    ranked = []
    for folder in folders:
        for sequence in synthetic(folder, 1000):
            predictions, _ = run(model, sequence.images)
            p, g, _ = judged(sequence, len(predictions) - 1, predictions[-1])
            alignment = fit(p, g)
            ranked.append((errors(p, g, alignment, sequence.farthest)[0], len(ranked), sequence, predictions[-1], alignment))
    ranked.sort()
    rows = []
    for share in SHARES:
        place = min(len(ranked) - 1, round(share * (len(ranked) - 1)))
        error, _, sequence, prediction, alignment = ranked[place]
        rows.append(row(sequence, prediction, alignment, error))
    per = len(rows) // COLUMNS
    columns = [np.vstack(rows[i * per:(i + 1) * per]) for i in range(COLUMNS)]
    gap = np.full((columns[0].shape[0], 12, 3), 255, np.uint8)
    cv2.imwrite(out, np.hstack([columns[0], gap, columns[1]]), [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(f'{out}: of {len(ranked)} clips; AbsRel median {ranked[len(ranked) // 2][0]:.3f}')


if __name__ == '__main__':
    main()
