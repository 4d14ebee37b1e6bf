// Which of onnxruntime's execution providers load a network on this machine. Ends with 1 when none but the CPU's does.
//   node docker/check-providers.mjs [MODEL.onnx]       the embedded one, as devices run it, when none is named
// Before the runtime is loaded: it reports usage to its makers unless told not to.
process.env.ORT_DISABLE_TELEMETRY = '1';
const { default: ort } = await import('onnxruntime-node');

const model = process.argv[2] ?? 'models/depthcast-nano.onnx';
let accelerated = false;
for (const name of ['cpu', 'webgpu', 'cuda', 'tensorrt']) {
  const began = performance.now();
  try {
    const session = await ort.InferenceSession.create(model, { executionProviders: [name], logSeverityLevel: 4 });
    await session.release();
    console.log(`${name.padEnd(9)} loads ${model} in ${Math.round(performance.now() - began)} ms`);
    accelerated ||= name !== 'cpu';
  } catch (thrown) {
    console.log(`${name.padEnd(9)} ${String(thrown instanceof Error ? thrown.message : thrown).split('\n')[0]}`);
  }
}
process.exit(accelerated ? 0 : 1);
