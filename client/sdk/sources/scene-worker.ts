import { createScene, type Scene } from '../../../src/scene/scene.ts';
import type { FromSceneWorker, ToSceneWorker } from './scene-messages.ts';

/** Part of a frame's time that rendering may take; the rest of the core is left to the page and the encoder. */
const SHARE = 0.6;
/** Sides relative to what was asked for, largest first. */
const SCALES = [1, 0.75, 0.5];
/** Pictures that exist at once. When the page holds all of them, the next moment is skipped. */
const PICTURES = 3;

const post = (message: FromSceneWorker, transfer: Transferable[] = []) => self.postMessage(message, { transfer });
const free: ArrayBuffer[] = [];

self.onmessage = ({ data }: MessageEvent<ToSceneWorker>) => {
  if (data.type === 'recycle') {
    free.push(data.pixels);
    return;
  }
  try {
    start(data);
  } catch (thrown) {
    post({ type: 'failed', message: thrown instanceof Error ? thrown.message : String(thrown) });
  }
};

function start({ name, width, height, frameRate }: Extract<ToSceneWorker, { type: 'start' }>): void {
  const scene = fittingScene(name, width, height, frameRate);
  for (let i = 0; i < PICTURES; i++) free.push(new ArrayBuffer(scene.width * scene.height * 4));
  post({ type: 'started', width: scene.width, height: scene.height });
  play(scene, 1000 / frameRate);
}

/** The scene in the largest size that this machine renders in time. */
function fittingScene(name: string, width: number, height: number, frameRate: number): Scene {
  let scene: Scene | undefined;
  for (const scale of SCALES) {
    // Video codecs want even sides.
    const even = (side: number) => Math.max(16, Math.round((side * scale) / 2) * 2);
    scene = createScene(name, { width: even(width), height: even(height), fps: frameRate });
    if (renderTime(scene) < (SHARE * 1000) / frameRate) break;
  }
  return scene as Scene;
}

/** Milliseconds for one picture, once the code is warm. */
function renderTime(scene: Scene): number {
  let least = Number.POSITIVE_INFINITY;
  const target = scene.render(0);
  for (let i = 0; i < 6; i++) {
    const began = performance.now();
    scene.render(i / scene.fps, target);
    least = Math.min(least, performance.now() - began);
  }
  return least;
}

/** Renders what the clock says, one picture an interval; late pictures are skipped, not caught up. */
function play(scene: Scene, interval: number): void {
  const began = performance.now();
  const target = scene.render(0);
  let next = began;
  const tick = () => {
    const now = performance.now();
    const pixels = free.pop();
    if (pixels) {
      scene.render((now - began) / 1000, target);
      new Uint8ClampedArray(pixels).set(target.rgba);
      post({ type: 'picture', pixels }, [pixels]);
    }
    next = Math.max(next + interval, performance.now());
    setTimeout(tick, Math.max(0, next - performance.now()));
  };
  tick();
}
