"""A checkpoint to start training from: MobileNetV2 in the encoder, everything else as initialised.

Usage: python3 -m depthtrain.encoder_weights MOBILENET START.pt   (MOBILENET.bin and .json from unpack_mobilenet.mjs)
"""
import json
import sys

import numpy as np
import torch

from .network import DepthNet

EPSILON = 1e-3  # of Keras's batch norm


def main():
    index = json.load(open(sys.argv[1] + '.json'))
    values = np.fromfile(sys.argv[1] + '.bin', np.float32)

    def tensor(name):
        entry = index[name]
        return values[entry['offset']:entry['offset'] + int(np.prod(entry['shape']))].reshape(entry['shape'])

    def fill(layer, kernel, norm):
        """Keras kernel [h,w,in,out] (depthwise [h,w,channels,1]) with its batch norm folded in."""
        weight = tensor(kernel)
        weight = weight.transpose(2, 3, 0, 1) if layer.conv.groups > 1 else weight.transpose(3, 2, 0, 1)
        scale = tensor(norm + '/gamma') / np.sqrt(tensor(norm + '/moving_variance') + EPSILON)
        layer.conv.weight.data = torch.from_numpy((weight * scale[:, None, None, None]).copy())
        layer.conv.bias.data = torch.from_numpy((tensor(norm + '/beta') - tensor(norm + '/moving_mean') * scale).copy())

    torch.manual_seed(1)
    net = DepthNet()
    fill(net.encoder.stem, 'Conv1/kernel', 'bn_Conv1')
    for number, block in enumerate(net.encoder.blocks):
        prefix = f'block_{number}_' if number else 'expanded_conv_'
        if number:
            fill(block.expand, prefix + 'expand/kernel', prefix + 'expand_BN')
        fill(block.depthwise, prefix + 'depthwise/depthwise_kernel', prefix + 'depthwise_BN')
        fill(block.project, prefix + 'project/kernel', prefix + 'project_BN')
    torch.save({'ema': net.state_dict(), 'images': 0}, sys.argv[2])


if __name__ == '__main__':
    main()
