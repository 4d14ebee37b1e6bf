import { createScene } from '../../../src/scene/scene.ts';
import { y4mFrame, y4mFrameSize } from '../../../src/scene/y4m.ts';

export interface MovingPictures {
  scene: string;
  width: number;
  height: number;
  fps: number;
  seed?: number;
}

/**
 * The first pictures of a scene as I420, rendered beforehand so that the renderer takes no time from what is measured.
 * @returns each picture, in memory of its own, and its exact depth in metres, which is valid until the next one
 */
export function* renderPictures(
  { scene, width, height, fps, seed }: MovingPictures,
  count: number,
): Generator<{ i420: Uint8Array; depth: Float32Array }> {
  const source = createScene(scene, { width, height, fps, ...(seed === undefined ? {} : { seed }) });
  const target = source.renderFrame(0);
  const bytes = new Uint8Array(y4mFrameSize(width, height));
  for (let n = 0; n < count; n++) {
    source.renderFrame(n, target);
    y4mFrame(target.rgba, width, height, bytes);
    yield { i420: bytes.slice('FRAME\n'.length), depth: target.depth };
  }
}

/** Which of `count` pictures is the `step`-th of a film that plays them to and fro without end. */
export function toAndFro(step: number, count: number): number {
  const round = 2 * count - 2;
  const at = step % round;
  return at < count ? at : round - at;
}
