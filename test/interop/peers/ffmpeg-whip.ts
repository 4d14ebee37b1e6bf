// FFmpeg's own WHIP muxer (through node-av): ffmpeg-whip.ts URL NAME CLIP. It sends until its standard input ends.
import { setTimeout as sleep } from 'node:timers/promises';
import * as av from 'node-av';
import { CLIP_FPS, type ClipName, ok, openEncoder, pictures } from '../clips.ts';

const [url, name, clip] = process.argv.slice(2) as [string, string, ClipName];
const seen = { connected: false, sent: 0, track: 0, depth: 0 };
let ended = false;
process.stdin.on('end', () => {
  ended = true;
});
process.stdin.resume();

try {
  const encoder = await openEncoder(clip, true);
  const output = new av.FormatContext();
  ok(output.allocOutputContext2(null, 'whip', `${url}/whip/${name}`));
  const stream = output.newStream(null);
  ok(stream.codecpar.fromContext(encoder));
  stream.timeBase = new av.Rational(1, 90_000);
  ok(await output.writeHeader(null));
  seen.connected = true;
  await send(encoder, output, stream);
  await output.writeTrailer();
} catch (error) {
  console.log(JSON.stringify({ ...seen, error: (error as Error).message }));
}
process.exit(0);

async function send(encoder: av.CodecContext, output: av.FormatContext, stream: av.Stream): Promise<void> {
  const packet = new av.Packet();
  packet.alloc();
  const startedAt = performance.now();
  for await (const frame of pictures()) {
    if (ended) return;
    ok(await encoder.sendFrame(frame));
    while (encoder.receivePacketSync(packet) >= 0) {
      packet.streamIndex = 0;
      packet.rescaleTs({ num: 1, den: CLIP_FPS }, stream.timeBase);
      ok(await output.interleavedWriteFrame(packet));
      seen.sent++;
    }
    if (seen.sent % 3 === 0) console.log(JSON.stringify(seen));
    await sleep(Math.max(0, startedAt + (1000 * seen.sent) / CLIP_FPS - performance.now()));
  }
}
