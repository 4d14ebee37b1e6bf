import { answerRequests } from '../worker-answers.ts';
import { GuidedUpsampler } from './guided-upsampler.ts';
import { type EnlargeAnswer, type EnlargeRequest, partsOf, type UpsamplingCalls } from './upsampling-protocol.ts';

// Milliseconds of computing a frame: kept off the thread that sends and receives packets.

/** Pairs of sizes whose memory is kept, the last used last. */
const KEPT = 6;
const kept = new Map<string, GuidedUpsampler>();

answerRequests<UpsamplingCalls, void>({ enlarge }, () => {});

function enlarge(request: EnlargeRequest, transfer: ArrayBuffer[]): EnlargeAnswer {
  const { quality, meaning, range, memory } = request;
  const upsampler = upsamplerOf(request);
  const { luma, cb, cr, sent } = partsOf(request);
  upsampler.map.set(new Float32Array(memory, 0, luma / 4));
  const [y, u, v] = upsampler.guide;
  y.set(new Uint8Array(memory, luma, cb - luma));
  u.set(new Uint8Array(memory, cb, cr - cb));
  v.set(new Uint8Array(memory, cr, sent - cr));
  if (range && quality !== 'off') new Uint8Array(memory, luma, cb - luma).set(upsampler.luma(quality, meaning, range));
  else {
    const values = upsampler.values(quality, meaning);
    new Float32Array(memory, 0, values.length).set(values);
  }
  transfer.push(memory);
  return { memory };
}

function upsamplerOf({ from, to }: EnlargeRequest): GuidedUpsampler {
  const key = `${from.width}x${from.height} ${to.width}x${to.height}`;
  const found = kept.get(key) ?? new GuidedUpsampler(from, to);
  kept.delete(key);
  kept.set(key, found);
  const [oldest] = kept.keys();
  if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
  return found;
}
