import { Worker, type WorkerOptions } from 'node:worker_threads';

/**
 * Starts the module `name` (without extension) that lies beside `from` in a thread of its own.
 * The build is plain JavaScript; from source, as in tests, the thread needs a TypeScript loader first.
 */
export function startThread(from: string, name: string, options: WorkerOptions): Worker {
  if (!from.endsWith('.ts')) return new Worker(new URL(`${name}.js`, from), options);
  const module = JSON.stringify(new URL(`${name}.ts`, from).href);
  const loader = `import('tsx/esm/api').then((tsx) => { tsx.register(); return import(${module}); })`;
  return new Worker(loader, { ...options, eval: true });
}
