"""Training in bfloat16 on a CPU that multiplies it (AVX512-BF16, AMX)."""
import torch
import torch.nn.functional as F


class StridedDepthwise(torch.autograd.Function):
    """Depthwise 3x3 convolution of stride 2 without padding. oneDNN has no fast bfloat16 kernel for its input gradient on CPUs
    (27 ms where float32 takes 2), so that one gradient is taken in float32."""

    @staticmethod
    def forward(context, x, weight, bias):
        x, low = x.bfloat16(), weight.bfloat16()
        context.save_for_backward(x, weight)
        return F.conv2d(x, low, bias.bfloat16(), 2, 0, 1, x.shape[1])

    @staticmethod
    def backward(context, gradient):
        x, weight = context.saved_tensors

        def part(g, x, w, mask):
            return torch.ops.aten.convolution_backward(g, x, w, None, [2, 2], [0, 0], [1, 1], False, [0, 0], x.shape[1], mask)

        full = gradient.float()
        to_input = part(full, x.float(), weight, [True, False, False])[0]
        to_weight = part(gradient, x, weight.bfloat16(), [False, True, False])[1]
        return to_input.bfloat16(), to_weight.float(), full.sum((0, 2, 3))
