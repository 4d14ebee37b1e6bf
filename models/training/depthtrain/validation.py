"""Synthetic validation during training, on the shard that is never trained on."""
from pathlib import Path

import numpy as np
import torch

from .losses import normalise, temporal_gradient_loss
from .metrics import errors, fit
from .pool import VALIDATION_SHARD, augment, read_shard

FRAMES, CLIPS, SEED = 160, 12, 77
BATCH = 8
FARTHEST = 80.0


class Validation:
    def __init__(self, data, library, device):
        self.device = device
        self.sets = {}
        for kind, count, width, height in (('frames', FRAMES, 192, 160), ('clips', CLIPS, 192, 160)):
            path = Path(data) / kind / f'{VALIDATION_SHARD:06d}.rgb.npy'
            if path.exists():
                rgb, disparity = read_shard(path)
                chosen = np.arange(min(count, len(rgb)))
                self.sets[kind] = augment(library, rgb, disparity, chosen, chosen, np.zeros(len(chosen)), rgb.shape[1],
                                          width, height, SEED, 0.7 if kind == 'clips' else 0.0, 1)

    @torch.no_grad()
    def run(self, net):
        result = {}
        if 'frames' in self.sets:
            image, truth = self.sets['frames']
            prediction = torch.cat([self.predict(net, image[i:i + BATCH]) for i in range(0, len(image), BATCH)])
            target = torch.from_numpy(truth)
            result['ssi'] = float((normalise(prediction[:, None], 1e-3) - normalise(target.clamp(max=20), 1e-6)).abs().clamp(max=6).mean())
            result['absrel'], result['delta1'] = self.fitted(prediction.numpy(), truth[:, 0])
        if 'clips' in self.sets:
            image, truth = self.sets['clips']
            frames = truth.shape[1]
            target = normalise(torch.from_numpy(truth).clamp(max=20), 1e-6)
            for name, memory in (('on', True), ('off', False)):
                prediction = torch.cat([self.predict(net, image[i * frames:(i + 1) * frames], frames if memory else 0)
                                        for i in range(len(truth))]).view_as(target)
                result[f'clip_ssi_{name}'] = float((normalise(prediction, 1e-3) - target).abs().clamp(max=6).mean())
                result[f'clip_temporal_{name}'] = float(temporal_gradient_loss(prediction, target))
        return {k: round(v, 4) for k, v in result.items()}

    def predict(self, net, image, frames=0):
        image = torch.from_numpy(image).to(self.device, memory_format=torch.channels_last)
        visible = torch.ones(1, frames, frames, dtype=torch.bool, device=self.device) if frames else None
        return net(image, visible).float().cpu()

    @staticmethod
    def fitted(prediction, truth):
        scores = []
        for p, g in zip(prediction[:, ::3, ::3], truth[:, ::3, ::3]):
            keep = g > 1 / FARTHEST
            if keep.sum() > 300:
                scores.append(errors(p[keep], g[keep], fit(p[keep], g[keep]), FARTHEST))
        return np.mean(scores, 0).tolist()
