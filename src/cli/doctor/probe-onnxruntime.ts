import '../../depth/no-telemetry.ts';
import ort from 'onnxruntime-node';
import type { ProbeAnswers } from './probes.ts';

/** @param others the providers besides the CPU's, which may hang or crash, instead of it */
export async function askRuntime(graph: string, others: boolean): Promise<ProbeAnswers['onnxruntime']> {
  const backends = ort.listSupportedBackends().map(({ name }) => name);
  const working: string[] = [];
  for (const name of backends.filter((one) => (one === 'cpu') !== others))
    try {
      const session = await ort.InferenceSession.create(graph, { executionProviders: [name], logSeverityLevel: 4 });
      working.push(name);
      await session.release();
    } catch {
      // Not here.
    }
  return { version: ort.env.versions.node ?? '', backends, working };
}
