"""Put the memory of one network onto the encoder and decoder of another, and fit the summaries anew.

Usage: python3 -m depthtrain.combine OUT.pt FRAMES.pt MEMORY.pt --clips DIR

FRAMES: a checkpoint that learned single frames; MEMORY: one from the same start whose temporal attentions learned alone. --clips:
shards of clips, of which the first is not read. With one checkpoint for both, only the summaries change.
"""
import argparse

import torch

from .export import load
from .summary import summarise


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out')
    parser.add_argument('frames')
    parser.add_argument('memory')
    parser.add_argument('--clips', required=True)
    options = parser.parse_args()
    net, memory = load(options.frames), load(options.memory)
    if net.encoder_name != memory.encoder_name:
        raise SystemExit(f'{options.frames} has the encoder {net.encoder_name}, {options.memory} {memory.encoder_name}')
    net.load_state_dict({name: value for name, value in memory.state_dict().items() if name.startswith('temporal')}, strict=False)
    summarise(net, options.clips)
    images = torch.load(options.frames, map_location='cpu').get('images', 0)
    torch.save({'encoder': net.encoder_name, 'ema': net.state_dict(), 'images': images}, options.out)


if __name__ == '__main__':
    main()
