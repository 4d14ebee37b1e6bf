"""Write the streaming ONNX graph of a relative network and its metric head, and check the file, as onnxruntime runs it, against both.

Usage: python3 -m depthtrain.metric_export CHECKPOINT.pt HEAD.pt OUT.onnx

The graph is the relative network's (export.py) with one input more, `focal` [2] (horizontal, vertical; pixels of the network's input),
one state more, c5 [N32,7,1] (the metric disparity of each cell, which steadies the next frame's), and metres for `depth`.
"""
import argparse
import warnings

import numpy as np
import onnx
import torch
from torch import nn

from .evaluate import run
from .export import CACHES, CHECK_FRAMES, EMPTY, OPSET, SAMPLE_HEIGHT, SAMPLE_WIDTH, STATES, empty_caches, fold_batch_norms, fold_pads, load, slots_at
from .metric import alignment, cells, describe, load_head, metric_disparity, spread, steadied
from .metric_evaluate import Seen, aligned, over_time, window
from .metric_views import look
from .network import WINDOW, StreamingStep

FOCAL = (210.0, 220.0)
TOLERANCE = 2e-3  # of the largest depth


class MetricStep(nn.Module):
    """One frame of a stream, as StreamingStep, in metres."""

    def __init__(self, net, head):
        super().__init__()
        self.step, self.head = StreamingStep(net), head

    def forward(self, image, slots, mask, focal, c0, c1, c2, c3, c4, c5):
        focal = focal[None]
        (p, *states, summary), tokens, skips = self.step.look(image, slots, mask, c0, c1, c2, c3, c4)
        mean, deviation = spread(p)
        remembered = (mask[:WINDOW] > EMPTY / 2).to(p.dtype)
        newest = (c5[:, :, 0] * remembered * (slots[:WINDOW] == 1).to(p.dtype)).sum(1)[None]
        numbers = steadied(self.head(describe(tokens, skips, p, focal)), p, mean, deviation, focal, newest, remembered.sum())
        disparity = metric_disparity(p, *alignment(numbers, mean, deviation, focal))
        return 1 / disparity, *states, cells(disparity)[0, :, None, None], summary


def export(step, path):
    net = step.step.net
    image, mask = torch.randn(1, 3, SAMPLE_HEIGHT, SAMPLE_WIDTH), torch.cat([torch.full((WINDOW,), EMPTY), torch.zeros(1)])
    caches = [*empty_caches(net, SAMPLE_WIDTH, SAMPLE_HEIGHT), torch.zeros((SAMPLE_HEIGHT // 32) * (SAMPLE_WIDTH // 32), WINDOW, 1)]
    names, states = [*CACHES, 'c5'], [*STATES, 'h5']
    axes = {'image': {2: 'H', 3: 'W'}, 'depth': {1: 'H', 2: 'W'}}
    for number, tokens in ((0, 'N32'), (1, 'N32'), (2, 'N16'), (3, 'N16'), (5, 'N32')):
        axes[f'c{number}'] = axes[f'h{number}'] = {0: tokens}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter('ignore')
        torch.onnx.export(step.eval(), (image, slots_at(0), mask, torch.tensor(FOCAL), *caches), path, opset_version=OPSET, dynamo=False,
                          input_names=['image', 'slots', 'mask', 'focal', *names], output_names=['depth', *states, 'summary'], dynamic_axes=axes)
    model = onnx.load(path)
    fold_pads(model)
    onnx.checker.check_model(model)
    onnx.save(model, path)


@torch.no_grad()
def check_file(net, head, path):
    """The largest difference, as a share of depth, in either orientation."""
    worst = 0.0
    for width, height in ((160, 96), (96, 128)):
        clip = torch.randn(CHECK_FRAMES, 3, height, width)
        focal = torch.tensor(FOCAL).expand(CHECK_FRAMES, 2)
        p, described = look(net, clip, focal, window(CHECK_FRAMES))
        seen = Seen(None, p, described, focal)
        scale, shift = torch.tensor(aligned(over_time(head(described), seen), seen)).unbind(1)
        wanted = 1 / metric_disparity(p, scale, shift).numpy()
        served, _ = run(path, clip.numpy(), focal=FOCAL)
        worst = max(worst, float((np.abs(served - wanted) / wanted).max()))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint')
    parser.add_argument('head')
    parser.add_argument('out')
    options = parser.parse_args()
    net, head = load(options.checkpoint), load_head(options.head)
    export(MetricStep(fold_batch_norms(net), head), options.out)
    difference = check_file(net, head, options.out)
    if difference > TOLERANCE:
        raise SystemExit(f'{options.out} and the network differ by {difference}')
    print(f'{options.out}: as served it differs by at most {difference:.1e} of depth')


if __name__ == '__main__':
    main()
