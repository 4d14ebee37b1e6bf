"""Depthwise convolutions whose gradients oneDNN has no fast kernel for on CPUs (torch 2.13). Inputs are padded already."""
import torch
import torch.nn.functional as F


def gradient_part(gradient, x, weight, stride, mask):
    return torch.ops.aten.convolution_backward(gradient, x, weight, None, [stride, stride], [0, 0], [1, 1], False, [0, 0], x.shape[1], mask)


def computing_type(x):
    return torch.bfloat16 if torch.is_autocast_enabled('cpu') else x.dtype


class StridedDepthwise3(torch.autograd.Function):
    """3x3, stride 2, in bfloat16: the input's gradient is taken in float32 (27 ms in bfloat16 where float32 takes 2)."""

    @staticmethod
    def forward(context, x, weight, bias):
        x, low = x.bfloat16(), weight.bfloat16()
        context.save_for_backward(x, weight)
        return F.conv2d(x, low, bias.bfloat16(), 2, 0, 1, x.shape[1])

    @staticmethod
    def backward(context, gradient):
        x, weight = context.saved_tensors
        full = gradient.float()
        to_input = gradient_part(full, x.float(), weight, 2, [True, False, False])[0]
        to_weight = gradient_part(gradient, x, weight.bfloat16(), 2, [False, True, False])[1]
        return to_input.bfloat16(), to_weight.float(), full.sum((0, 2, 3))


class Depthwise5(torch.autograd.Function):
    """5x5: the weight's gradient is put together from those of four 3x3 convolutions over shifted crops, which overlap in the
    middle row and column (5 to 28 ms a layer in one piece, 2 to 5 so)."""

    @staticmethod
    def forward(context, x, weight, bias, stride):
        kind = computing_type(x)
        x = x.to(kind)
        context.save_for_backward(x, weight)
        context.stride = stride
        return F.conv2d(x, weight.to(kind), bias.to(kind), stride, 0, 1, x.shape[1])

    @staticmethod
    def backward(context, gradient):
        x, weight = context.saved_tensors
        stride = context.stride
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        kind = torch.float32 if stride == 2 else x.dtype
        to_input = gradient_part(gradient.to(kind), x.to(kind), weight.to(kind), stride, [True, False, False])[0].to(x.dtype)
        height, width = (stride * (side - 1) + 3 for side in gradient.shape[2:])
        to_weight = torch.empty_like(weight)
        three = weight[:, :, :3, :3].to(x.dtype).contiguous()
        for top in (0, 2):
            for left in (0, 2):
                crop = x[:, :, top:top + height, left:left + width].contiguous(memory_format=torch.channels_last)
                to_weight[:, :, top:top + 3, left:left + 3] = gradient_part(gradient, crop, three, stride, [False, True, False])[1].float()
        return to_input, to_weight, gradient.float().sum((0, 2, 3)), None
