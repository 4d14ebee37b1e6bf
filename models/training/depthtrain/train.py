"""Train, or resume training.

Usage: python3 -m depthtrain.train --config config.toml --data DIR --run DIR --build DIR [--textures FILE] [--init FILE] [--settle IMAGES]

DIR/frames and DIR/clips of --data hold the generator's shards. --run receives last.pt (checkpoint, atomically replaced) and
log.jsonl (one JSON object a line: training and validation curves). The same command resumes.

The learning rate stays constant, so that a run can go on for as long as there is time. To harvest it, continue a copy of its
last.pt in another --run with --settle: the rate falls to zero over that many images, and the run ends.
"""
import argparse
import copy
import json
import math
import os
import signal
import time
from pathlib import Path

import numpy as np
import torch

from . import config as configuration
from .feeder import Feeder
from .losses import total_loss
from .network import DepthNet, load_weights
from .pool import Pool, load_library
from .summary import summarise
from .textures import unpack
from .validation import Validation

LOG_SECONDS = 30
EMA_EVERY = 2
SNAPSHOT_IMAGES = 25_000


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument('--config', required=True)
    parser.add_argument('--data', required=True)
    parser.add_argument('--run', required=True)
    parser.add_argument('--build', required=True)
    parser.add_argument('--textures', help='photographs as depthtrain.textures packs them, for stages with `overlay`')
    parser.add_argument('--init', help='weights to start from when there is no checkpoint yet')
    parser.add_argument('--consume', action='store_true', help='delete shards once they are in memory')
    parser.add_argument('--settle', type=int, default=0, help='let the rate fall to zero over this many images from the --init checkpoint, then stop')
    return parser.parse_args()


class Trainer:
    def __init__(self, args, config, device):
        self.args, self.config, self.device = args, config, device
        self.run = Path(args.run)
        self.run.mkdir(parents=True, exist_ok=True)
        self.net = DepthNet(config.encoder).to(self.device, memory_format=torch.channels_last)
        self.net.encoder.freeze(config.frozen_stages)
        self.images = self.steps = 0
        checkpoint = self.run / 'last.pt'
        start = checkpoint if checkpoint.exists() else args.init
        state = torch.load(start, map_location=self.device) if start else None
        if state:
            load_weights(self.net, state.get('net', state['ema']))
        self.ema = copy.deepcopy(self.net)
        self.ema.eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(self.parameter_groups(), lr=1e-3, betas=(0.9, 0.98), foreach=True)
        if state and 'optimizer' in state:
            self.ema.load_state_dict(state['ema'])
            self.optimizer.load_state_dict(state['optimizer'])
            self.images, self.steps = state['images'], state['steps']
        self.settle_from = None
        if args.settle:
            self.settle_from = state['settle_from'] if start == checkpoint and 'settle_from' in state else self.images
        self.started_at_step = self.steps
        self.stopping = False

    def parameter_groups(self):
        """Encoder, temporal attentions and the rest learn at their own rates; only matrices of the rest decay."""
        groups = {}
        for name, parameter in self.net.named_parameters():
            if not parameter.requires_grad:
                continue
            part = 'encoder' if name.startswith('encoder') else 'memory' if name.startswith('temporal') else 'rest'
            decay = part != 'encoder' and parameter.ndim > 1 and not name.endswith('age_bias')
            groups.setdefault((part, decay), []).append(parameter)
        return [{'params': group, 'part': part, 'weight_decay': self.config.weight_decay if decay else 0.0}
                for (part, decay), group in groups.items()]

    def stage(self):
        """The stage that the run has reached; None at its end. A run that settles goes on in the last stage."""
        if self.settle_from is not None and self.images >= self.settle_from + self.args.settle:
            return None
        end = 0
        for stage in self.config.stages:
            end += stage.images
            if self.images < end:
                return stage
        return None if self.settle_from is None else self.config.stages[-1]

    def set_rates(self, stage):
        rate = stage.lr * min(1.0, (self.steps - self.started_at_step + 1) / self.config.warmup_steps)
        if self.settle_from is not None:
            rate *= max(0.0, 1 - (self.images - self.settle_from) / self.args.settle)
        factors = {'encoder': stage.encoder_lr, 'memory': stage.memory_lr, 'rest': 1.0}
        for group in self.optimizer.param_groups:
            group['lr'] = rate * factors[group['part']]
        return rate

    def textures(self):
        if self.args.textures:
            return unpack(self.args.textures)
        if any(stage.overlay for stage in self.config.stages):
            raise SystemExit('a stage has `overlay`: its photographs are missing (--textures FILE)')
        return None

    def summarise(self, clips):
        """Once, before the first clips: what is learned about likeness holds for this measure of it."""
        summarise(self.ema, clips.folder)
        self.net.load_state_dict({name: buffer for name, buffer in self.ema.named_buffers() if name.startswith('summary')}, strict=False)

    def step(self, batch, stage):
        image = batch.image.to(self.device, memory_format=torch.channels_last, non_blocking=True)
        truth = batch.truth.to(self.device, non_blocking=True)
        visible = None if batch.visible is None else batch.visible.to(self.device)
        # Batch statistics from single frames only: a clip's frames are too alike
        self.net.train(visible is None)
        # And the encoder learns from those: so alike, clips have little to teach it for half of a step's time
        self.net.encoder_still = visible is not None
        with torch.autocast(self.device, torch.bfloat16, enabled=self.config.bfloat16):
            prediction = self.net(image, visible)
        loss, parts = total_loss(prediction.float().view_as(truth), truth, batch.cuts, stage.weights)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = float(torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0))
        if math.isfinite(norm):
            self.optimizer.step()
        self.steps += 1
        self.images += len(image)
        if self.steps % EMA_EVERY == 0:
            self.average()
        kind = 'frame' if visible is None else 'clip'
        return {f'{kind}_{name}': value for name, value in {**parts, 'norm': norm}.items()}

    @torch.no_grad()
    def average(self):
        keep = min(self.config.ema, (1 + self.steps) / (10 + self.steps)) ** EMA_EVERY
        pairs = [(m, v) for m, v in zip(self.ema.state_dict().values(), self.net.state_dict().values()) if m.dtype.is_floating_point]
        means, values = [m for m, _ in pairs], [v for _, v in pairs]
        torch._foreach_mul_(means, keep)
        torch._foreach_add_(means, values, alpha=1 - keep)

    def save(self, name='last.pt', full=True):
        state = {'encoder': self.config.encoder, 'ema': self.ema.state_dict(), 'images': self.images, 'steps': self.steps}
        if full:
            state |= {'net': self.net.state_dict(), 'optimizer': self.optimizer.state_dict()}
        if self.settle_from is not None:
            state['settle_from'] = self.settle_from
        torch.save(state, self.run / (name + '.tmp'))
        os.replace(self.run / (name + '.tmp'), self.run / name)

    def log(self, **fields):
        line = json.dumps({'time': round(time.time()), 'images': self.images, 'steps': self.steps, **fields})
        print(line, flush=True)
        with open(self.run / 'log.jsonl', 'a') as file:
            file.write(line + '\n')

    def train(self):
        config, args = self.config, self.args
        library = load_library(args.build)
        frames, clips = (Pool(Path(args.data) / kind, size, args.consume)
                         for kind, size in (('frames', config.pool_frames), ('clips', config.pool_clips)))
        frames.poll()
        clips.poll()
        if frames.count == 0:
            raise SystemExit(f'no shards in {frames.folder}')
        validation = Validation(args.data, library, self.device)
        feeder = Feeder(library, frames, clips, config, [config.seed, self.images], self.textures())
        feeder.start(self.stage() or config.stages[-1])
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, 'stopping', True))
        last_log = last_save = time.time()
        last_validation = time.time()
        sums, seen, waited = {}, self.images, 0.0
        while not self.stopping:
            stage = self.stage()
            if stage is None:
                break
            feeder.stage = stage
            if stage.clips and clips.count and not self.net.summary_projection.any():
                self.summarise(clips)
            now = time.time()
            if now - last_validation > config.validate_seconds:
                self.log(kind='validation', **validation.run(self.ema))
                last_validation = time.time()
            if now - last_save > config.checkpoint_seconds:
                self.save()
                last_save = time.time()
            rate = self.set_rates(stage)
            before = time.time()
            batch = feeder.next()
            waited += time.time() - before
            snapshot = self.images // SNAPSHOT_IMAGES
            for name, value in self.step(batch, stage).items():
                sums.setdefault(name, []).append(value)
            if self.images // SNAPSHOT_IMAGES > snapshot:
                self.save(f'ema-{self.images // SNAPSHOT_IMAGES * SNAPSHOT_IMAGES}.pt', full=False)
            if time.time() - last_log > LOG_SECONDS:
                elapsed = time.time() - last_log
                self.log(kind='train', stage=stage.name, lr=round(rate, 7), per_second=round((self.images - seen) / elapsed, 1),
                         waited=round(waited / elapsed, 2), pool=[frames.count, clips.count],
                         **{name: round(float(np.mean(values)), 4) for name, values in sorted(sums.items())})
                sums, seen, waited, last_log = {}, self.images, 0.0, time.time()
        self.save()
        self.log(kind='validation', **validation.run(self.ema))


def main():
    args = arguments()
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    config = configuration.load(args.config, device)
    torch.manual_seed(config.seed)
    torch.set_num_threads(config.threads)
    Trainer(args, config, device).train()


if __name__ == '__main__':
    main()
