import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { toDepthcastError } from '../../errors.ts';
import { readSettings } from '../options.ts';
import { browser, modelCache } from './files.ts';
import { type Check, type Finding, inArea, look } from './finding.ts';
import { gpus } from './gpus.ts';
import { clock, fileLimit, limits, nodeVersion, processor, system } from './machine.ts';
import { httpPort, mediaPorts, udpBuffers } from './network.ts';
import { ffmpeg, inference, onnxruntime, videoHardware } from './probes.ts';

const QUICK_MS = 5000;
const PROBE_MS = 25_000;
const INFERENCE_MS = 70_000;

/**
 * Looks at everything that depthcast needs, one after the other so that times mean something. Contacts nothing outside
 * this machine, and changes nothing.
 * @param named the settings file, if one is named
 * @param onFinding called as each is found
 */
export async function examine(named: string | undefined, onFinding: (finding: Finding) => void): Promise<Finding[]> {
  const { config, finding } = readConfig(named);
  const checks: [area: string, name: string, milliseconds: number, check: Check][] = [
    ['machine', 'Node', QUICK_MS, () => nodeVersion()],
    ['machine', 'system', QUICK_MS, system],
    ['machine', 'processor', QUICK_MS, processor],
    ['machine', 'limits', QUICK_MS, limits],
    ['machine', 'open files', QUICK_MS, () => fileLimit(config)],
    ['machine', 'clock', QUICK_MS, clock],
    ['parts', 'FFmpeg', PROBE_MS, ffmpeg],
    ['parts', 'video hardware', PROBE_MS, videoHardware],
    ['parts', 'onnxruntime', PROBE_MS, onnxruntime],
    ['parts', 'GPU', 2 * QUICK_MS, gpus],
    ['model', 'cache', QUICK_MS, () => modelCache(config)],
    ['model', 'one frame', INFERENCE_MS, () => inference(config)],
    ['network', 'HTTP port', QUICK_MS, () => httpPort(config)],
    ['network', 'media ports', QUICK_MS, () => mediaPorts(config)],
    ['network', 'UDP buffers', QUICK_MS, udpBuffers],
    ['settings', 'settings', QUICK_MS, () => [finding]],
    ['settings', 'browser', QUICK_MS, browser],
  ];
  const findings: Finding[] = [];
  for (const [area, name, milliseconds, check] of checks)
    for (const found of await look(area, name, milliseconds, check)) {
      findings.push(found);
      onFinding(found);
    }
  return findings;
}

/** Settings that cannot be read are a finding; the rest is then looked at with the defaults. */
function readConfig(named: string | undefined): { config: Config; finding: Finding } {
  const { ok, fail } = inArea('settings');
  try {
    return { config: readSettings(named), finding: ok('settings', `valid${named === undefined ? '' : `: ${named}`}`) };
  } catch (thrown) {
    const { message } = toDepthcastError(thrown);
    const advice =
      'correct the file or the variable; docs/configuration.md has every setting. The lines above are for the defaults';
    return { config: loadConfig(), finding: fail('settings', message, advice) };
  }
}
