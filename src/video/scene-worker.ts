import { parentPort, workerData } from 'node:worker_threads';
import { createScene } from '../scene/scene.ts';
import { y4mFrame } from '../scene/y4m.ts';

// Renders a synthetic scene off the main thread, one picture for each buffer that is sent in: the main thread
// decides the pace, and a picture that nobody wants is not rendered.

export interface SceneJob {
  frame: number;
  buffer: Uint8Array<ArrayBuffer>;
}

export interface SceneBoot {
  scene: string;
  width: number;
  height: number;
  fps: number;
}

const { scene: name, width, height, fps } = workerData as SceneBoot;
const scene = createScene(name, { width, height, fps });
const target = scene.renderFrame(0);

parentPort?.on('message', ({ frame, buffer }: SceneJob) => {
  scene.renderFrame(frame, target);
  y4mFrame(target.rgba, width, height, buffer);
  parentPort?.postMessage({ frame, buffer } satisfies SceneJob, [buffer.buffer]);
});
