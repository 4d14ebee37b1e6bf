"""Write the streaming ONNX graph of a checkpoint's averaged weights, and check it against the network run on whole clips.

Usage: python3 -m depthtrain.export CHECKPOINT.pt OUT.onnx
"""
import argparse
import copy
import warnings

import onnx
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .encoder import same_padding
from .evaluate import run
from .network import SUMMARY, WINDOW, DepthNet, StreamingStep

OPSET = 17
SAMPLE_WIDTH, SAMPLE_HEIGHT = 256, 192
EMPTY = -1e4  # the mask of an empty slot
CACHES = ('c0', 'c1', 'c2', 'c3', 'c4')
STATES = ('h0', 'h1', 'h2', 'h3', 'h4')
CHECK_FRAMES = 20
TOLERANCE = 1e-4


def load(path):
    state = torch.load(path, map_location='cpu')
    net = DepthNet(state['encoder'])
    net.load_state_dict({name: value.float() if value.is_floating_point() else value for name, value in state['ema'].items()})
    return net.eval()


def fold_batch_norms(net):
    """A copy with every convolution's batch norm folded into it."""
    net = copy.deepcopy(net).eval()
    for module in net.modules():
        if isinstance(module, nn.Sequential) and len(module) > 1 and isinstance(module[1], nn.BatchNorm2d):
            module[0], module[1] = fuse_conv_bn_eval(module[0], module[1]), nn.Identity()
    return net


def fold_pads(model):
    """The encoder's stride-2 layers pad unevenly: into the convolution's own padding, then drop dead nodes."""
    graph = model.graph
    producers = {output: node for node in graph.node for output in node.output}
    for node in graph.node:
        pad = producers.get(node.input[0]) if node.op_type == 'Conv' else None
        if pad is None or pad.op_type != 'Pad':
            continue
        attribute = next(a for a in node.attribute if a.name == 'pads')
        assert list(attribute.ints) == [0, 0, 0, 0]
        before, after = same_padding(next(a.ints[0] for a in node.attribute if a.name == 'kernel_shape'))
        attribute.ints[:] = [before, before, after, after]
        node.input[0] = pad.input[0]
    while True:
        used = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
        dead = [node for node in graph.node if not any(output in used for output in node.output)]
        if not dead:
            return
        for node in dead:
            graph.node.remove(node)


def empty_caches(net, width, height):
    n32 = (height // 32) * (width // 32)
    c32, c16 = net.temporal32.query.in_features, net.temporal16.query.in_features
    return [torch.zeros(tokens, WINDOW, channels) for tokens, channels in ((n32, c32), (n32, c32), (4 * n32, c16), (4 * n32, c16), (1, SUMMARY))]


def slots_at(frame):
    """Age of each physical slot when `frame` (0, 1, ...) is the query: frame g lies in slot g mod WINDOW. The query is last."""
    return torch.tensor([(frame - 1 - slot) % WINDOW + 1 for slot in range(WINDOW)] + [0])


class Stream:
    """A checkpoint served frame by frame as the runtime would."""

    def __init__(self, step, memory=True):
        self.step, self.memory, self.frame, self.caches = step, memory, 0, None
        self.mask = torch.cat([torch.full((WINDOW,), EMPTY), torch.zeros(1)])

    @torch.no_grad()
    def __call__(self, image):
        """image [1,3,H,W] -> (disparity [H,W], summary [C])."""
        if self.caches is None:
            self.caches = empty_caches(self.step.net, image.shape[3], image.shape[2])
        depth, *states, summary = self.step(image, slots_at(self.frame), self.mask, *self.caches)
        if self.memory:
            slot = self.frame % WINDOW
            for cache, state in zip(self.caches, states):
                cache[:, slot] = state[:, 0]
            self.mask[slot] = 0
        self.frame += 1
        return depth[0], summary[0]


def export(step, path):
    image = torch.randn(1, 3, SAMPLE_HEIGHT, SAMPLE_WIDTH)
    mask = torch.cat([torch.full((WINDOW,), EMPTY), torch.zeros(1)])
    axes = {'image': {2: 'H', 3: 'W'}, 'depth': {1: 'H', 2: 'W'}}
    for cache, state, tokens in zip(CACHES, STATES, ('N32', 'N32', 'N16', 'N16')):
        axes[cache], axes[state] = {0: tokens}, {0: tokens}
    # Without gradients: with them the encoder takes the way that is quick to differentiate
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter('ignore')
        torch.onnx.export(step.eval(), (image, slots_at(0), mask, *empty_caches(step.net, SAMPLE_WIDTH, SAMPLE_HEIGHT)), path,
                          opset_version=OPSET, dynamo=False, input_names=['image', 'slots', 'mask', *CACHES], output_names=['depth', *STATES, 'summary'], dynamic_axes=axes)
    model = onnx.load(path)
    fold_pads(model)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def window():
    """What each frame of a stream sees: bool [1,CHECK_FRAMES,CHECK_FRAMES]."""
    frame = torch.arange(CHECK_FRAMES)
    age = frame[:, None] - frame[None, :]
    return ((age >= 0) & (age <= WINDOW))[None]


@torch.no_grad()
def check(step):
    """The ring of caches against attention over the whole clip at once."""
    clip = torch.randn(CHECK_FRAMES, 3, 96, 128) * torch.linspace(0.5, 2, CHECK_FRAMES).view(-1, 1, 1, 1)  # frames of many likenesses
    whole = step.net(clip, window())
    stream = Stream(step)
    streamed = torch.stack([stream(image[None])[0] for image in clip])
    return float((whole - streamed).abs().max())


@torch.no_grad()
def check_file(net, path):
    """The file as onnxruntime runs it against the network, in either orientation."""
    worst = 0.0
    for width, height in ((160, 96), (96, 128)):
        clip = torch.randn(CHECK_FRAMES, 3, height, width)
        streamed, _ = run(path, clip.numpy())
        worst = max(worst, float((net(clip, window()) - torch.from_numpy(streamed)).abs().max()))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint')
    parser.add_argument('out')
    options = parser.parse_args()
    net = load(options.checkpoint)
    step = StreamingStep(fold_batch_norms(net))
    difference = check(step)
    if difference > TOLERANCE:
        raise SystemExit(f'stream and clip differ by {difference}')
    export(step, options.out)
    served = check_file(net, options.out)
    if served > TOLERANCE:
        raise SystemExit(f'{options.out} and the network differ by {served}')
    parameters = sum(p.numel() for p in net.parameters()) / 1e6
    print(f'{options.out}: {parameters:.2f} M parameters, stream and clip differ by at most {difference:.1e}, as served by {served:.1e}')


if __name__ == '__main__':
    main()
