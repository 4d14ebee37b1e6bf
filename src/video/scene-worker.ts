import { workerData } from 'node:worker_threads';
import { createScene } from '../scene/scene.ts';
import { y4mFrame } from '../scene/y4m.ts';
import { answerRequests } from '../worker-answers.ts';
import type { SceneBoot, SceneCalls } from './scene-thread.ts';

const { scene: name, width, height, fps } = workerData as SceneBoot;
const scene = createScene(name, { width, height, fps });
const target = scene.renderFrame(0);

answerRequests<SceneCalls, void>(
  {
    render: ({ frame, buffer }, transfer) => {
      scene.renderFrame(frame, target);
      y4mFrame(target.rgba, width, height, buffer);
      transfer.push(buffer.buffer);
      return { frame, buffer };
    },
  },
  () => {},
);
