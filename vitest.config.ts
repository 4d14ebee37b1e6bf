import { globSync } from 'tinyglobby';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Beside their subjects, but with processes, media files, peers, rendered scenes or depth networks: seconds each. */
const INTEGRATION = [
  'loadtest/frame-code.test.ts',
  'src/cli/{doctor,eval,models,run}.test.ts',
  'src/depth/**/{c-runtime,checkpoint-model,cpu,device-engine,cuts,inferencer,metric-model,no-telemetry,pool}.test.ts',
  'src/evaluation/**/{benchmarks,evaluate}.test.ts',
  'src/files/**/{geometry-outputs,job,job-geometry}.test.ts',
  'src/model/**/{download,graph-cache}.test.ts',
  'src/scene/**/{depth,scene,y4m}.test.ts',
  'src/sinks/push/push-{hold,sink,target}.test.ts',
  'src/sources/pull/reader-process.test.ts',
  'src/stream/{camera,still-pictures}.test.ts',
  'src/video/**/{as-shown,codec,hostile,media-reader,mp4-file}.test.ts',
  'src/webrtc/peer/peer.test.ts',
];
/** Count frames or bits against the clock, compare pictures in time, or need many of them a second: two cores cannot carry two of them at once. */
const LIVE = ['test/e2e/{live,loadtest,network-faults,pushed-outputs,rtc-loss,sender-pace,truth}.test.ts'];

/** Those of a quarter of a minute and more, the longest first: what begins last leaves a core idle for as long as it takes. */
const LONG = [
  ...[
    'e2e/ar',
    'e2e/robustness',
    'e2e/recording',
    'e2e/page',
    'e2e/admission',
    'e2e/process-faults',
    'e2e/loadtest-ends',
    'e2e/studio',
  ],
  ...['e2e/foxglove', 'e2e/sources', 'e2e/network-moves', 'e2e/showroom', 'e2e/senders', 'e2e/tokens', 'e2e/pairs'],
  ...['e2e/media-workers', 'e2e/whip', 'e2e/dtls-loss', 'e2e/https', 'e2e/ice-attacks', 'e2e/protection', 'e2e/rtc'],
  ...['e2e/dtls-attacks', 'e2e/attacks', 'e2e/operate', 'e2e/turn'],
  ...['files/job', 'cli/run', 'cli/models', 'peer/peer', 'depth/checkpoint-model', 'evaluation/evaluate', 'cli/eval'],
  ...[
    'parity/video-depth-anything',
    'depth/cuts',
    'video/media-reader',
    'scene/scene',
    'attacks/attacks',
    'scene/depth',
  ],
  ...['fuzz/fuzz', 'stream/still-pictures', 'cli/doctor', 'parity/precisions'],
];

const files = globSync('{src,test}/**/*.test.ts');
const gone = [
  ...INTEGRATION.filter((pattern) => globSync(pattern).length === 0),
  ...LONG.filter((name) => !files.some((file) => file.endsWith(`/${name}.test.ts`))),
];
if (gone.length > 0) throw new Error(`vitest.config.ts: no file matches ${gone.join(', ')} any more`);

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const at = LONG.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return at < 0 ? LONG.length : at;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

// docs/testing.md says what belongs where. Projects run one after the other; the files of one side by side, but for live.
export default defineConfig({
  test: {
    // Tests that load onnxruntime by themselves must not report to its makers either; see src/depth/no-telemetry.ts.
    env: { ORT_DISABLE_TELEMETRY: '1' },
    pool: 'forks',
    // Real browsers, peers and encoders on a busy machine: a second try, which the report names; a fault fails twice.
    retry: process.env['CI'] ? 1 : 0,
    reporters: ['default', './test/support/skip-reporter.ts'],
    sequence: { sequencer: LongestFirst },
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
          isolate: false,
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
          maxWorkers: 4,
          isolate: false,
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
          isolate: false,
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
