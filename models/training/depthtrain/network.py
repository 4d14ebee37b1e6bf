"""The embedded streaming depth network.

EfficientNet-Lite features, global attention over the 1/32 tokens, a skip-connected decoder to full size, and two causal temporal
attentions (1/32 and 1/16) whose keys and values of past frames are explicit inputs and outputs, so that one frame at a time can
be served. Output: disparity up to scale and shift, near = large.
"""
import torch
import torch.nn.functional as F
from torch import nn

from .encoder import Encoder, skip_channels

TOKENS = 160  # channels at 1/32
DECODER_CHANNELS = (24, 40, 64, 96)  # at 1/2, 1/4, 1/8, 1/16
HEADS = 4
WINDOW = 7  # past frames in temporal memory
SUMMARY = 64  # values that tell scenes apart: see summary.py
CAUTION_UNIT = 10.0  # so that this parameter, too, moves by tenths
IMAGE_MEAN, IMAGE_STD = 0.45, 0.25


def conv_bn(inputs, outputs, kernel=3, activate=True):
    layers = [nn.Conv2d(inputs, outputs, kernel, 1, kernel // 2, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if activate else []))


class Residual(nn.Module):
    """Two 3x3 convolutions around a skip; the identity at the start of training."""

    def __init__(self, channels):
        super().__init__()
        self.first, self.second = conv_bn(channels, channels), conv_bn(channels, channels, activate=False)
        nn.init.zeros_(self.second[1].weight)

    def forward(self, x):
        return F.relu(x + self.second(self.first(x)))


def mlp(channels, ratio):
    return nn.Sequential(nn.Linear(channels, ratio * channels), nn.ReLU(inplace=True), nn.Linear(ratio * channels, channels))


class GlobalAttention(nn.Module):
    """Pre-norm self-attention block over all tokens of a frame, [B,N,C]; the identity at the start of training."""

    def __init__(self, channels):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv, self.out = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.mlp = mlp(channels, 2)
        for layer in (self.out, self.mlp[2]):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, n, 3, HEADS, c // HEADS).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q @ k.transpose(-1, -2) * (c // HEADS) ** -0.5).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(b, n, c))
        return x + self.mlp(self.norm2(x))


class TemporalAttention(nn.Module):
    """Causal attention of each token over its own past: the last WINDOW frames and itself, with a bias by age, and one against
    frames by how little they resemble the present one: where the camera moved on, the past is of no use to a token.

    A past frame's keys are of what it looked like; its values are of what was made of it, its own past included. So scale and
    shift can outlive the window. `blocks` of global attention follow, in which tokens may agree on them."""

    def __init__(self, channels, blocks=0):
        super().__init__()
        self.norm1, self.norm2, self.norm_state = (nn.LayerNorm(channels) for _ in range(3))
        self.query, self.key = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.value, self.out = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.age_bias = nn.Parameter(torch.zeros(HEADS, WINDOW + 1))
        self.caution = nn.Parameter(torch.full((HEADS,), 0.6))
        self.mlp = mlp(channels, 1)
        for layer in (self.out, self.mlp[2]):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.after = nn.ModuleList([GlobalAttention(channels) for _ in range(blocks)])

    def finish(self, x, attended):
        """x, attended [B,N,C] -> tokens, and the value that later frames will see."""
        x = x + self.out(attended)
        x = x + self.mlp(self.norm2(x))
        for block in self.after:
            x = block(x)
        return x, self.value(self.norm_state(x))

    def wary(self, distance):
        """Cosine distances of frames' summaries [...] -> bias [HEADS,...]"""
        return -CAUTION_UNIT * self.caution.view(HEADS, *[1] * distance.ndim) * distance

    def clip(self, x, visible, distance):
        """Whole clips, frame after frame. x [B,T,N,C]; visible bool [B,T,T]: may frame i (row) see frame j? distance [B,T,T]: of
        their summaries. -> [B,T,N,C]"""
        b, t, n, c = x.shape
        y = self.norm1(x)
        queries = self.query(y).view(b, t, n, HEADS, c // HEADS) * (c // HEADS) ** -0.5
        keys, own = (layer(y).view(b, t, n, HEADS, c // HEADS) for layer in (self.key, self.value))
        barred = torch.where(visible, 0.0, -1e4)
        done, states = [], []
        for frame in range(t):
            first = max(0, frame - WINDOW)
            seen = slice(first, frame + 1)
            bias = self.age_bias[:, frame - torch.arange(first, frame + 1, device=x.device)]
            bias = bias[None] + barred[:, None, frame, seen] + self.wary(distance[:, frame, seen]).transpose(0, 1)  # [B,HEADS,S]
            scores = (queries[:, frame, None] * keys[:, seen]).sum(-1) + bias.transpose(1, 2)[:, :, None]  # [B,S,N,HEADS]
            values = torch.stack([*states[first:], own[:, frame]], 1)
            attended = (scores.softmax(1)[..., None] * values).sum(1).reshape(b, n, c)
            tokens, state = self.finish(x[:, frame], attended)
            done.append(tokens)
            states.append(state.view(b, n, HEADS, c // HEADS))
        return torch.stack(done, 1)

    def step(self, x, keys, values, slots, mask, distance):
        """One frame. x [N,C]; keys, values [N,WINDOW,C]; slots int64, mask and distance float [WINDOW+1], the query last."""
        n, c = x.shape
        y = self.norm1(x)
        key, own = self.key(y), self.value(y)
        q = self.query(y).view(n, HEADS, 1, c // HEADS) * (c // HEADS) ** -0.5
        k = torch.cat([keys, key[:, None]], 1).view(n, -1, HEADS, c // HEADS).permute(0, 2, 3, 1)
        v = torch.cat([values, own[:, None]], 1).view(n, -1, HEADS, c // HEADS).permute(0, 2, 1, 3)
        bias = (self.age_bias[:, slots] + mask + self.wary(distance))[:, None, :]
        attended = ((q @ k + bias).softmax(-1) @ v).reshape(-1, c)
        tokens, state = self.finish(x[None], attended[None])
        return tokens[0], key, state[0]


def double(x):
    return F.interpolate(x, scale_factor=2.0, mode='nearest')


def cosine_distance(x, others=None):
    """x [...,T,C], others [...,S,C] (or x itself) -> [...,T,S], 0 (alike) to 2; zeros are at 1 from all."""
    y = F.normalize(x, dim=-1)
    return 1 - y @ (y if others is None else F.normalize(others, dim=-1)).transpose(-1, -2)


def to_tokens(x):
    return x.flatten(2).transpose(1, 2)


def to_map(tokens, like):
    return tokens.transpose(1, 2).reshape(like.shape)


class DepthNet(nn.Module):
    """`encoder`: a name of encoder.WIDTH_DEPTH."""

    def __init__(self, encoder, global_blocks=4):
        super().__init__()
        s2, s4, s8, s16, deepest = skip_channels(encoder)
        d2, d4, d8, d16 = DECODER_CHANNELS
        s32 = TOKENS
        self.encoder_name = encoder
        self.encoder_still = False  # gradients stop at its outputs
        self.encoder = Encoder(encoder)
        self.neck = nn.Conv2d(deepest, s32, 1, bias=False)
        nn.init.orthogonal_(self.neck.weight)
        self.norm32 = nn.BatchNorm2d(s32)
        self.position = nn.Linear(6, s32)
        self.global_attention = nn.ModuleList([GlobalAttention(s32) for _ in range(global_blocks)])
        self.temporal32, self.temporal16 = TemporalAttention(s32, blocks=1), TemporalAttention(d16)
        self.up16, self.skip16, self.fuse16 = nn.Conv2d(s32, d16, 1), nn.Conv2d(s16, d16, 1), conv_bn(d16, d16)
        self.refine16 = Residual(d16)
        self.up8, self.skip8, self.fuse8 = nn.Conv2d(d16, d8, 1), nn.Conv2d(s8, d8, 1), conv_bn(d8, d8)
        self.up4, self.skip4, self.fuse4 = nn.Conv2d(d8, d4, 1), nn.Conv2d(s4, d4, 1), conv_bn(d4, d4)
        self.refine4 = Residual(d4)
        self.up2, self.skip2, self.fuse2 = nn.Conv2d(d4, d2, 1), nn.Conv2d(s2, d2, 1), conv_bn(d2, d2)
        # The image itself, two by two pixels: the encoder's first stride blurs where an edge lies
        self.skip1 = nn.Conv2d(3, d2, 2, stride=2, bias=False)
        self.out = nn.Conv2d(d2, 4, 3, 1, 1)  # four sub-pixels
        nn.init.zeros_(self.skip1.weight)
        # Fitted, not learned; all zero until then, which makes frames equally distant
        self.register_buffer('summary_centre', torch.zeros(s32))
        self.register_buffer('summary_projection', torch.zeros(s32, SUMMARY))

    @staticmethod
    def coordinates(features):
        """Where each token lies, [1,N,6]: y, x in [-1,1], their squares and product, 1. Built from the tensor itself, so
        that an exported graph serves every size."""
        ones = torch.ones_like(features[:1, :1])
        y, x = torch.cumsum(ones, 2), torch.cumsum(ones, 3)
        y, x = (y - 0.5) / y[:, :, -1:, -1:] * 2 - 1, (x - 0.5) / x[:, :, -1:, -1:] * 2 - 1
        return to_tokens(torch.cat([y, x, y * y, x * x, y * x, ones], 1))

    def features(self, image):
        """-> skip features at 1/2, 1/4, 1/8, 1/16 and the normalised 1/32 map."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.encoder_still):
            *skips, deepest = self.encoder(image, IMAGE_MEAN, IMAGE_STD)
        return *skips, self.norm32(self.neck(deepest))

    def encode(self, image):
        """-> skip features at 1/2, 1/4, 1/8, 1/16, the normalised 1/32 map, and its tokens [B,N,C] after attention."""
        *skips, f32 = self.features(image)
        tokens = to_tokens(f32) + self.position(self.coordinates(f32))
        for block in self.global_attention:
            tokens = block(tokens)
        return skips, f32, tokens

    def pooled(self, image):
        """Image [B,3,H,W] -> mean features at 1/32 [B,C]."""
        return self.features(image)[-1].mean((2, 3))

    def summary(self, f32):
        """Normalised 1/32 map [B,C,h,w] -> what tells its scene from others [B,SUMMARY]."""
        with torch.autocast(f32.device.type, enabled=False):
            return (f32.float().mean((2, 3)) - self.summary_centre) @ self.summary_projection

    def decode16(self, f32, f16):
        return self.refine16(self.fuse16(F.relu(double(self.up16(f32)) + self.skip16(f16))))

    def decode(self, image, skips, y):
        """1/16 map -> disparity [B,H,W]."""
        f2, f4, f8, _ = skips
        y = self.fuse8(F.relu(double(self.up8(y)) + self.skip8(f8)))
        y = self.refine4(self.fuse4(F.relu(double(self.up4(y)) + self.skip4(f4))))
        y = self.fuse2(F.relu(double(self.up2(y)) + self.skip2(f2) + self.skip1(image)))
        with torch.autocast(y.device.type, enabled=False):  # bfloat16 has three digits: too few for depth
            return F.pixel_shuffle(self.out(y.float()), 2)[:, 0]

    def forward(self, image, visible=None):
        """image [B*T,3,H,W] -> disparity [B*T,H,W]; visible bool [B,T,T]: what each frame may remember (None: single frames)."""
        skips, f32, tokens = self.encode(image)
        return self.decode_tokens(image, skips, f32, tokens, visible)

    def decode_tokens(self, image, skips, f32, tokens, visible=None):
        """What encode() gave, over time and to full size -> disparity [B*T,H,W]."""
        if visible is None:
            visible = torch.ones(len(image), 1, 1, dtype=torch.bool, device=image.device)
        # A measure alone: depth's loss is not to bend the encoder to it
        distance = cosine_distance(self.summary(f32.detach()).view(*visible.shape[:2], -1))
        tokens = self.over_time(self.temporal32, tokens, visible, distance)
        y = self.decode16(to_map(tokens, f32), skips[3])
        y = to_map(self.over_time(self.temporal16, to_tokens(y), visible, distance), y)
        return self.decode(image, skips, y)

    @staticmethod
    def over_time(attention, tokens, visible, distance):
        b, t, _ = visible.shape
        return attention.clip(tokens.reshape(b, t, *tokens.shape[1:]), visible, distance).reshape(tokens.shape)


def load_weights(net, state):
    """Fills a network. A start may lack what lies in the temporal attentions, the identity until trained; nothing else."""
    missing, unexpected = net.load_state_dict(state, strict=False)
    unknown = [name for name in missing if not name.startswith('temporal')] + unexpected
    if unknown:
        raise ValueError(f'not the weights of this network: {", ".join(unknown[:5])}')


class StreamingStep(nn.Module):
    """One frame of a stream, in the serving contract: caches in, this frame's states out (frame n goes to slot n mod 7).

    image [1,3,H,W]; slots int64 [8]: age in frames of each cache slot, the query (0) last; mask float [8]: 0, or -1e4 for an
    empty slot; c0, c1 [N32,7,160] and c2, c3 [N16,7,96]: keys and values; c4 [1,7,64]: summaries. Returns depth [1,H,W],
    h0..h4 [N,1,C] and summary [1,64].
    """

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, image, slots, mask, c0, c1, c2, c3, c4):
        return self.look(image, slots, mask, c0, c1, c2, c3, c4)[0]

    def look(self, image, slots, mask, c0, c1, c2, c3, c4):
        """-> (what forward() returns), tokens [1,N32,C] after attention, skip features."""
        net = self.net
        skips, f32, tokens = net.encode(image)
        summary = net.summary(f32)
        distance = F.pad(cosine_distance(summary, c4[0])[0], (0, 1))  # none from itself
        x, h0, h1 = net.temporal32.step(tokens[0], c0, c1, slots, mask, distance)
        y = net.decode16(to_map(x[None], f32), skips[3])
        z, h2, h3 = net.temporal16.step(to_tokens(y)[0], c2, c3, slots, mask, distance)
        depth = net.decode(image, skips, to_map(z[None], y))
        return (depth, h0[:, None], h1[:, None], h2[:, None], h3[:, None], summary[None], summary), tokens, skips
