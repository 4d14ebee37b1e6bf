// Sends one video by SRT or RTSP in a process of its own: FFmpeg waits for the network in threads that all streams share. It ends with
// its receiver, or when the server goes.
import '../../child-signals.ts';
import * as av from 'node-av';
import '../../video/native.ts';
import { pushProblem } from './push-problem.ts';
import type { OpenRequest, SenderMessage, VideoPacket } from './push-protocol.ts';

const CLOCK = 90_000;
/** ms that a process has to say goodbye in. */
const CLOSE_MS = 1000;

const format = new av.FormatContext();
const packet = new av.Packet();
let stream: av.Stream | undefined;
let target = '';
let work: Promise<void> = Promise.resolve();

const then = (next: () => Promise<void>) => {
  work = work.then(next);
  work.catch((thrown: Error) => end(thrown.message));
};

process.once('message', (request: OpenRequest) => {
  then(() => open(request));
  process.on('message', (video: VideoPacket) => then(() => write(video)));
});
process.once('disconnect', () => {
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), CLOSE_MS);
  work
    .then(() => (stream ? format.writeTrailer() : 0))
    .then(() => format.closeOutput())
    .finally(() => process.exit(0));
});

async function open({ url, format: name, width, height, parameters }: OpenRequest): Promise<void> {
  packet.alloc();
  target = url;
  check(format.allocOutputContext2(null, name, url), 'connecting');
  const next = format.newStream(null);
  next.timeBase = new av.Rational(1, CLOCK);
  const { codecpar } = next;
  codecpar.codecType = av.AVMEDIA_TYPE_VIDEO;
  codecpar.codecId = av.AV_CODEC_ID_H264;
  codecpar.width = width;
  codecpar.height = height;
  codecpar.extradata = Buffer.from(parameters);
  // RTSP connects with its header.
  if (name === 'mpegts') check(await format.openOutput(), 'connecting');
  // Times go out as they are: what left together is found together.
  const options = name === 'mpegts' ? { mpegts_copyts: '1' } : { rtsp_transport: 'tcp' };
  check(await format.writeHeader(av.Dictionary.fromObject(options)), 'connecting');
  stream = next;
  tell({ kind: 'opened' });
}

async function write({ data, keyframe, pts }: VideoPacket): Promise<void> {
  packet.data = Buffer.from(data);
  packet.pts = BigInt(pts);
  packet.dts = BigInt(pts);
  packet.isKeyframe = keyframe;
  packet.streamIndex = 0;
  packet.rescaleTs(new av.Rational(1, CLOCK), stream!.timeBase);
  try {
    check(await format.writeFrame(packet), 'sending');
    await format.flush();
  } finally {
    packet.unref();
  }
  tell({ kind: 'written' });
}

function check(code: number, step: 'connecting' | 'sending'): void {
  if (code < 0) throw new Error(pushProblem(step, target, av.FFmpegError.strerror(code)));
}

function tell(message: SenderMessage): void {
  if (process.connected) process.send!(message, () => {});
}

function end(problem: string): void {
  if (!process.connected) process.exit(0);
  process.send!({ kind: 'end', problem } satisfies SenderMessage, () => process.exit(0));
}
