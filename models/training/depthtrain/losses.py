"""Losses on disparity, [clips, frames, H, W]. Single frames are clips of one."""
import torch

SCALES = 4
CLAMP = 6.0
STABLE_CHANGE = 0.08


def normalise(x, floor, cuts=()):
    """Subtract the median and divide by the mean absolute deviation over a whole clip: the scale-and-shift-invariant form
    of Ranftl et al. (MiDaS, TPAMI 2022, eq. 5-7), one alignment a clip so that a flickering scale is not forgiven. A clip
    that changes scene at frame cuts[i] > 0 is two clips here."""
    flat = x[..., ::2, ::2].flatten(1)
    middle = flat.median(1, keepdim=True)[0]
    spread = (flat - middle).abs().mean(1, keepdim=True) + floor
    whole = (x - middle[:, :, None, None]) / spread[:, :, None, None]
    if not any(cuts):
        return whole
    return torch.stack([torch.cat([normalise(clip[None, :cut], floor)[0], normalise(clip[None, cut:], floor)[0]]) if cut else aligned
                        for clip, aligned, cut in zip(x, whole, cuts)])


def gradient_loss(residual):
    """Multi-scale gradient matching (Li and Snavely, MegaDepth, CVPR 2018): edges lie where the truth has them."""
    total = 0.0
    for scale in range(SCALES):
        r = residual[..., ::2 ** scale, ::2 ** scale]
        total = total + (r[..., 1:] - r[..., :-1]).abs().mean() + (r[..., 1:, :] - r[..., :-1, :]).abs().mean()
    return total / SCALES


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
    """-> (loss, dict of its parts). The `anchor` term holds the raw output to the normalised truth: one scale for a
    whole clip, a frame's own for single frames; the `ssi` and `gradient` terms judge it after alignment; `temporal` only counts for clips."""
    target = normalise(truth.clamp(max=20), 1e-6, cuts)
    aligned = normalise(prediction, 1e-3, cuts)
    residual = (aligned - target).clamp(-CLAMP, CLAMP)
    anchored = prediction - target.clamp(-4, 8)
    parts = {
        'anchor': anchored.abs().mean(),
        'ssi': residual.abs().mean(),
        'gradient': gradient_loss(residual),
        'anchor_gradient': gradient_loss(anchored),
    }
    if truth.shape[1] > 1:
        parts['temporal'] = temporal_gradient_loss(prediction, target, cuts)
    loss = sum(weights[name] * value for name, value in parts.items())
    return loss, {name: float(value.detach()) for name, value in parts.items()}
