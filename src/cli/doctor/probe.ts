// Runs in a process of its own: native code that crashes or hangs (no AVX, a broken GPU driver) must not take the report
// with it. Prints one JSON object.
import type { ProbeAnswers, ProbeRequest } from './probes.ts';

const request = JSON.parse(process.argv[2] ?? '{}') as ProbeRequest;
const probes: { [K in keyof ProbeAnswers]: () => Promise<ProbeAnswers[K]> } = {
  ffmpeg,
  hardware,
  onnxruntime,
  inference,
};

process.stdout.write(JSON.stringify(await probes[request.probe]()), () => process.exit(0));

async function ffmpeg(): Promise<ProbeAnswers['ffmpeg']> {
  const av = await import('node-av');
  const { version, configuration, libraries } = av.getFFmpegInfo();
  const { IMPLEMENTATIONS } = await import('../../video/codecs.ts');
  const live = Object.values(IMPLEMENTATIONS);
  const decoders = [...live.map(({ decoder }) => decoder), 'png', 'mjpeg'].filter(
    (name) => !av.Codec.findDecoderByName(name as never),
  );
  const encoders = [...live.flatMap(({ encoder }) => encoder?.name ?? []), 'png'].filter(
    (name) => !av.Codec.findEncoderByName(name as never),
  );
  return { version, configuration, avcodec: libraries.avcodec, missing: [...decoders, ...encoders] };
}

async function hardware(): Promise<ProbeAnswers['hardware']> {
  const av = await import('node-av');
  av.Log.setLevel(av.AV_LOG_QUIET);
  const names: string[] = [];
  const open: string[] = [];
  for (const type of av.HardwareDeviceContext.iterateTypes()) {
    const name = av.HardwareDeviceContext.getTypeName(type);
    if (name === null) continue;
    names.push(name);
    const device = new av.HardwareDeviceContext();
    try {
      if (device.create(type) === 0) open.push(name);
    } catch {
      // Not here.
    } finally {
      device.free();
    }
  }
  return { names, open };
}

async function onnxruntime(): Promise<ProbeAnswers['onnxruntime']> {
  if (request.probe !== 'onnxruntime') throw new Error('no graph was named');
  const { askRuntime } = await import('./probe-onnxruntime.ts');
  return askRuntime(request.graph, request.others);
}

async function inference(): Promise<ProbeAnswers['inference']> {
  if (request.probe !== 'inference') throw new Error('no model was named');
  const { WorkerInferencer } = await import('../../depth/inferencer.ts');
  const { checkDepth } = await import('../../model/precision.ts');
  const { model, threads, size, devices } = request;
  const began = performance.now();
  const inferencer = await WorkerInferencer.create(model, { ...devices, threads, size });
  const load = performance.now() - began;
  const stream = inferencer.open(size === undefined ? {} : { size });
  const { width, height } = stream.networkSize(4, 3);
  const times: number[] = [];
  for (let n = 0; n < request.frames; n++) {
    const image = stream.takeInput(width, height);
    for (let i = 0; i < image.data.length; i++) image.data[i] = 0.5 + 0.5 * Math.sin(0.013 * i + 0.1 * n);
    const start = performance.now();
    const map = await stream.infer(image, n / 30);
    times.push(performance.now() - start);
    checkDepth(map.values);
    map.release();
  }
  const { device, refused } = inferencer;
  const check = inferencer.engine?.check;
  await inferencer.close();
  // The first also allocates.
  const milliseconds = times.slice(1).sort((a, b) => a - b)[(times.length - 1) >> 1] ?? times[0]!;
  return { width, height, load, milliseconds, device, check, refused };
}
