"""Average the weights of checkpoints of one run.

Usage: python3 -m depthtrain.average OUT.pt CHECKPOINT.pt... [--half]

Snapshots along a run lie in one basin, and their mean generalises better than the last of them (Izmailov et al., Averaging
Weights Leads to Wider Optima, UAI 2018). The statistics of batch norms are averaged too: taken anew on training images they did
worse on unseen scenes. --half stores 16 bits a value: to keep a snapshot, from which training can go on, in few bytes.
"""
import argparse

import torch

from .export import load


def mean(states):
    return {name: torch.stack([s[name] for s in states]).mean(0) if first.dtype.is_floating_point else first
            for name, first in states[0].items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out')
    parser.add_argument('checkpoints', nargs='+')
    parser.add_argument('--half', action='store_true')
    options = parser.parse_args()
    nets = [load(path) for path in options.checkpoints]
    weights = mean([net.state_dict() for net in nets])
    if options.half:
        weights = {name: value.half() if value.dtype.is_floating_point else value for name, value in weights.items()}
    images = max(torch.load(path, map_location='cpu').get('images', 0) for path in options.checkpoints)
    torch.save({'encoder': nets[0].encoder_name, 'ema': weights, 'images': images}, options.out)


if __name__ == '__main__':
    main()
