import { pathToFileURL } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

const SOURCES = new URL('.', import.meta.url).href;

/**
 * The compiled form of the module `name` (without extension) that lies beside `from`; undefined from source, where the module needs a
 * TypeScript loader, unless a test's BUILT_SERVER names the folder of a build of these very sources, as npm test makes it.
 */
export function compiledModule(from: string, name: string): URL | undefined {
  if (!from.endsWith('.ts')) return new URL(`${name}.js`, from);
  const { BUILT_SERVER: build, VITEST } = process.env;
  const { href } = new URL(`${name}.js`, from);
  // Threads of tests alone are not built.
  return VITEST && build && href.startsWith(SOURCES)
    ? new URL(href.slice(SOURCES.length), `${pathToFileURL(build)}/`)
    : undefined;
}

/** Starts the module `name` (without extension) that lies beside `from` in a thread of its own. */
export function startThread(from: string, name: string, options: WorkerOptions): Worker {
  const compiled = compiledModule(from, name);
  if (compiled) return new Worker(compiled, options);
  const module = JSON.stringify(new URL(`${name}.ts`, from).href);
  const loader = `import('tsx/esm/api').then((tsx) => { tsx.register(); return import(${module}); })`;
  return new Worker(loader, { ...options, eval: true });
}
