import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { DepthcastError } from '../errors.ts';
import { type ModelManifest, modelManifest } from './manifest.ts';

/** A model that can be run: its manifest and the absolute path of its graph. */
export interface InstalledModel {
  manifest: ModelManifest;
  graph: string;
}

/** The models/ folder that comes with the program. */
export const SHIPPED_MODELS = resolve(
  import.meta.dirname,
  import.meta.url.includes('/dist/') ? '../../../models' : '../../models',
);

/** Every model in a folder, by name. A broken manifest throws BAD_MANIFEST; a graph that is not there is left out. */
export function listModels(folder = SHIPPED_MODELS): InstalledModel[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => readManifest(join(folder, file)))
    .filter((model) => existsSync(model.graph));
}

/**
 * Finds a model by name in `folder`, or by the path of its manifest.
 * Throws MODEL_NOT_FOUND naming what there is, or BAD_MANIFEST.
 */
export function findModel(nameOrPath: string, folder = SHIPPED_MODELS): InstalledModel {
  const isPath = nameOrPath.endsWith('.json') || isAbsolute(nameOrPath);
  const file = isPath ? resolve(nameOrPath) : join(folder, `${nameOrPath}.json`);
  if (!isPath && !/^[\w.-]+$/.test(nameOrPath)) throw notFound(nameOrPath, folder);
  if (!existsSync(file)) throw notFound(nameOrPath, folder);
  const model = readManifest(file);
  if (!existsSync(model.graph))
    throw new DepthcastError('MODEL_NOT_FOUND', { detail: `${file} names ${model.graph}, which does not exist` });
  return model;
}

/** Compares the graph with the manifest's sha256, if it states one. Throws BAD_MODEL when they differ. */
export async function verifyModel({ manifest, graph }: InstalledModel): Promise<void> {
  if (manifest.sha256 === undefined) return;
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(graph)) hash.update(chunk as Buffer);
  const actual = hash.digest('hex');
  if (actual !== manifest.sha256)
    throw new DepthcastError('BAD_MODEL', {
      detail: `${graph} has sha256 ${actual.slice(0, 12)}…, its manifest says ${manifest.sha256.slice(0, 12)}…; restore the file`,
    });
}

function readManifest(file: string): InstalledModel {
  let tree: unknown;
  try {
    tree = JSON.parse(readFileSync(file, 'utf8'));
  } catch (thrown) {
    throw new DepthcastError('BAD_MANIFEST', { detail: `${file}: ${(thrown as Error).message}`, cause: thrown });
  }
  const result = modelManifest.safeParse(tree);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    throw new DepthcastError('BAD_MANIFEST', { detail: `${file}: ${issue.path.join('.')}: ${issue.message}` });
  }
  return { manifest: result.data, graph: resolve(dirname(file), result.data.file) };
}

function notFound(name: string, folder: string): DepthcastError {
  const names = listModels(folder).map((model) => model.manifest.name);
  return new DepthcastError('MODEL_NOT_FOUND', { detail: `${name}; there is ${names.join(', ') || 'none'}` });
}
