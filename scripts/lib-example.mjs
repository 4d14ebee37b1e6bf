// A page of client/examples on a web server of its own, which passes /ws on to a depth server.
import { join } from 'node:path';
import { ROOT } from './lib.mjs';

const client = (file) => join(ROOT, 'client', file);

/** @returns its address, and how to end it */
export async function serveExample(name, server, { port = 0, host = 'localhost' } = {}) {
  const { createServer } = await import('vite');
  const vite = await createServer({
    configFile: false,
    root: client(`examples/${name}`),
    cacheDir: join(ROOT, 'node_modules/.vite-examples'),
    logLevel: 'warn',
    resolve: {
      alias: [
        { find: /^depthcast-client$/, replacement: client('sdk/index.ts') },
        { find: /^depthcast-client\/(upsample|warp)$/, replacement: client('sdk/$1/index.ts') },
        { find: /^depthcast-client\/(\w+)$/, replacement: client('$1/index.ts') },
      ],
    },
    worker: { format: 'es' },
    build: { target: 'es2022' },
    server: {
      port,
      host,
      fs: { allow: [ROOT] },
      proxy: { '/ws': { target: server, ws: true, changeOrigin: true, rewriteWsOrigin: true } },
    },
  });
  await vite.listen();
  const address = vite.httpServer.address();
  return { url: `http://localhost:${address.port}/`, close: () => vite.close() };
}
