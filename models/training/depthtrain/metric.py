"""A head that makes the relative network's disparity metric, for a known focal length: two numbers a frame.

The relative network stays as it is: what the head sees of a frame (`describe`) is computed once, and the head is fitted in seconds.

The head knows how many pixels a metre takes, not metres: it predicts disparity times focal length over CANONICAL_FOCAL pixels, as
Metric3D (Yin et al., ICCV 2023) transforms labels. The focal length is an input too, since perspective tells of it.
"""
import math

import torch
import torch.nn.functional as F
from torch import nn

from .network import to_tokens

CANONICAL_FOCAL = 200.0  # pixels of the network's input
CELL = 32  # pixels of a token's side
LEAST_SPREAD = 0.05  # of the network's output, so that a flat picture is not made steep by its noise
FARTHEST = 80.0  # metres
LEAST_RATIO, LARGEST_RATIO = 0.05, 4.0  # log of how much nearer one deviation above the mean may be than one below
UNUSUAL = 4.0  # deviations beyond which a feature tells no more
GAIN = 0.15  # of a frame's own numbers against what the frames before say
ROUNDS = 3


def spread(p):
    """Disparity [B,H,W] -> mean and deviation of each frame, [B] each."""
    return p.mean((1, 2)), p.std((1, 2)).clamp(min=LEAST_SPREAD)


def cells(p):
    """[B,H,W] -> means of each token's cell [B,N]"""
    return F.avg_pool2d(p[:, None], CELL).flatten(1)


def describe(tokens, skips, p, focal):
    """What the head sees of a frame: tokens [B,N,C] after attention (DepthNet.encode), skip features, output [B,H,W], focal [B,2]
    (horizontal, vertical; pixels of the network's input; of a crop the camera's times its magnification) -> [B,features]. Means and
    deviations over the tokens, with the output's relief in their cells; the upper half of the picture against the lower; means and
    deviations of features at 1/8 and 1/16, of which textures' sizes are a part; log focal length and its square, last."""
    mean, deviation = spread(p)
    z = ((p - mean[:, None, None]) / deviation[:, None, None])[:, None]
    relief = torch.cat([F.avg_pool2d(z, CELL), F.max_pool2d(z, CELL), -F.max_pool2d(-z, CELL)], 1)
    x = torch.cat([tokens, to_tokens(relief)], 2)
    # Halves by weights, not by slices: a graph of open size has no middle that is known
    rows = torch.cumsum(torch.ones_like(relief[:1, :1]), 2)
    lower = to_tokens(((rows - 0.5) / rows[:, :, -1:] > 0.5).to(x.dtype))
    halves = (x * (1 - lower)).sum(1) / (1 - lower).sum(1) - (x * lower).sum(1) / lower.sum(1)
    pooled = [statistic for f in skips[2:] for statistic in (f.mean((2, 3)), f.flatten(2).std(2))]
    return torch.cat([x.mean(1), x.std(1), halves, *pooled, *log_focal(focal)], 1)


def log_focal(focal):
    """[B,2] -> its log over the canonical one and the square of that, [B,1] each."""
    f = torch.log(focal / CANONICAL_FOCAL).mean(1, keepdim=True)
    return f, f * f


class MetricHead(nn.Module):
    """describe() [B,features] -> [B,2]: log canonical disparity in 1/m of what lies one deviation of the output above its mean, and
    the log of how much nearer that is than what lies one below. Linear, of standardised features."""

    def __init__(self, features):
        super().__init__()
        self.register_buffer('centre', torch.zeros(features))
        self.register_buffer('deviation', torch.ones(features))
        self.linear = nn.Linear(features, 2)

    def standardised(self, described):
        return ((described - self.centre) / self.deviation).clamp(-UNUSUAL, UNUSUAL)

    def forward(self, described):
        near, ratio = self.linear(self.standardised(described)).unbind(1)
        return torch.stack([near, ratio.clamp(LEAST_RATIO, LARGEST_RATIO)], 1)


def load_head(path):
    state = torch.load(path, map_location='cpu')
    head = MetricHead(len(state['centre']))
    head.load_state_dict(state)
    return head.eval()


def alignment(numbers, mean, deviation, focal):
    """The head's numbers [B,2], the output's mean and deviation [B], focal [B,2] -> scale and shift, [B] each: disparity in 1/m is
    scale * output + shift."""
    near = torch.exp(numbers[:, 0] - log_focal(focal)[0][:, 0])
    far = near * torch.exp(-numbers[:, 1])
    scale = (near - far) / (2 * deviation)
    return scale, (near + far) / 2 - scale * mean


def metric_disparity(p, scale, shift):
    """p [B,H,W], scale and shift [B] -> disparity in 1/m, nothing beyond FARTHEST."""
    return (scale[:, None, None] * p + shift[:, None, None]).clamp(min=1 / FARTHEST)


def steadied(numbers, p, mean, deviation, focal, before, frames):
    """The head's numbers of a frame, steadied by the frame before: a filter of one gain, whose prediction is that a cell is as far as
    it was. What aligns this frame's output so (least squares, made robust by reweighting) follows the network's own changes of scale
    and shift, which a mean of the numbers would not.

    before: cells of the previous frame's metric disparity [B,N]; frames: how many are remembered, a float; none: the numbers as
    they are. The gain falls from 1/2 to GAIN over the first frames."""
    now = cells(p)
    weight = torch.ones_like(now)
    for _ in range(ROUNDS):
        total = weight.sum(1, keepdim=True)
        centre, past = (weight * now).sum(1, keepdim=True) / total, (weight * before).sum(1, keepdim=True) / total
        slope = (weight * (now - centre) * (before - past)).sum(1, keepdim=True)
        scale = slope / ((weight * (now - centre) ** 2).sum(1, keepdim=True) + 1e-6)
        error = (scale * (now - centre) + past - before).abs()
        weight = 1 / (error + 0.3 * error.mean(1, keepdim=True) + 1e-5)
    shift = past - scale * centre
    near = (scale * (mean + deviation)[:, None] + shift).clamp(min=1e-3)
    far = torch.maximum(scale * (mean - deviation)[:, None] + shift, near * math.exp(-LARGEST_RATIO))
    predicted = torch.cat([torch.log(near) + log_focal(focal)[0], torch.log(near / far).clamp(min=LEAST_RATIO)], 1)
    gain = torch.where(frames > 0, (1 / (frames + 1)).clamp(min=GAIN), torch.ones_like(frames))
    return predicted + gain * (numbers - predicted)
