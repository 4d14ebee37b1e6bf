import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { CpuEngine, float32TrialMap } from '../depth/engines/cpu.ts';
import { readReference, referencePath, writeReference } from '../depth/engines/reference.ts';
import { DepthcastError } from '../errors.ts';
import { diskError } from '../files/disk.ts';
import { makeFolder } from '../make-folder.ts';
import { Checkpoint } from '../model/checkpoint/checkpoint.ts';
import { inferConfig } from '../model/graph/config.ts';
import { anchoredRule, buildStreamGraph } from '../model/graph/video-depth-anything.ts';
import { writeModel } from '../model/graph/write.ts';
import { findModel } from '../model/library.ts';
import type { ModelManifest } from '../model/manifest.ts';
import { GRAPH_PRECISION, type ModelPrecision } from '../model/precision.ts';
import { fileHash } from '../model/store/hash.ts';
import { type CheckpointOptions, parityText } from './models-options.ts';
import { say, style } from './terminal.ts';

/** The encoders by their channels. */
const ENCODERS = { vits: 384, vitb: 768, vitl: 1024 } as const;

export interface ConvertOptions extends CheckpointOptions {
  out: string;
  encoder?: keyof typeof ENCODERS;
  size: { width: number; height: number };
}

/** @throws DepthcastError MODEL_NOT_FOUND, BAD_CHECKPOINT, BAD_SIZE, BAD_OPTION, DISK_FULL */
export async function convert(path: string, options: ConvertOptions): Promise<void> {
  const { out, encoder, size, precision = 'fp32' } = options;
  const { manifest } = findModel(resolve(path), { metric: options.metric });
  const folder = dirname(resolve(out));
  const stem = basename(out).replace(/\.onnx$/i, '');
  const names = { model: `${stem}.onnx`, weights: `${stem}.weights` };
  await makeFolder(folder).catch(diskError(folder));
  const temporary = mkdtempSync(join(folder, '.convert-'));
  const checkpoint = Checkpoint.open(path);
  try {
    const config = { heads: options.heads, taps: options.layers };
    const network = inferConfig(checkpoint.tensors, config);
    if (encoder && network.channels !== ENCODERS[encoder])
      throw new DepthcastError('BAD_CHECKPOINT', {
        detail: `its encoder has ${network.channels} channels, ${encoder} has ${ENCODERS[encoder]}`,
      });
    const began = performance.now();
    let parity: number | undefined;
    const write = (type: ModelPrecision, files: typeof names) =>
      writeModel(buildStreamGraph(checkpoint, { ...size, precision: GRAPH_PRECISION[type], config }), temporary, files);
    write(precision, names);
    const { title, unit, normalise, cutThreshold, licence, source } = manifest;
    const converted: ModelManifest = {
      kind: 'graph',
      name: stem.toLowerCase().replace(/[^a-z0-9._-]+/g, '-'),
      title,
      file: names.model,
      sha256: await fileHash(join(temporary, names.model)),
      unit,
      precision,
      normalise,
      size: { fixed: size },
      window: anchoredRule(network.frames),
      cutThreshold,
      licence,
      source,
    };
    writeFileSync(join(temporary, `${stem}.json`), `${JSON.stringify(converted, null, 2)}\n`);
    const written = [names.weights, names.model, `${stem}.json`];
    if (precision !== 'fp32') {
      const graph = join(temporary, names.model);
      write('fp32', { model: 'full.onnx', weights: 'full.weights' });
      await writeReference(graph, await float32TrialMap(converted, join(temporary, 'full.onnx'), size));
      const engine = await CpuEngine.load(converted, { graph, ...size, threads: 0, reference: readReference(graph) });
      await engine.release();
      parity = engine.capabilities.parity;
      written.push(basename(referencePath(graph)));
    }
    for (const name of written) renameSync(join(temporary, name), join(folder, name));
    const { channels, blocks, heads, taps } = network;
    say(`${style.green('written')}  ${join(folder, names.model)}, ${names.weights}, ${stem}.json`);
    say(`  network  ${blocks} blocks of ${channels} channels, ${heads} heads, taps ${taps.join(', ')}`);
    say(`  graph    ${size.width}x${size.height}, ${precision}, ${unit}, ${Math.round(performance.now() - began)} ms`);
    if (parity !== undefined) say(`  error    ${parityText(parity)}`);
    say(style.dim(`  try it   depthcast serve --model ${join(dirname(out), `${stem}.json`)}`));
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOSPC') throw new DepthcastError('DISK_FULL', { cause: thrown });
    throw thrown;
  } finally {
    checkpoint.close();
    rmSync(temporary, { recursive: true, force: true });
  }
}
