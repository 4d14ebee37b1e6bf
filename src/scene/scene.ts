import { DepthcastError } from '../errors.ts';
import type { Intrinsics } from './camera.ts';
import { CATALOGUE, type SceneInfo } from './catalogue.ts';
import { createTarget, Renderer, type RenderTarget } from './renderer.ts';

export interface SceneOptions {
  /** Pixels, 16 to 4096. */
  width: number;
  height: number;
  /** Changes colours and furnishing; 1 when not given. */
  seed?: number;
  /** Frames per second that `renderFrame` assumes; 30 when not given. */
  fps?: number;
}

/** A synthetic moving scene: the same (name, size, seed, time) always gives the same bytes. */
export interface Scene extends SceneInfo {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly intrinsics: Intrinsics;
  /** The camera never moves. */
  readonly tripod: boolean;
  /** Nothing but the camera moves. */
  readonly still: boolean;
  /** Renders the moment `seconds` into `target`, or into fresh buffers. */
  render(seconds: number, target?: RenderTarget): RenderTarget;
  renderFrame(index: number, target?: RenderTarget): RenderTarget;
}

export function listScenes(): SceneInfo[] {
  return CATALOGUE.map(({ name, title, description }) => ({ name, title, description }));
}

/** Throws UNKNOWN_SCENE for a name that is not listed, BAD_OPTION for a size or rate out of range. */
export function createScene(name: string, options: SceneOptions): Scene {
  const entry = CATALOGUE.find((s) => s.name === name);
  if (!entry)
    throw new DepthcastError('UNKNOWN_SCENE', {
      detail: `"${name}"; there are ${CATALOGUE.map((s) => s.name).join(', ')}`,
    });
  const { width, height, seed = 1, fps = 30 } = options;
  const spare = createTarget(width, height);
  if (!(fps > 0 && fps <= 1000))
    throw new DepthcastError('BAD_OPTION', { detail: `fps is above 0 and at most 1000, not ${fps}` });
  if (!Number.isSafeInteger(seed))
    throw new DepthcastError('BAD_OPTION', { detail: `the seed is a whole number, not ${seed}` });
  const world = entry.build(seed);
  const renderer = new Renderer(world, width, height);
  let unused: RenderTarget | undefined = spare;
  const render = (seconds: number, target?: RenderTarget): RenderTarget => {
    if (!Number.isFinite(seconds))
      throw new DepthcastError('BAD_OPTION', { detail: `the time must be finite, not ${seconds}` });
    const into = target ?? unused ?? createTarget(width, height);
    unused = undefined;
    if (into.width !== width || into.height !== height)
      throw new DepthcastError('BAD_OPTION', {
        detail: `the target is ${into.width}x${into.height}, the scene ${width}x${height}`,
      });
    renderer.render(seconds, into);
    return into;
  };
  const { title, description } = entry;
  return {
    name,
    title,
    description,
    width,
    height,
    fps,
    intrinsics: renderer.intrinsics,
    tripod: world.tripod,
    still: world.still,
    render,
    renderFrame: (index, target) => render(index / fps, target),
  };
}
export type { Intrinsics } from './camera.ts';
export type { SceneInfo } from './catalogue.ts';
export { createTarget, type RenderTarget } from './renderer.ts';
