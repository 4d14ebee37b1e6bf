import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { DepthError, toDepthError } from '../sdk/errors.ts';
import { type Source, sourceOf } from '../sdk/sources/source.ts';
import { load } from './platform.ts';

interface WeriftModule {
  MediaStream: typeof MediaStream;
  MediaStreamTrack: new (options: { kind: 'video' }) => MediaStreamTrack & { writeRtp(packet: Uint8Array): void };
}

export interface RtpOptions {
  /** UDP port to receive on; 0 takes a free one. */
  port: number;
  /** Address to listen at; 127.0.0.1 by default. */
  host?: string;
}

export interface RtpSource extends Source {
  /** The UDP port. */
  readonly port: number;
  /** Packets taken so far. */
  readonly packets: number;
}

/**
 * A source that takes RTP packets over UDP, as GStreamer's rtpvp8pay or `ffmpeg -f rtp` sends them, and passes them on as
 * they are: a robot's hardware encoder serves without another encode. Sent through werift. The codec must be the
 * session's `codec`, and keyframes must come by themselves (every second or two): the encoder cannot be asked for them.
 * @throws DepthError WEBRTC_UNSUPPORTED when werift is not installed, SOURCE_UNSUPPORTED when the port cannot be opened
 */
export async function openRtp({ port, host = '127.0.0.1' }: RtpOptions): Promise<RtpSource> {
  const { MediaStream, MediaStreamTrack } = await load<WeriftModule>('werift');
  const track = new MediaStreamTrack({ kind: 'video' });
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.bind(port, host);
    await once(socket, 'listening');
  } catch (thrown) {
    socket.close();
    throw toDepthError(thrown, 'SOURCE_UNSUPPORTED');
  }
  let packets = 0;
  let closed = false;
  socket.on('message', (packet) => {
    // RTCP shares the port with some senders (RFC 5761, section 4); only RTP version 2 is passed on.
    const type = packet[1]! & 0x7f;
    if (packet.length < 12 || packet[0]! >> 6 !== 2 || (type >= 64 && type < 96)) return;
    packets++;
    track.writeRtp(packet);
  });
  // Errors of single packets are not errors of the source.
  socket.on('error', () => {});
  const stream = new MediaStream([track]);
  const source = sourceOf(stream, `rtp ${host}:${socket.address().port}`, () => {
    // A session closes its source, and so may whoever opened it; dgram throws at a second time.
    if (closed) return;
    closed = true;
    socket.close();
    track.stop();
  });
  if (source.track !== track) throw new DepthError('SOURCE_UNSUPPORTED', { detail: 'werift lost the track' });
  return Object.defineProperties(source, {
    port: { value: socket.address().port },
    packets: { get: () => packets },
  }) as RtpSource;
}
