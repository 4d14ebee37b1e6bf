"""Losses on disparity, [clips, frames, H, W]. Single frames are clips of one."""
import torch
import torch.nn.functional as F

SCALES = 4
CLAMP = 6.0
STABLE_CHANGE = 0.08
EDGE_STEP = 0.1  # of the nearer surface's disparity, and of the deviation: a step between neighbours that is an edge
LEAST_SPREAD = 0.5  # of a segment's deviation: what a first frame's own counts for at least


def statistics(x, floor):
    """Median and mean absolute deviation over all but the first axis, [N,1,1,1] each."""
    flat = x[..., ::2, ::2].flatten(1)
    middle = flat.median(1, keepdim=True)[0]
    spread = (flat - middle).abs().mean(1, keepdim=True) + floor
    return middle[:, :, None, None], spread[:, :, None, None]


def by_segment(function, x, cuts):
    """A clip that changes scene at frame cuts[i] > 0 is two clips here."""
    if not any(cuts):
        return function(x)
    return torch.stack([torch.cat([function(clip[None, :cut])[0], function(clip[None, cut:])[0]]) if cut else function(clip[None])[0]
                        for clip, cut in zip(x, cuts)])


def normalise(x, floor, cuts=()):
    """Subtract the median and divide by the mean absolute deviation over a whole clip: the scale-and-shift-invariant form
    of Ranftl et al. (MiDaS, TPAMI 2022, eq. 5-7), one alignment a clip so that a flickering scale is not forgiven."""
    def whole(segment):
        middle, spread = statistics(segment, floor)
        return (segment - middle) / spread
    return by_segment(whole, x, cuts)


def normalise_frames(x, floor):
    """The same with an alignment for each frame."""
    return normalise(x.flatten(0, 1)[:, None], floor).view_as(x)


def normalise_by_first(x, floor, cuts=()):
    """By the median and deviation of the first frame: what a stream can know. Its scale and shift then have to be remembered."""
    def by_first(segment):
        middle, spread = statistics(segment[:, :1], floor)
        return (segment - middle) / torch.maximum(spread, LEAST_SPREAD * statistics(segment, floor)[1])
    return by_segment(by_first, x, cuts)


def gradient_loss(residual):
    """Multi-scale gradient matching (Li and Snavely, MegaDepth, CVPR 2018): edges lie where the truth has them."""
    total = 0.0
    for scale in range(SCALES):
        r = residual[..., ::2 ** scale, ::2 ** scale]
        total = total + (r[..., 1:] - r[..., :-1]).abs().mean() + (r[..., 1:, :] - r[..., :-1, :]).abs().mean()
    return total / SCALES


def edge_loss(residual, truth, spread):
    """At full size, along the truth's edges alone: the step across them, and what lies within a pixel of them. Edges are few, and a
    mean over all pixels hardly sees them. spread: each frame's deviation, [...,1,1]."""
    def steps(x):
        return x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]

    errors, count, near = 0.0, 1.0, []
    nearer = (torch.maximum(truth[..., 1:], truth[..., :-1]), torch.maximum(truth[..., 1:, :], truth[..., :-1, :]))
    for error, step, front, pad in zip(steps(residual), steps(truth), nearer, ((0, 1, 0, 0), (0, 0, 0, 1))):
        edge = step.abs() > EDGE_STEP * torch.maximum(front, spread)
        errors, count = errors + (error.abs() * edge).sum(), count + edge.sum()
        near.append(F.pad(edge, pad))
    band = F.max_pool2d((near[0] | near[1]).flatten(0, 1)[:, None].to(residual.dtype), 3, 1, 1).view_as(residual)
    return errors / count + (residual.abs() * band).sum() / (band.sum() + 1)


def temporal_gradient_loss(prediction, truth, cuts=()):
    """Temporal gradient matching (Video Depth Anything, Chen et al., CVPR 2025): disparity changes over time as the truth
    does, judged only where the truth changes little, since elsewhere a pixel sees another surface. Unlike theirs, changes keep
    their sign, what is little is a share of the clip's mean absolute deviation, and the prediction is not aligned first."""
    change = truth[:, 1:] - truth[:, :-1]
    stable = change.abs() < STABLE_CHANGE
    for clip, cut in enumerate(cuts):
        if cut:
            stable[clip, cut - 1] = False
    error = (prediction[:, 1:] - prediction[:, :-1] - change).abs() * stable
    return error.sum() / (stable.sum() + 1)


def total_loss(prediction, truth, cuts, weights):
    """-> (loss, dict of its parts). The `anchor` terms hold the raw output to the truth as the first frame's median and deviation
    normalise it; `ssi` and `gradient` judge it after one alignment a clip, `frame` and `edge` after one a frame; `temporal` only
    counts for clips."""
    truth = truth.clamp(max=20)
    anchored = prediction - normalise_by_first(truth, 1e-6, cuts).clamp(-4, 8)
    residual = (normalise(prediction, 1e-3, cuts) - normalise(truth, 1e-6, cuts)).clamp(-CLAMP, CLAMP)
    own = (normalise_frames(prediction, 1e-3) - normalise_frames(truth, 1e-6)).clamp(-CLAMP, CLAMP)
    spread = statistics(truth.flatten(0, 1)[:, None], 1e-6)[1].view(*truth.shape[:2], 1, 1)
    parts = {
        'anchor': anchored.abs().mean(),
        'ssi': residual.abs().mean(),
        'frame': own.abs().mean(),
        'gradient': gradient_loss(residual),
        'anchor_gradient': gradient_loss(anchored),
        'edge': edge_loss(own, truth, spread),
    }
    if truth.shape[1] > 1:
        parts['temporal'] = temporal_gradient_loss(prediction, normalise_by_first(truth, 1e-6, cuts), cuts)
    loss = sum(weights[name] * value for name, value in parts.items())
    return loss, {name: float(value.detach()) for name, value in parts.items()}
