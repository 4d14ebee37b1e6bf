"""Average the weights of checkpoints of one run.

Usage: python3 -m depthtrain.average OUT.pt CHECKPOINT.pt...

Snapshots along a run lie in one basin, and their mean generalises better than the last of them (Izmailov et al., Averaging
Weights Leads to Wider Optima, UAI 2018). The statistics of batch norms are averaged too: taken anew on training images they did
worse on unseen scenes.
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
    options = parser.parse_args()
    torch.save({'ema': mean([load(path).state_dict() for path in options.checkpoints])}, options.out)


if __name__ == '__main__':
    main()
