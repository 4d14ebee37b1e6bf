import type { Worker } from 'node:worker_threads';
import { startThread } from '../threads.ts';
import type { SceneBoot } from './scene-worker.ts';

export type { SceneBoot, SceneJob } from './scene-worker.ts';

/** A thread that renders a synthetic scene: one y4m frame for each SceneJob that is posted to it, in its buffer. */
export function startSceneThread({ scene, width, height, fps }: SceneBoot): Worker {
  const workerData: SceneBoot = { scene, width, height, fps };
  return startThread(import.meta.url, './scene-worker', { name: `scene ${scene}`, workerData });
}
