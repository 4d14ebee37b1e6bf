import wrtc from '@roamhq/wrtc';
import { WebSocket } from 'ws';
import { DepthSession } from '../../client/sdk/session.ts';
import { type ClientReport, type ClientSpec, newReport } from './protocol.ts';

const { MediaStream, nonstandard } = wrtc;

/** The SDK as a browser runs it, but with the peer connections of libwebrtc and the sockets of ws. */
export class SdkSession {
  readonly report: ClientReport;
  readonly source = new nonstandard.RTCVideoSource();
  readonly #session: DepthSession;

  constructor(spec: ClientSpec) {
    this.report = newReport(spec.id);
    this.#session = new DepthSession({
      server: spec.bases[0]!,
      source: new MediaStream([this.source.createTrack()]) as never,
      output: { track: 'off', data: 'u8' },
      retry: { attempts: 100 },
    });
    this.#session.on('state', ({ name }) => {
      this.report.connected = name === 'live';
      if (name !== 'live') return;
      const sdp = this.#session.connection?.remoteDescription?.sdp ?? '';
      const replica = /a=candidate:\S+ 1 udp \d+ (127\.\S+)/i.exec(sdp)?.[1] ?? '';
      const sessions = this.report.sessions + 1;
      Object.assign(this.report, {
        replica,
        sessions,
        connectedAt: Date.now(),
        answeredAt: Date.now(),
        firstFrameAt: 0,
      });
    });
    this.#session.on('depth', () => {
      this.report.frames++;
      this.report.lastFrameAt = Date.now();
      this.report.firstFrameAt ||= Date.now();
    });
    this.#session.on('error', ({ code, retryAfter }) => {
      this.report.refusals.push({ status: code, retryAfter, at: Date.now() });
      if (this.report.refusals.length > 100) this.report.refusals.shift();
    });
  }

  async close(): Promise<void> {
    this.#session.close();
  }
}

/** What the SDK expects of a browser. */
export function asBrowser(localAddress: string): void {
  class Socket extends WebSocket {
    constructor(url: string) {
      super(url, { localAddress });
    }
  }
  Object.assign(globalThis, { WebSocket: Socket, RTCPeerConnection: wrtc.RTCPeerConnection, MediaStream });
}
