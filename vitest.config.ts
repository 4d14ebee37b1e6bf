import { globSync } from 'tinyglobby';
import { defineConfig } from 'vitest/config';

/** Beside their subjects, but with processes, media files, peers, rendered scenes or depth networks: seconds each. */
const INTEGRATION = [
  'loadtest/frame-code.test.ts',
  'src/cli/{doctor,eval,models,run}.test.ts',
  'src/depth/**/{c-runtime,checkpoint-model,cpu,device-engine,cuts,inferencer,no-telemetry,pool}.test.ts',
  'src/evaluation/**/{benchmarks,evaluate}.test.ts',
  'src/files/**/{geometry-outputs,job}.test.ts',
  'src/model/**/{download,graph-cache}.test.ts',
  'src/scene/**/{depth,scene,y4m}.test.ts',
  'src/stream/still-pictures.test.ts',
  'src/video/**/{as-shown,codec,hostile,media-reader,mp4-file}.test.ts',
  'src/webrtc/peer/peer.test.ts',
];
for (const pattern of INTEGRATION)
  if (globSync(pattern).length === 0) throw new Error(`vitest.config.ts: no file matches ${pattern} any more`);

/** Count frames or bits against the clock, or compare pictures in time: two cores cannot carry two of them at once. */
const LIVE = ['test/e2e/{live,network-faults,rtc-loss,sender-pace,truth}.test.ts'];

// docs/testing.md says what belongs where. Projects run one after the other; the files of one side by side, but for live.
export default defineConfig({
  test: {
    // Tests that load onnxruntime by themselves must not report to its makers either; see src/depth/no-telemetry.ts.
    env: { ORT_DISABLE_TELEMETRY: '1' },
    pool: 'forks',
    // Real browsers, peers and encoders on a busy machine: a second try, which the report names; a fault fails twice.
    retry: process.env['CI'] ? 1 : 0,
    reporters: ['default', './test/support/skip-reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{src,client,loadtest,bench}/**/*.test.ts', 'test/unit/**/*.test.ts'],
          exclude: INTEGRATION,
          maxWorkers: 2,
          // Its files leave nothing behind in their process, which so loads every module once.
          isolate: false,
          testTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: [...INTEGRATION, 'test/{integration,parity}/**/*.test.ts'],
          maxWorkers: 3,
          testTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'fuzz',
          include: ['test/{attacks,fuzz}/**/*.test.ts'],
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          exclude: LIVE,
          // Much of their time is waiting.
          maxWorkers: 3,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'live',
          include: LIVE,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 3 },
        },
      },
      {
        // Needs a Vulkan device: only by name, or by npm run test:gpu, which finds a software one.
        extends: true,
        test: {
          name: 'gpu',
          include: ['test/gpu/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 600_000,
          hookTimeout: 600_000,
          sequence: { groupOrder: 4 },
        },
      },
      {
        // Makes and installs what is shipped: only by name, or by npm run test:package.
        extends: true,
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          maxWorkers: 1,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
