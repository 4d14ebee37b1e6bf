// Runs a streaming model file over prepared frames, as a server would: caches written in place as a ring.
// Usage: node run_onnx.mjs JOB.json; the job: { model, frames, width, height, order, keep, memory, threads, focal, output, summaries }
// frames: float32 [N,3,height,width]; order: which frame each step sees; keep: steps whose depth is written to output, float32
// [keep,height,width]; summaries: float32 [keep,C]; memory false leaves every cache slot empty.
import { readFileSync, writeFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';

const EMPTY = -1e4;
const job = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const session = await ort.InferenceSession.create(job.model, {
  intraOpNumThreads: job.threads,
  interOpNumThreads: 1,
});
const { width, height } = job;
const file = readFileSync(job.frames);
const pixels = new Float32Array(file.buffer, file.byteOffset, file.byteLength / 4);
const frameSize = 3 * width * height;

// A cache's tokens follow from the size where their axis is named by a letter and a stride, such as N32
const slots = session.inputMetadata.find((input) => input.name === 'c0').shape[1];
const inputs = session.inputMetadata.filter((input) => /^c\d+$/.test(input.name));
const caches = inputs.map(({ name, shape }) => {
  const step = Number(String(shape[0]).slice(1));
  const tokens = typeof shape[0] === 'number' ? shape[0] : (width / step) * (height / step);
  return {
    name,
    state: name.replace('c', 'h'),
    tokens,
    channels: shape[2],
    data: new Float32Array(tokens * slots * shape[2]),
  };
});
const mask = new Float32Array(slots + 1).fill(EMPTY);
mask[slots] = 0;

const kept = new Set(job.keep);
const depths = [];
const summaries = [];
for (const [step, index] of job.order.entries()) {
  const ages = Array.from({ length: slots }, (_, slot) => BigInt(((((step - 1 - slot) % slots) + slots) % slots) + 1));
  const feeds = {
    image: new ort.Tensor('float32', pixels.subarray(index * frameSize, (index + 1) * frameSize), [
      1,
      3,
      height,
      width,
    ]),
    slots: new ort.Tensor('int64', BigInt64Array.from([...ages, 0n]), [slots + 1]),
    mask: new ort.Tensor('float32', mask, [slots + 1]),
  };
  if (job.focal) feeds.focal = new ort.Tensor('float32', Float32Array.from(job.focal), [2]);
  for (const cache of caches)
    feeds[cache.name] = new ort.Tensor('float32', cache.data, [cache.tokens, slots, cache.channels]);
  const result = await session.run(feeds);
  if (job.memory) {
    const slot = step % slots;
    for (const { state: output, tokens, channels, data } of caches) {
      const state = result[output].data;
      for (let token = 0; token < tokens; token++)
        data.set(state.subarray(token * channels, (token + 1) * channels), (token * slots + slot) * channels);
    }
    mask[slot] = 0;
  }
  if (kept.has(step)) {
    depths.push(Buffer.from(result.depth.data.buffer, result.depth.data.byteOffset, result.depth.data.byteLength));
    summaries.push(
      Buffer.from(result.summary.data.buffer, result.summary.data.byteOffset, result.summary.data.byteLength),
    );
  }
}
writeFileSync(job.output, Buffer.concat(depths));
writeFileSync(job.summaries, Buffer.concat(summaries));
