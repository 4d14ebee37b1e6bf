import * as av from 'node-av';
import { createScene, createTarget } from '../scene/scene.ts';
import { Picture } from '../video/index.ts';
import { check } from '../video/native.ts';
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

/** @param rgba [height*width*4], copied */
export function rgbaPicture(rgba: Uint8ClampedArray, width: number, height: number): Picture {
  const frame = new av.Frame();
  frame.alloc();
  frame.width = width;
  frame.height = height;
  frame.format = av.AV_PIX_FMT_RGBA;
  frame.colorSpace = av.AVCOL_SPC_RGB;
  frame.colorRange = av.AVCOL_RANGE_JPEG;
  check(frame.getBuffer(), `a ${width}x${height} picture`);
  const plane = frame.data![0]!;
  const stride = frame.linesize[0]!;
  for (let y = 0; y < height; y++) plane.set(rgba.subarray(y * width * 4, (y + 1) * width * 4), y * stride);
  return new Picture(frame, { rtpTimestamp: 0 });
}
