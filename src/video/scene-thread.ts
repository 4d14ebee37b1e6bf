import { startThread } from '../threads.ts';
import { WorkerChannel } from '../worker-channel.ts';

export interface SceneBoot {
  scene: string;
  width: number;
  height: number;
  fps: number;
}

interface SceneJob {
  frame: number;
  buffer: Uint8Array<ArrayBuffer>;
}

export type SceneCalls = {
  /** Writes a y4m frame into the buffer, which moves to and fro. */
  render(job: SceneJob): SceneJob;
};

/** A thread that renders a synthetic scene, one picture for each request: a picture that nobody wants is not rendered. */
export function startSceneThread({ scene, width, height, fps }: SceneBoot): WorkerChannel<SceneCalls> {
  const workerData: SceneBoot = { scene, width, height, fps };
  const thread = startThread(import.meta.url, './scene-worker', { name: `scene ${scene}`, workerData });
  return new WorkerChannel<SceneCalls>(thread, 'INTERNAL');
}
