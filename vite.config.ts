import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const client = (file: string) => fileURLToPath(new URL(`./client/${file}`, import.meta.url));

/** The server's pages; each is served under its file's name, without the ending, and those of studio/ as src/server/studio-pages.ts says. */
const PAGES = ['studio/air', 'studio/desk', 'index', 'ar', 'streams', 'bench'];

// The client is static: the server hands out dist/client as it is. Relative addresses keep it working below a path.
export default defineConfig({
  root: 'client',
  base: './',
  // The page uses the SDK as whoever installs it does: by its name.
  resolve: {
    alias: [
      { find: /^depthcast-client$/, replacement: client('sdk/index.ts') },
      { find: /^depthcast-client\/(\w+)$/, replacement: client('$1/index.ts') },
    ],
  },
  build: {
    outDir: '../dist/client',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: true,
    // three.js, which is loaded when it is asked for.
    chunkSizeWarningLimit: 600,
    rolldownOptions: { input: PAGES.map((name) => client(`${name}.html`)) },
  },
  worker: { format: 'es' },
});
