import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writeFileAtomically } from '../atomic-file.ts';
import { DepthcastError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import type { ConfigOverrides } from './graph/config.ts';
import { BUILDER_VERSION, buildOfflineGraph, buildStreamGraph, type Precision } from './graph/video-depth-anything.ts';
import { MODEL_FILE, WEIGHTS_FILE, writeModel } from './graph/write.ts';
import { fileHash } from './store/hash.ts';

export interface GraphRequest {
  /** Path of the .pth or .safetensors file. */
  readonly checkpoint: string;
  readonly kind: 'stream' | 'offline';
  /** Network size in pixels. */
  readonly width: number;
  readonly height: number;
  readonly precision: Precision;
  readonly config?: ConfigOverrides | undefined;
  /** `device`: the contract's second form, for engines that keep states on a device; `cpu` when absent. */
  readonly target?: 'cpu' | 'device' | undefined;
  /** Streams that share a run of a graph for devices; 1 when absent. */
  readonly batch?: number | undefined;
}

/** Folders of builds that did not end are removed after this time. */
const ABANDONED_MS = 60 * 60 * 1000;
const BUILDING = 'building-';
const HASHES = 'hashes';

/**
 * Graphs on disk, one folder for each checkpoint (by content), kind, size, precision, target and version of the builder. A
 * folder appears whole or not at all: several processes may share a cache. When it grows beyond `maxBytes`, what was
 * not used for longest goes first.
 */
export class GraphCache {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #inFlight = new Map<string, Promise<string>>();

  constructor(folder: string, { maxBytes = 8 * 2 ** 30 } = {}) {
    this.#folder = resolve(folder);
    this.#maxBytes = maxBytes;
  }

  /**
   * The path of the graph, built if need be. Building blocks the thread (ViT-S half a second, ViT-L some seconds).
   * @throws DepthcastError MODEL_NOT_FOUND, BAD_CHECKPOINT, BAD_SIZE, DISK_FULL, BAD_CONFIG when the folder cannot be
   *   written.
   */
  async get(request: GraphRequest): Promise<string> {
    try {
      const key = graphKey(await this.#contentHash(request.checkpoint), request);
      const running = this.#inFlight.get(key);
      if (running) return await running;
      const build = this.#find(key, request).finally(() => this.#inFlight.delete(key));
      this.#inFlight.set(key, build);
      return await build;
    } catch (thrown) {
      throw this.#explained(thrown);
    }
  }

  /** The system's errors about the folder, in terms of what to do about them. */
  #explained(thrown: unknown): unknown {
    const { code, message } = thrown as NodeJS.ErrnoException;
    if (thrown instanceof DepthcastError || code === undefined) return thrown;
    if (code === 'ENOSPC' || code === 'EDQUOT')
      return new DepthcastError('DISK_FULL', { detail: `graphs are kept in ${this.#folder}`, cause: thrown });
    return new DepthcastError('BAD_CONFIG', {
      detail: `${message}; set models.folder to a folder that can be written`,
      cause: thrown,
    });
  }

  async #find(key: string, request: GraphRequest): Promise<string> {
    const folder = join(this.#folder, key);
    const model = join(folder, MODEL_FILE);
    if (!(await exists(model))) {
      await this.#build(folder, request);
      await this.#evict(key);
    }
    // The time of last use, for eviction.
    const now = new Date();
    await utimes(model, now, now);
    return model;
  }

  async #build(folder: string, { checkpoint: path, kind, target, batch = 1, ...options }: GraphRequest): Promise<void> {
    const temporary = join(this.#folder, `${BUILDING}${randomBytes(8).toString('hex')}`);
    // A graph that is there already does not wait for what reads checkpoints to load.
    const { Checkpoint } = await import('./checkpoint/checkpoint.ts');
    const checkpoint = Checkpoint.open(path);
    try {
      const build = kind === 'stream' ? buildStreamGraph : buildOfflineGraph;
      const forCpu = options.precision === 'float16' ? 'portable' : 'cpu';
      const model = build(checkpoint, { ...options, target: target === 'device' ? 'resident' : forCpu, batch });
      await makeFolder(temporary);
      writeModel(model, temporary);
      await rename(temporary, folder).catch(async (error: NodeJS.ErrnoException) => {
        // Another process was first: its graph is as good.
        if (!(await exists(join(folder, MODEL_FILE)))) throw error;
      });
    } finally {
      checkpoint.close();
      await rm(temporary, { recursive: true, force: true });
    }
  }

  async #evict(keep: string): Promise<void> {
    const graphs: { path: string; bytes: number; used: number }[] = [];
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      if (name.startsWith(BUILDING)) {
        const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now());
        if (age > ABANDONED_MS) await rm(path, { recursive: true, force: true });
        continue;
      }
      const model = await stat(join(path, MODEL_FILE)).catch(() => undefined);
      const weights = await stat(join(path, WEIGHTS_FILE)).catch(() => undefined);
      if (model && weights) graphs.push({ path, bytes: model.size + weights.size, used: model.mtimeMs });
    }
    let total = graphs.reduce((sum, { bytes }) => sum + bytes, 0);
    for (const { path, bytes } of graphs.sort((a, b) => a.used - b.used)) {
      if (total <= this.#maxBytes) break;
      if (path === join(this.#folder, keep)) continue;
      await rm(path, { recursive: true, force: true });
      total -= bytes;
    }
  }

  /** SHA-256 of the checkpoint; remembered for as long as the file's size and times stay what they were. */
  async #contentHash(path: string): Promise<string> {
    const full = resolve(path);
    const file = await stat(full, { bigint: true }).catch((cause: unknown) => {
      throw new DepthcastError('MODEL_NOT_FOUND', { detail: `${path} cannot be read`, cause });
    });
    if (!file.isFile()) throw new DepthcastError('BAD_CHECKPOINT', { detail: `${path} is not a file` });
    const state = [file.ino, file.size, file.mtimeNs, file.ctimeNs].join(' ');
    const note = join(this.#folder, HASHES, createHash('sha256').update(full).digest('hex').slice(0, 32));
    const known = /^([0-9a-f]{64}) (.*)$/.exec(await readFile(note, 'utf8').catch(() => ''));
    if (known && known[2] === state) return known[1]!;
    const digest = await fileHash(full);
    await makeFolder(join(this.#folder, HASHES));
    await writeFileAtomically(note, `${digest} ${state}`);
    return digest;
  }
}

/** The name of a graph's folder. */
function graphKey(hash: string, { kind, width, height, precision, config, target, batch }: GraphRequest): string {
  const parts = [hash.slice(0, 24), kind, `${width}x${height}`, precision, `v${BUILDER_VERSION}`];
  if (target === 'device') parts.push('device', ...(batch ? [`b${batch}`] : []));
  if (config) {
    const { heads, taps, temporalHeads } = config;
    parts.push(
      createHash('sha256')
        .update(JSON.stringify([heads, taps, temporalHeads]))
        .digest('hex')
        .slice(0, 8),
    );
  }
  return parts.join('-');
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
