import { createScene, type Scene } from '../../../src/scene/scene.ts';
import type { FromSceneWorker, ToSceneWorker } from './scene-messages.ts';

/** Part of the time that rendering may take; the rest of the core is left to the page and the encoder. */
const SHARE = 0.6;
/** A machine that needs more than this many intervals for one picture renders half the size. */
const TOO_SLOW = 1.5;
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
  let interval = 1000 / frameRate;
  let scene = createScene(name, { width: even(width), height: even(height), fps: frameRate });
  let cost = renderTime(scene);
  if (cost > TOO_SLOW * interval) {
    scene = createScene(name, { width: even(width / 2), height: even(height / 2), fps: frameRate });
    cost = renderTime(scene);
  }
  interval = Math.max(interval, cost / SHARE);
  for (let i = 0; i < PICTURES; i++) free.push(new ArrayBuffer(scene.width * scene.height * 4));
  const { width: w, height: h, intrinsics } = scene;
  post({ type: 'started', width: w, height: h, camera: intrinsics && { ...intrinsics, width: w, height: h } });
  play(scene, interval);
}

/** Video codecs want even sides. */
const even = (side: number): number => Math.max(16, Math.round(side / 2) * 2);

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
