import * as z from 'zod/mini';
import { checkSize } from '../depth/network-size.ts';
import type { InferencerPool } from '../depth/pool.ts';
import { DepthcastError } from '../errors.ts';
import type { OutputSettings } from '../protocol/messages.ts';
import { outputSettings } from '../protocol/output.ts';
import type { Admission } from './admission.ts';
import type { SessionStream } from './session.ts';

export interface SettingsContext {
  pool: Pick<InferencerPool, 'models' | 'get' | 'sizeOf'>;
  admission: Pick<Admission, 'checkWorkers'>;
}

/** What of a live stream may be changed while it runs, whatever its source. */
export type StreamSettings = Pick<OutputSettings, 'model' | 'size' | 'range' | 'upsampling' | 'still'>;

/** A change of them, and of the layout that viewers see who ask for none. */
export const streamChange = z.partial(
  z.pick(outputSettings, { model: true, size: true, range: true, upsampling: true, still: true, layout: true }),
);
export type StreamChange = z.infer<typeof streamChange>;

export const settingsOf = ({
  model,
  size: { asked: size },
  range,
  upsampling,
  still,
}: SessionStream): StreamSettings => ({
  model,
  size,
  range,
  upsampling,
  still,
});

/**
 * What would be in force after a change, which is checked as a whole. Without a size, a new model begins at its own.
 * @throws DepthcastError MODEL_NOT_FOUND, BAD_SIZE
 */
export function settle(
  now: StreamSettings,
  change: StreamChange,
  { pool }: Pick<SettingsContext, 'pool'>,
): StreamSettings {
  const name = change.model ?? now.model;
  const models = pool.models.map(({ manifest }) => manifest);
  const manifest = models.find((model) => model.name === name);
  if (manifest === undefined) {
    const detail = `${name}; there is ${models.map((model) => model.name).join(', ')}`;
    throw new DepthcastError('MODEL_NOT_FOUND', { detail });
  }
  const size = change.size ?? (name === now.model ? now.size : pool.sizeOf(manifest));
  checkSize(manifest, size);
  return {
    model: name,
    size,
    range: change.range ?? now.range,
    upsampling: change.upsampling ?? now.upsampling,
    still: change.still ?? now.still,
  };
}

/**
 * Changes a stream from its next frame on; another model or size begins a new epoch.
 * @throws DepthcastError MODEL_NOT_FOUND, BAD_SIZE; BUSY or BAD_MODEL when the model cannot be loaded
 */
export async function changeStream(
  stream: SessionStream,
  change: StreamChange,
  context: SettingsContext,
): Promise<void> {
  const next = settle(settingsOf(stream), change, context);
  if (next.model !== stream.model) {
    context.admission.checkWorkers(next.model);
    const inferencer = await context.pool.get(next.model);
    if (stream.closed) return;
    stream.setInferencer(inferencer, next.size);
  } else if (next.size !== stream.size.asked) stream.setSize(next.size);
  if (change.range !== undefined) stream.setRange(next.range);
  stream.upsampling = next.upsampling;
  if (change.layout !== undefined) stream.layout = change.layout;
  if (next.still !== stream.still) stream.setStill(next.still === 'on');
}
