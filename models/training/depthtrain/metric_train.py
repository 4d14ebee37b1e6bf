"""Fit a metric head to a frozen relative network: minutes of one core for the views, seconds for the head.

Usage: python3 -m depthtrain.metric_train CHECKPOINT.pt --data DIR --build DIR --views DIR --out HEAD.pt [--shards N]

--views: what the network makes of the frames; of another network, take another folder. The same command goes on where it stopped.

The numbers that suit each view best are found first; ridge regression then predicts them. What is shrunk hard carries over to real
pictures, which lie elsewhere among the features than rendered ones: less shrinkage, or a network with hidden layers, is better on
held-back rendered views and worse on real ones.
"""
import argparse
from pathlib import Path

import torch

from .export import load
from .metric import FARTHEST, LARGEST_RATIO, LEAST_RATIO, MetricHead, alignment
from .metric_views import make, read
from .pool import load_library

RIDGE = 3.0  # of all views' weights
FOCAL_FEATURES = 2  # the last, which are not shrunk
LEAST_DEVIATION = 1e-3
OUTDOORS = 0.3  # what a view counts for whose median is beyond INDOORS
INDOORS = 8.0  # metres
LEAST_KNOWN = 0.1  # of the pixels within FARTHEST
NEAR_LIMIT = 4.0  # of the log canonical disparity
RATES = ((40, 0.2), (20, 0.05))  # rounds of descent, and how far each goes


def log_error(output, truth, scale, shift):
    """|log error| of disparity [B,n], and where it is known. Where scale * output + shift falls below what FARTHEST allows, it
    goes on to fall towards zero, so that gradients do too."""
    d, floor = scale[:, None] * output + shift[:, None], 1 / FARTHEST
    d = torch.where(d > floor, d, floor * torch.exp(d.clamp(max=floor) / floor - 1)).clamp(min=1e-4)
    return (torch.log(d) - torch.log(truth.clamp(min=floor))).abs(), truth > floor


def errors(numbers, views):
    """Mean |log error| of each view."""
    error, known = log_error(views.output, views.truth, *alignment(numbers, *views.moments.unbind(1), views.focal))
    return (error * known).sum(1) / known.sum(1).clamp(min=1)


def best_numbers(views):
    """What the head should say of each view: least mean |log error|."""
    numbers = torch.tensor([[0.0, 1.0]]).repeat(len(views.focal), 1).requires_grad_(True)
    optimizer = torch.optim.Adam([numbers])
    for rounds, rate in RATES:
        optimizer.param_groups[0]['lr'] = rate
        for _ in range(rounds):
            loss = errors(torch.stack([numbers[:, 0], numbers[:, 1].clamp(LEAST_RATIO, LARGEST_RATIO)], 1), views).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    near, ratio = numbers.detach().unbind(1)
    return torch.stack([near.clamp(-NEAR_LIMIT, NEAR_LIMIT), ratio.clamp(LEAST_RATIO, LARGEST_RATIO)], 1)


def weights(views):
    known = views.truth > 1 / FARTHEST
    middle = torch.where(known, views.truth, torch.nan).nanmedian(1)[0]
    return torch.where(middle > 1 / INDOORS, 1.0, OUTDOORS) * (known.float().mean(1) > LEAST_KNOWN)


def fit(views, ridge=RIDGE):
    """-> MetricHead"""
    head = MetricHead(views.described.shape[1])
    head.centre.copy_(views.described.mean(0))
    head.deviation.copy_(views.described.std(0) + LEAST_DEVIATION)
    x = torch.cat([head.standardised(views.described), torch.ones(len(views.focal), 1)], 1).double()
    weight, wanted = weights(views).double()[:, None], best_numbers(views).double()
    shrinkage = torch.full((x.shape[1],), ridge * float(weight.sum()), dtype=torch.float64)
    shrinkage[-1 - FOCAL_FEATURES:] = 0
    solution = torch.linalg.solve(x.T @ (x * weight) + torch.diag(shrinkage), x.T @ (wanted * weight)).T.float()
    head.linear.weight.data, head.linear.bias.data = solution[:, :-1].contiguous(), solution[:, -1].contiguous()
    return head.eval()


def judge(head, views):
    """-> mean |log error| indoors: the head's, of the same numbers for every view, and of each view's best."""
    near = weights(views) == 1
    best = best_numbers(views)
    return tuple(float(errors(n.detach(), views)[near].mean()) for n in (head(views.described), best.median(0)[0].expand_as(best), best))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('checkpoint')
    parser.add_argument('--data', required=True)
    parser.add_argument('--build', required=True)
    parser.add_argument('--views', required=True)
    parser.add_argument('--out', required=True)
    parser.add_argument('--shards', type=int)
    options = parser.parse_args()
    torch.set_num_threads(1)
    make(load(options.checkpoint), load_library(options.build), Path(options.data) / 'frames', options.views, options.shards)
    views, held_back = read(options.views)
    head = fit(views)
    print(f'{len(views.focal)} views; of {len(held_back.focal)} held back, indoors, '
          'mean |log error| {:.3f}, of constant numbers {:.3f}, of the best {:.3f}'.format(*judge(head, held_back)))
    torch.save(head.state_dict(), options.out)


if __name__ == '__main__':
    main()
