import type { OutputSettings } from 'depthcast-client';

/** Everything that the address of /ar carries. */
export interface ArSettings {
  facing: 'environment' | 'user';
  /** A synthetic scene in place of the camera. */
  scene: string | undefined;
  /** Of the planet: 0 (farthest) to 1. */
  nearness: number;
  /** Where it stands in the view, 0 to 1 from the upper left corner. */
  at: { x: number; y: number };
  output: Partial<OutputSettings>;
}

const DEFAULT = { nearness: 0.42, x: 0.5, y: 0.45 };

/**
 * Parameters, all optional: `camera` (environment, user), `source` (scene:NAME), `near` (0 to 100), `at` (X,Y in percent), `model`,
 * `size`. What is no such value falls back to the default.
 */
export function readSettings(search: string): ArSettings {
  const query = new URLSearchParams(search);
  const share = (text: string | undefined, fallback: number) => {
    const value = text === undefined || text === '' ? Number.NaN : Number(text) / 100;
    return value >= 0 && value <= 1 ? value : fallback;
  };
  const [x, y] = (query.get('at') ?? '').split(',');
  const [kind, scene] = (query.get('source') ?? '').split(':');
  const model = query.get('model');
  const size = Number(query.get('size'));
  return {
    facing: query.get('camera') === 'user' ? 'user' : 'environment',
    scene: kind === 'scene' && scene ? scene : undefined,
    nearness: share(query.get('near') ?? undefined, DEFAULT.nearness),
    at: { x: share(x, DEFAULT.x), y: share(y, DEFAULT.y) },
    output: { ...(model ? { model } : {}), ...(Number.isInteger(size) && size > 0 ? { size } : {}) },
  };
}

/** The query that gives these settings; what `search` has besides stays. */
export function searchOf({ facing, scene, nearness, at, output }: ArSettings, search: string): string {
  const query = new URLSearchParams(search);
  const percent = (part: number) => String(Math.round(100 * part));
  const set = (key: string, value: string | undefined) =>
    value === undefined ? query.delete(key) : query.set(key, value);
  set('camera', facing === 'user' ? facing : undefined);
  set('source', scene === undefined ? undefined : `scene:${scene}`);
  set('near', percent(nearness));
  set('at', `${percent(at.x)},${percent(at.y)}`);
  set('model', output.model);
  set('size', output.size?.toString());
  return `?${query.toString().replaceAll('%2C', ',').replaceAll('%3A', ':')}`;
}
