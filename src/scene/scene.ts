import { DepthcastError } from '../errors.ts';
import type { Intrinsics } from './camera.ts';
import { CATALOGUE, CUT_EVERY, type Entry, type SceneInfo } from './catalogue.ts';
import { createTarget, Renderer, type RenderTarget } from './renderer.ts';

export type { SceneInfo } from './catalogue.ts';
export { createTarget, type RenderTarget } from './renderer.ts';

export interface SceneOptions {
  /** Pixels, 16 to 4096. */
  width: number;
  height: number;
  /** A whole number: changes colours and furnishing; 1 when not given. */
  seed?: number;
  /** Frames per second that `renderFrame` assumes, above 0 and at most 1000; 30 when not given. */
  fps?: number;
}

/** A synthetic moving scene: the same (name, size, seed, time) always gives the same bytes. */
export interface Scene extends SceneInfo {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  /** The camera of every picture; undefined where the scene cuts between cameras. */
  readonly intrinsics: Intrinsics | undefined;
  /** The camera never moves. */
  readonly tripod: boolean;
  /** Nothing but the camera moves. */
  readonly still: boolean;
  /**
   * Renders the moment `seconds` into `target`, or into fresh buffers. Takes milliseconds: not for a thread that must not
   * block. Throws BAD_OPTION for a time that is not finite or a target of another size.
   */
  render(seconds: number, target?: RenderTarget): RenderTarget;
  /** Renders the moment index / fps. */
  renderFrame(index: number, target?: RenderTarget): RenderTarget;
  /** The moments of hard cuts, in seconds, from 0 (exclusive) to `until`. */
  cutTimes(until: number): number[];
}

export function listScenes(): SceneInfo[] {
  return CATALOGUE.map(({ name, title, description }) => ({ name, title, description }));
}

/**
 * Builds a scene; takes about a second of processor time (textures and baked light).
 * Throws UNKNOWN_SCENE for a name that is not listed, BAD_OPTION for options out of range.
 */
export function createScene(name: string, { width, height, seed = 1, fps = 30 }: SceneOptions): Scene {
  const found = CATALOGUE.find((s) => s.name === name);
  if (!found) {
    const names = CATALOGUE.map((s) => s.name).join(', ');
    throw new DepthcastError('UNKNOWN_SCENE', { detail: `"${name}"; there are ${names}` });
  }
  let spare: RenderTarget | undefined = createTarget(width, height);
  if (!(fps > 0 && fps <= 1000)) throw badOption(`fps is above 0 and at most 1000, not ${fps}`);
  if (!Number.isSafeInteger(seed)) throw badOption(`the seed is a whole number, not ${seed}`);
  const { shots, every, ...facts } = film(found, seed, width, height);

  const render = (seconds: number, target?: RenderTarget): RenderTarget => {
    if (!Number.isFinite(seconds)) throw badOption(`the time must be finite, not ${seconds}`);
    const into = target ?? spare ?? createTarget(width, height);
    spare = undefined;
    if (into.width !== width || into.height !== height)
      throw badOption(`the target is ${into.width}x${into.height}, the scene ${width}x${height}`);
    const shot = Math.floor(seconds / every) % shots.length;
    shots.at(shot)!.render(seconds, into);
    return into;
  };
  const cutTimes = (until: number): number[] =>
    shots.length === 1 ? [] : Array.from({ length: Math.max(0, Math.floor(until / every)) }, (_, i) => (i + 1) * every);
  const { title, description } = found;
  const renderFrame = (index: number, target?: RenderTarget) => render(index / fps, target);
  return { name, title, description, width, height, fps, ...facts, render, renderFrame, cutTimes };
}

function film(entry: Entry, seed: number, width: number, height: number) {
  const worlds = entry.build(seed);
  const shots = worlds.map((world) => new Renderer(world, width, height));
  const { intrinsics } = shots[0]!;
  return {
    shots,
    intrinsics: shots.every((shot) => shot.intrinsics.fx === intrinsics.fx) ? intrinsics : undefined,
    every: worlds.length > 1 ? CUT_EVERY : Number.POSITIVE_INFINITY,
    tripod: worlds.length === 1 && worlds.every((w) => w.tripod),
    still: worlds.length === 1 && worlds.every((w) => w.still),
  };
}

function badOption(detail: string): DepthcastError {
  return new DepthcastError('BAD_OPTION', { detail });
}
