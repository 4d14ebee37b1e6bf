import { describe, expect, it } from 'vitest';
import { findModel } from '../model/library.ts';
import { createScene } from '../scene/scene.ts';
import { CutDetector, signature } from './cuts.ts';
import { WorkerInferencer } from './inferencer.ts';

const [W, H] = [256, 192];

/** Planar RGB of a moment of a scene. */
function planes(rgba: Uint8ClampedArray, out: Float32Array): Float32Array {
  for (let i = 0; i < W * H; i++) for (let c = 0; c < 3; c++) out[c * W * H + i] = rgba[4 * i + c]! / 255;
  return out;
}

describe('scene cuts', () => {
  it('are found by the embedded model where scenes change, and nowhere else', async () => {
    const inferencer = await WorkerInferencer.create(findModel('depthcast-nano'), { threads: 1 });
    const stream = inferencer.open();
    const resets: string[] = [];
    let time = 0;
    for (const name of ['room', 'person', 'street', 'tabletop']) {
      const scene = createScene(name, { width: W, height: H });
      for (let f = 0; f < 25; f++, time += 1 / 15) {
        const image = stream.takeInput(W, H);
        planes(scene.render(f / 15).rgba, image.data);
        const { reset, release } = await stream.infer(image, time);
        if (reset) resets.push(`${name} ${f} ${reset}`);
        release();
      }
    }
    await inferencer.close();
    expect(resets).toEqual(['room 0 start', 'person 0 cut', 'street 0 cut', 'tabletop 0 cut']);
  }, 120_000);

  it('are found by the picture itself for a model without a summary', () => {
    const detector = new CutDetector(0.3);
    const data = new Float32Array(3 * W * H);
    const cuts: string[] = [];
    for (const name of ['room', 'tabletop']) {
      const scene = createScene(name, { width: W, height: H });
      for (let f = 0; f < 10; f++) {
        const feature = signature(
          { data: planes(scene.render(f / 15).rgba, data), width: W, height: H },
          new Float32Array(192),
        );
        if (detector.isCut(feature)) {
          cuts.push(`${name} ${f}`);
          detector.reset();
        }
        detector.add(feature);
      }
    }
    expect(cuts).toEqual(['tabletop 0']);
  });

  it('are not seen in fast but steady motion', () => {
    const detector = new CutDetector(0.05);
    const turning = (angle: number) => Float32Array.of(Math.cos(angle), Math.sin(angle), 0.2);
    for (let f = 0; f < 60; f++) {
      const feature = turning(f * 0.06);
      expect(detector.isCut(feature)).toBe(false);
      detector.add(feature);
    }
    expect(detector.isCut(turning(Math.PI + 60 * 0.06))).toBe(true);
  });
});
