import { createScene, createTarget } from '../scene/scene.ts';
import { rgbaPicture } from '../video/index.ts';
import type { Sequence, SequenceSelection, TrueFrame } from './types.ts';

/** Frames of a scene when nothing is said: five seconds, one cut among them in the scene that has cuts. */
export const SCENE_FRAMES = 150;
const FPS = 30;
const WIDTH = 320;
const HEIGHT = 240;
/** Scenes that reach further than a room, and how far they count: as KITTI in the benchmark. */
const OUTDOORS = new Set(['street', 'hall', 'cuts']);
const [INDOOR_DEPTH, OUTDOOR_DEPTH] = [10, 80];

/**
 * A synthetic scene as a sequence: exact depth, poses and intrinsics, rendered when they are asked for.
 * @throws DepthcastError UNKNOWN_SCENE
 */
export function openScene(name: string, { maxFrames = SCENE_FRAMES, stride = 1 }: SequenceSelection = {}): Sequence {
  const fps = FPS / stride;
  const scene = createScene(name, { width: WIDTH, height: HEIGHT, fps });
  const target = createTarget(WIDTH, HEIGHT);
  const render = (index: number) => {
    const { depth, pose, intrinsics } = scene.renderFrame(index, target);
    return { depth: depth.slice(), pose: Float64Array.from(pose), intrinsics: { ...intrinsics } };
  };
  const seconds = maxFrames / fps;
  return {
    name: `scene:${name}`,
    frames: maxFrames,
    width: WIDTH,
    height: HEIGHT,
    fps,
    maxDepth: OUTDOORS.has(name) ? OUTDOOR_DEPTH : INDOOR_DEPTH,
    posed: true,
    tripod: scene.tripod,
    separate: false,
    dense: true,
    takes: [0, ...scene.cutTimes(seconds).map((cut) => Math.ceil(cut * fps - 1e-6))].filter((at) => at < maxFrames),
    truth: async (index) => render(index),
    async frame(index): Promise<TrueFrame> {
      const truth = render(index);
      return { ...truth, picture: rgbaPicture(target.rgba, WIDTH, HEIGHT) };
    },
  };
}
