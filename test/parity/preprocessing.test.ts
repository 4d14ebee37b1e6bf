import { expect, test } from 'vitest';
import { encodeModel } from '../../src/model/graph/onnx.ts';
import { anchoredRule, buildStreamGraph, NORMALISE } from '../../src/model/graph/video-depth-anything.ts';
import { parityError } from '../../src/model/precision.ts';
import { createScene } from '../../src/scene/scene.ts';
import { InputScaler } from '../../src/video/index.ts';
import { pictureOf } from '../pictures.ts';
import { formulaWeights, networkInput, TINY, TINY_CONFIG } from '../support/formula.ts';
import { StreamRunner } from '../support/stream.ts';

// The official code brings RGB to the network's size by OpenCV's cubic resize: a = -0.75, and no wider kernel when it
// shrinks, so that fine texture aliases. Here swscale does it from the decoder's YUV in one pass: a = -0.6, the kernel
// widened by the ratio. The reference input is that of the golden vectors (networkInput), which the network turns into the
// official depth within 1e-4. What the difference does to the depth of a real scene is asserted, not wished away.

const SIZE = { width: 112, height: 84 };

/** A rendered picture's green channel as luma, so that colour subsampling plays no part. */
function greyScene(width: number, height: number) {
  const { rgba } = createScene('room', { width, height }).render(1.3);
  const luma = Uint8Array.from({ length: width * height }, (_, i) => 16 + Math.round((219 * rgba[4 * i + 1]!) / 255));
  const grey = Uint8Array.from({ length: 3 * width * height }, (_, i) =>
    Math.round((255 * (luma[Math.floor(i / 3)]! - 16)) / 219),
  );
  return { luma, grey };
}

test.each([
  // Source, and the bounds: mean difference of the inputs in units of 0..1, and of the depth in units of its spread.
  [128, 96, 0.006, 0.07],
  [640, 480, 0.025, 0.3],
])(
  'from %ix%i, swscale and OpenCV cubic differ by little, and so does the depth',
  async (width, height, input, depth) => {
    const { luma, grey } = greyScene(width, height);
    const scaler = new InputScaler();
    const picture = pictureOf({ width, height, at: (x, y) => [luma[y * width + x]!, 128, 128] });
    const ours = new Float32Array(3 * SIZE.width * SIZE.height);
    await scaler.scaleInto(picture, ours, SIZE.width, SIZE.height);
    picture.close();
    scaler.close();
    const plain = networkInput(grey, { width, height }, SIZE, { mean: [0, 0, 0], std: [1, 1, 1] });
    const mean = ours.reduce((sum, value, i) => sum + Math.abs(value - plain[i]!), 0) / ours.length;
    const { mean: m, std } = NORMALISE;
    const normal = (values: Float32Array) =>
      values.map((value, i) => {
        const c = Math.floor(i / (SIZE.width * SIZE.height));
        return (value - m[c]!) / std[c]!;
      });
    const graph = buildStreamGraph(formulaWeights(TINY), { ...SIZE, config: TINY_CONFIG });
    const runner = await StreamRunner.open(encodeModel(graph), anchoredRule(32));
    const reference = (await runner.run(normal(plain), [1, 3, SIZE.height, SIZE.width])).depth.slice();
    runner.reset();
    const error = parityError((await runner.run(normal(ours), [1, 3, SIZE.height, SIZE.width])).depth, reference);
    await runner.close();
    expect(mean).toBeGreaterThan(1e-4);
    expect(mean).toBeLessThan(input);
    expect(error).toBeGreaterThan(1e-4);
    expect(error).toBeLessThan(depth);
  },
);
