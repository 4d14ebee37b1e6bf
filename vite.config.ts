import { defineConfig } from 'vite';

// The client is static: the server hands out dist/client as it is. Relative addresses keep it working below a path.
export default defineConfig({
  root: 'client',
  base: './',
  build: { outDir: '../dist/client', emptyOutDir: true, target: 'es2022', sourcemap: true },
  worker: { format: 'es' },
});
