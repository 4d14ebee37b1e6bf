import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DepthcastError } from '../errors.ts';
import type { ConfigOverrides } from './graph/config.ts';
import { anchoredRule, NORMALISE } from './graph/video-depth-anything.ts';
import { type ModelManifest, modelManifest } from './manifest.ts';
import type { ModelPrecision } from './precision.ts';
import { type ModelFolder, modelFolder } from './store/folder.ts';
import { fileHash } from './store/hash.ts';

/** A model that can be run. */
export interface InstalledModel {
  manifest: ModelManifest;
  /** Absolute path of the ONNX graph, or of the checkpoint. */
  file: string;
  /** Folder of the graphs that are made of a checkpoint. */
  graphs: string;
  /** The same network in fp32, of a graph in eight bits. */
  float32?: InstalledModel | undefined;
}

export interface LibraryOptions {
  /** Of the manifests. */
  folder?: string;
  /** Of pulled checkpoints and built graphs. */
  store?: ModelFolder;
  /** For a bare checkpoint: metres instead of disparity; undefined goes by its file name. */
  metric?: boolean | undefined;
  /** For a bare checkpoint: what its shapes do not tell. */
  network?: ConfigOverrides | undefined;
  /** Of the graphs that are made of a checkpoint, or which of a network's graphs; undefined leaves it to the manifest. */
  precision?: ModelPrecision | undefined;
}

/** The models/ folder that comes with the program. */
export const SHIPPED_MODELS = resolve(
  import.meta.dirname,
  import.meta.url.includes('/dist/') ? '../../../models' : '../../models',
);

const GRAPH = /\.onnx$/i;
/** What a path that does not exist would have been. */
const CHECKPOINT = /\.(pth|pt|ckpt|bin|safetensors)$/i;
/** What `models/` calls its models. */
const NAME = /^[\w.-]+$/;
/** The window of every published Video Depth Anything model. */
const VDA_FRAMES = 32;

/** Every manifest in a folder, by name, whether its graph or checkpoint is there or not. Throws BAD_MANIFEST. */
export function knownModels({ folder = SHIPPED_MODELS, store = modelFolder() }: LibraryOptions = {}): InstalledModel[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => readManifest(join(folder, file), store));
}

/** Those of `knownModels` that can be run at once. */
export function listModels(options: LibraryOptions = {}): InstalledModel[] {
  const { precision } = options;
  return knownModels(options)
    .filter((model) => existsSync(model.file))
    .map((model) => (hasPrecision(model, precision) ? inPrecision(model, precision) : model))
    .filter((model) => existsSync(model.file));
}

/**
 * Finds a model by name in `folder`, or by the path of its manifest, of a graph with a manifest beside it, or of a
 * Video Depth Anything checkpoint, which its first bytes tell, whatever its name is.
 * Throws MODEL_NOT_FOUND naming what there is or what to do, BAD_MANIFEST, or BAD_OPTION for a graph that is not there in
 * the precision that is asked for.
 */
export function findModel(nameOrPath: string, options: LibraryOptions = {}): InstalledModel {
  if (isCheckpoint(nameOrPath, options)) return bareCheckpoint(nameOrPath, options);
  const model = findManifest(nameOrPath, options);
  const chosen = existsSync(model.file) ? inPrecision(model, options.precision) : model;
  const { manifest, file } = chosen;
  if (existsSync(file)) return chosen;
  if (manifest.kind === 'checkpoint' && manifest.checkpoint.url !== undefined)
    throw new DepthcastError('MODEL_NOT_FOUND', {
      detail: `${manifest.name} is not on this machine; get it with: depthcast models pull ${manifest.name}`,
    });
  throw new DepthcastError('MODEL_NOT_FOUND', { detail: `${nameOrPath} names ${file}, which does not exist` });
}

/** As findModel, for manifests alone: the graph or checkpoint may be missing. */
export function findManifest(
  nameOrPath: string,
  { folder = SHIPPED_MODELS, store = modelFolder() }: LibraryOptions = {},
): InstalledModel {
  const shipped = join(folder, `${nameOrPath}.json`);
  if (NAME.test(nameOrPath) && existsSync(shipped)) return readManifest(shipped, store);
  const found = statSync(nameOrPath, { throwIfNoEntry: false });
  if (found?.isDirectory())
    throw new DepthcastError('MODEL_NOT_FOUND', { detail: `${nameOrPath} is a folder; name a file in it` });
  const isGraph = GRAPH.test(nameOrPath);
  const file = resolve(isGraph ? nameOrPath.replace(GRAPH, '.json') : nameOrPath);
  if (isGraph && found && !existsSync(file))
    throw new DepthcastError('BAD_MANIFEST', {
      detail: `there is no manifest ${basename(file)} beside ${nameOrPath}, which says how to feed the graph`,
    });
  if (!existsSync(file)) {
    const names = knownModels({ folder, store }).map((model) => model.manifest.name);
    const missing = isGraph || /[\\/]|\.json$/.test(nameOrPath) ? ' does not exist' : '';
    throw new DepthcastError('MODEL_NOT_FOUND', {
      detail: `${nameOrPath}${missing}; there is ${names.join(', ') || 'none'}`,
    });
  }
  return readManifest(file, store);
}

/** Compares a network's graphs with its manifest's sha256s, where it states them. Throws BAD_MODEL when they differ. */
export async function verifyModel(model: InstalledModel): Promise<void> {
  const { manifest, file } = model;
  if (manifest.kind !== 'graph') return;
  // Other devices run it, and this one may have to.
  if (model.float32) await verifyModel(model.float32);
  if (manifest.sha256 === undefined) return;
  const actual = await fileHash(file);
  if (actual !== manifest.sha256)
    throw new DepthcastError('BAD_MODEL', {
      detail: `${file} has sha256 ${actual.slice(0, 12)}…, its manifest says ${manifest.sha256.slice(0, 12)}…; restore the file`,
    });
}

/** A file is a checkpoint unless it is a manifest or a graph; what does not exist goes by its name. */
function isCheckpoint(nameOrPath: string, { folder = SHIPPED_MODELS }: LibraryOptions): boolean {
  if (NAME.test(nameOrPath) && existsSync(join(folder, `${nameOrPath}.json`))) return false;
  const file = statSync(nameOrPath, { throwIfNoEntry: false });
  if (file === undefined) return CHECKPOINT.test(nameOrPath);
  if (!file.isFile() || GRAPH.test(nameOrPath)) return false;
  return CHECKPOINT.test(nameOrPath) || !(nameOrPath.endsWith('.json') || startsAsJson(nameOrPath));
}

function startsAsJson(path: string): boolean {
  const fd = openSync(path, 'r');
  try {
    const head = Buffer.alloc(64);
    return head.toString('utf8', 0, readSync(fd, head)).replace('\uFEFF', '').trimStart().startsWith('{');
  } finally {
    closeSync(fd);
  }
}

function hasPrecision({ manifest }: InstalledModel, precision: ModelPrecision | undefined): boolean {
  return manifest.kind === 'checkpoint' || (precision === 'int8' && manifest.int8 !== undefined);
}

function inPrecision(model: InstalledModel, precision: ModelPrecision | undefined): InstalledModel {
  const { manifest, file, graphs } = model;
  if (precision === undefined || precision === manifest.precision) return model;
  if (!hasPrecision(model, precision)) {
    const has = manifest.kind === 'graph' && manifest.int8 ? `${manifest.precision} and int8` : manifest.precision;
    throw new DepthcastError('BAD_OPTION', {
      detail: `${manifest.name} is a graph in ${has}; another precision needs its checkpoint`,
    });
  }
  if (manifest.kind === 'checkpoint') return { ...model, manifest: { ...manifest, precision } };
  const { int8, ...rest } = manifest;
  const form = { ...rest, precision, file: int8!.file, sha256: int8!.sha256 };
  return { manifest: form, file: resolve(dirname(file), int8!.file), graphs, float32: model };
}

function readManifest(path: string, store: ModelFolder): InstalledModel {
  let tree: unknown;
  try {
    tree = JSON.parse(readFileSync(path, 'utf8').replace('\uFEFF', ''));
  } catch (thrown) {
    // The parser quotes the text, which may be a binary file's.
    if (thrown instanceof SyntaxError && !startsAsJson(path))
      throw new DepthcastError('BAD_MANIFEST', { detail: `${path} is not JSON` });
    throw new DepthcastError('BAD_MANIFEST', { detail: `${path}: ${(thrown as Error).message}`, cause: thrown });
  }
  const result = modelManifest.safeParse(tree);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    throw new DepthcastError('BAD_MANIFEST', { detail: `${path}: ${issue.path.join('.')}: ${issue.message}` });
  }
  const manifest = result.data;
  const named = manifest.kind === 'graph' ? manifest.file : manifest.checkpoint.file;
  let file = resolve(dirname(path), named);
  if (manifest.kind === 'checkpoint' && named === basename(named) && !existsSync(file))
    file = join(store.checkpoints, named);
  return { manifest, file, graphs: store.graphs };
}

/** A published network's rules for a checkpoint that has no manifest. */
function bareCheckpoint(path: string, options: LibraryOptions): InstalledModel {
  const { store = modelFolder(), metric = /metric/i.test(basename(path)), network } = options;
  const file = resolve(path);
  if (!existsSync(file)) throw new DepthcastError('MODEL_NOT_FOUND', { detail: `${path} does not exist` });
  const stem = basename(path).replace(/\.[a-z]\w*$/i, '');
  const name = stem.toLowerCase().replace(/[^a-z0-9._-]+/g, '-');
  const manifest = modelManifest.parse({
    kind: 'checkpoint',
    name: name.replace(/^[^a-z0-9]+/, '').slice(0, 64) || 'checkpoint',
    title: stem,
    checkpoint: { file },
    network,
    unit: metric ? 'metres' : 'disparity',
    precision: options.precision ?? 'fp32',
    normalise: NORMALISE,
    size: VDA_SIZE,
    window: anchoredRule(VDA_FRAMES),
    cutThreshold: VDA_CUT,
    licence: 'as its source says',
    source: path,
  });
  return { manifest, file, graphs: store.graphs };
}

const VDA_SIZE = { multipleOf: 14, shortSides: { from: 84, to: 518 }, default: 196 };
const VDA_CUT = 0.3;
