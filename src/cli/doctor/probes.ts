import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { devicesOf } from '../../config/devices.ts';
import type { Config } from '../../config/schema.ts';
import { type RefusedDevice, refusal } from '../../depth/device-choice.ts';
import type { EngineCheck } from '../../depth/engine.ts';
import type { InferencerOptions } from '../../depth/inferencer.ts';
import { toDepthcastError } from '../../errors.ts';
import { findModel, type InstalledModel, verifyModel } from '../../model/library.ts';
import { modelFolder } from '../../model/store/folder.ts';
import { type Finding, inArea } from './finding.ts';

/** What probe.ts is asked. */
export type ProbeRequest =
  | { probe: 'ffmpeg' | 'hardware' }
  | { probe: 'onnxruntime'; graph: string; others: boolean }
  | {
      probe: 'inference';
      model: InstalledModel;
      threads: number;
      size: number | undefined;
      frames: number;
      devices: InferencerOptions;
    };

/** What it answers. */
export interface ProbeAnswers {
  ffmpeg: { version: string; configuration: string; avcodec: string; missing: string[] };
  hardware: { names: string[]; open: string[] };
  onnxruntime: { version: string; backends: string[]; working: string[] };
  inference: {
    width: number;
    height: number;
    load: number;
    milliseconds: number;
    device: string;
    check: EngineCheck | undefined;
    refused: readonly RefusedDevice[];
  };
}

const { ok, warn, fail } = inArea('parts');
const model = inArea('model');
/** Loading native code takes a second, on a busy machine more. */
const QUICK_MS = 20_000;
const INFERENCE_MS = 60_000;
const FRAMES = 4;
const REINSTALL = 'run npm install again in the program folder, on this machine';
const EMBEDDED = 'depthcast-nano';

/** Runs a probe in its own process. Rejects with what ended it. */
function probe<R extends ProbeRequest>(request: R, timeout = QUICK_MS): Promise<ProbeAnswers[R['probe']]> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const script = fileURLToPath(new URL(`./probe.${extension}`, import.meta.url));
  const args = [...process.execArgv, script, JSON.stringify(request)];
  const options = {
    timeout,
    killSignal: 'SIGKILL' as const,
    maxBuffer: 1 << 20,
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
  };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve(JSON.parse(stdout) as ProbeAnswers[R['probe']]);
      if (error.killed) return reject(new Error(`no answer within ${timeout / 1000} s`));
      if (error.signal) return reject(new Error(`its process was ended by ${error.signal}`));
      const line = stderr.split('\n').find((text) => /Error|error/.test(text));
      return reject(new Error((line ?? stderr).trim().slice(0, 300) || `its process ended with code ${error.code}`));
    });
  });
}

export async function ffmpeg(): Promise<Finding[]> {
  let build: ProbeAnswers['ffmpeg'];
  try {
    build = await probe({ probe: 'ffmpeg' });
  } catch (thrown) {
    return [fail('FFmpeg', (thrown as Error).message, `node-av cannot be loaded: ${REINSTALL}`)];
  }
  const has = (flag: string) => build.configuration.includes(`--enable-${flag}`);
  const licence = `${has('gpl') ? 'GPL' : 'LGPL'} ${has('version3') ? '3' : '2'}${has('nonfree') ? ', not redistributable' : ''}`;
  const text = `${build.version} (libavcodec ${build.avcodec}), ${licence}`;
  if (build.missing.length === 0) return [ok('FFmpeg', text)];
  return [
    fail(
      'FFmpeg',
      `${text}; without ${build.missing.join(', ')}`,
      `the build lacks codecs that are needed: ${REINSTALL}`,
    ),
  ];
}

export async function videoHardware(): Promise<Finding[]> {
  try {
    const { names, open } = await probe({ probe: 'hardware' });
    const text = open.length > 0 ? `${open.join(', ')} open` : 'none opens';
    return [ok('video hardware', `${text} (built for ${names.join(', ') || 'none'}); video is coded on the CPU`)];
  } catch (thrown) {
    const advice =
      'a driver fails when it is asked for a video device; depthcast does without, but other programs will not';
    return [warn('video hardware', (thrown as Error).message, advice)];
  }
}

export async function onnxruntime(): Promise<Finding[]> {
  const graph = findModel(EMBEDDED).file;
  let version: string;
  try {
    const answer = await probe({ probe: 'onnxruntime', graph, others: false });
    version = answer.version;
    if (!answer.working.includes('cpu'))
      throw new Error(`${version}: the CPU provider does not run the embedded model`);
  } catch (thrown) {
    return [fail('onnxruntime', (thrown as Error).message, `${REINSTALL}; on an old CPU, use one with AVX`)];
  }
  const found = ok('onnxruntime', version);
  try {
    const { backends, working } = await probe({ probe: 'onnxruntime', graph, others: true });
    const idle = backends.filter((name) => name !== 'cpu' && !working.includes(name));
    const text = `${['cpu', ...working].join(', ')}${idle.length > 0 ? `; not on this machine: ${idle.join(', ')}` : ''}`;
    return [found, ok('providers', text)];
  } catch (thrown) {
    const advice = 'a GPU driver fails when it is asked for a device; depth runs on the CPU, and does not ask it';
    return [found, warn('providers', `cpu; asking the others: ${(thrown as Error).message}`, advice)];
  }
}

/** The model of the settings: whole, and a real frame through it. */
export async function inference(config: Config): Promise<Finding[]> {
  const { depth, models } = config;
  let installed: InstalledModel;
  try {
    const store = modelFolder(models.folder);
    const { metric, precision } = depth;
    installed = findModel(depth.model, { store, metric: metric ?? undefined, precision: precision ?? undefined });
    await verifyModel(installed);
  } catch (thrown) {
    const { code, message } = toDepthcastError(thrown);
    return [
      model.fail('model', `${depth.model}: ${code} ${message}`, 'set depth.model to one of: depthcast models list'),
    ];
  }
  const { manifest, file } = installed;
  const installedFinding = model.ok('model', `${manifest.name}, ${manifest.unit}, ${manifest.precision}, ${file}`);
  try {
    const size = depth.size === null || depth.size === 'auto' ? undefined : depth.size;
    const request = {
      probe: 'inference',
      model: installed,
      threads: depth.threads,
      size,
      frames: FRAMES,
      devices: devicesOf(config),
    } as const;
    const { width, height, load, milliseconds, device, check, refused } = await probe(request, INFERENCE_MS);
    const text = `${milliseconds.toFixed(1)} ms a frame of ${width}x${height} on ${device}; loaded in ${(load / 1000).toFixed(1)} s`;
    const budget = 1000 / depth.targetFps;
    const found = [installedFinding, ...deviceFindings(check, device, refused)];
    if (milliseconds <= budget) return [...found, model.ok('one frame', text)];
    const advice = `slower than depth.targetFps ${depth.targetFps} wants (${budget.toFixed(0)} ms): a smaller depth.size, a smaller model, or nothing else running`;
    return [...found, model.warn('one frame', text, advice)];
  } catch (thrown) {
    const advice = 'try depthcast models bench NAME for the whole message; the embedded model is depthcast-nano';
    return [installedFinding, model.fail('one frame', (thrown as Error).message, advice)];
  }
}

/** What runs the network, how it compared with the CPU, and what was tried besides. */
function deviceFindings(check: EngineCheck | undefined, device: string, refused: readonly RefusedDevice[]): Finding[] {
  const checked = check
    ? `; depth ${(100 * check.depth).toPrecision(2)} % of its spread from the CPU's, which takes ${check.cpuMilliseconds.toFixed(1)} ms a frame`
    : '';
  return [
    model.ok('device', `${device}${checked}`),
    ...refused.map((one) => model.warn('device', refusal(one), 'docs/devices.md says what each device needs')),
  ];
}
