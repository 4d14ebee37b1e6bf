import { defineConfig } from 'vitest/config';

// unit and parity: many small files, side by side. e2e: real browsers and media, one at a time,
// because two cores cannot carry two live tests at once.
export default defineConfig({
  test: {
    // Tests that load onnxruntime by themselves must not report to its makers either; see src/depth/no-telemetry.ts.
    env: { ORT_DISABLE_TELEMETRY: '1' },
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            'src/**/*.test.ts',
            'client/**/*.test.ts',
            'test/{unit,fuzz,parity}/**/*.test.ts',
            'loadtest/**/*.test.ts',
          ],
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
