"""EfficientNet-Lite features (Tan and Le 2019; the Lite variants: Google, 2020: no squeeze and excitation, ReLU6), for the skips of a
depth decoder. The 320-channel stage and the head are left out."""
import math

import torch
import torch.nn.functional as F
from torch import nn

from .depthwise import Depthwise5, StridedDepthwise3

WIDTH_DEPTH = {'lite0': (1.0, 1.0), 'lite1': (1.0, 1.1), 'lite2': (1.1, 1.2)}
# Repeats, kernel, stride, expansion, output channels
STAGES = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192)]
SKIP_STAGES = (0, 1, 2, 4, 5)  # at 1/2, 1/4, 1/8, 1/16, 1/32
STEM = 32


def rounded(channels, width):
    """A multiple of eight, and never a tenth less than asked."""
    scaled = channels * width
    result = max(8, int(scaled + 4) // 8 * 8)
    return result + 8 if result < 0.9 * scaled else result


def scaled_stages(name):
    width, depth = WIDTH_DEPTH[name]
    return [(repeats if index == 0 else math.ceil(repeats * depth), kernel, stride, expansion, rounded(channels, width))
            for index, (repeats, kernel, stride, expansion, channels) in enumerate(STAGES)]


def skip_channels(name):
    """Of the features at 1/2, 1/4, 1/8, 1/16, 1/32."""
    stages = scaled_stages(name)
    return tuple(stages[index][4] for index in SKIP_STAGES)


def same_padding(kernel):
    """(before, after) of TensorFlow's SAME for stride 2 on even sides."""
    before = (kernel - 2) // 2
    return before, kernel - 2 - before


class ConvRelu6(nn.Module):
    """Convolution with TensorFlow's SAME padding of even sides, batch norm already folded into its bias."""

    def __init__(self, inputs, outputs, kernel, stride, groups=1, activate=True):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2 if stride == 1 else 0, groups=groups)
        self.kernel, self.stride, self.depthwise, self.activate = kernel, stride, groups > 1, activate
        self.pad = same_padding(kernel) * 2

    def forward(self, x):
        if self.stride == 2:
            x = F.pad(x, self.pad)
        training = self.depthwise and x.device.type == 'cpu' and torch.is_grad_enabled()
        if training and self.kernel == 5:
            x = Depthwise5.apply(x if self.stride == 2 else F.pad(x, (2, 2, 2, 2)), self.conv.weight, self.conv.bias, self.stride)
        elif training and self.stride == 2 and torch.is_autocast_enabled('cpu'):
            x = StridedDepthwise3.apply(x, self.conv.weight, self.conv.bias)
        else:
            x = self.conv(x)
        return F.relu6(x) if self.activate else x


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride, expansion):
        super().__init__()
        middle = inputs * expansion
        self.expand = ConvRelu6(inputs, middle, 1, 1) if expansion > 1 else nn.Identity()
        self.depthwise = ConvRelu6(middle, middle, kernel, stride, groups=middle)
        self.project = ConvRelu6(middle, outputs, 1, 1, activate=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class Encoder(nn.Module):
    """Image [B,3,H,W] of rgb in [0,1] -> features at 1/2, 1/4, 1/8, 1/16, 1/32 of its size."""

    def __init__(self, name):
        super().__init__()
        self.name = name
        self.stem = ConvRelu6(3, STEM, 3, 2)
        channels, blocks, self.ends = STEM, [], []
        for index, (repeats, kernel, stride, expansion, outputs) in enumerate(scaled_stages(name)):
            for repeat in range(repeats):
                blocks.append(InvertedResidual(channels, outputs, kernel, stride if repeat == 0 else 1, expansion))
                channels = outputs
            if index in SKIP_STAGES:
                self.ends.append(len(blocks) - 1)
        self.blocks = nn.ModuleList(blocks)

    def freeze(self, stages):
        """The stem and the first `stages` stages keep their weights: at large sizes they cost most of the backward pass."""
        blocks = sum(repeats for repeats, *_ in scaled_stages(self.name)[:stages])
        for part in [self.stem, *self.blocks[:blocks]] if stages else []:
            part.requires_grad_(False)

    def forward(self, image, mean, std):
        """image as (rgb - mean) / std; these weights expect (255 rgb - 127) / 128."""
        x = self.stem(image * (std * 255 / 128) + (mean * 255 - 127) / 128)
        features = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.ends:
                features.append(x)
        return features
