import { setTimeout as sleep } from 'node:timers/promises';
import wrtc from '@roamhq/wrtc';
import { ask } from './http-client.ts';
import { type ClientReport, type ClientSpec, GONE, newReport } from './protocol.ts';

const { RTCPeerConnection, nonstandard } = wrtc;
/** How often a client asks whether its session still is. */
const BEAT_MS = 1000;
const RETRY_MS = 500;
const CONNECT_MS = 15_000;

/**
 * A WHIP publisher or WHEP viewer (libwebrtc) that comes back by itself: it asks for its session once a second and begins
 * anew where there is none, waiting as long as it is told to.
 */
export class HttpSession {
  readonly report: ClientReport;
  readonly source = new nonstandard.RTCVideoSource();
  readonly #spec: ClientSpec;
  readonly #localAddress: string;
  #peer: RTCPeerConnection | undefined;
  #sink: { stop(): void } | undefined;
  #location: string | undefined;
  #closed = false;

  constructor(spec: ClientSpec, localAddress: string) {
    this.#spec = spec;
    this.#localAddress = localAddress;
    this.report = newReport(spec.id);
    void this.#run();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#drop();
    if (this.#location) await this.#ask(this.#location, 'DELETE').catch(() => {});
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        const retryAfter = await this.#open();
        if (retryAfter === undefined) this.report.ends.push(await this.#stay());
        else await sleep(Math.max(RETRY_MS, retryAfter * 1000));
      } catch (thrown) {
        this.#refused((thrown as Error).message, undefined);
        await sleep(RETRY_MS);
      }
      this.#drop();
    }
  }

  /** @returns seconds to wait where it was refused */
  async #open(): Promise<number | undefined> {
    const peer = new RTCPeerConnection();
    this.#peer = peer;
    if (this.#spec.kind === 'publish') peer.addTransceiver(this.source.createTrack(), { direction: 'sendonly' });
    else peer.addTransceiver('video', { direction: 'recvonly' });
    peer.ontrack = ({ track }) => this.#watch(track);
    await peer.setLocalDescription(await peer.createOffer());
    const until = performance.now() + 1000;
    while (peer.iceGatheringState !== 'complete' && performance.now() < until) await sleep(20);
    const path = `/${this.#spec.kind === 'publish' ? 'whip' : 'whep'}/${this.#spec.stream}`;
    const { status, headers, body } = await this.#ask(path, 'POST', {
      headers: { 'content-type': 'application/sdp' },
      body: peer.localDescription!.sdp,
    });
    if (status !== 201) {
      const retryAfter = headers['retry-after'] === undefined ? undefined : Number(headers['retry-after']);
      this.#refused(String(status), retryAfter);
      return retryAfter ?? 0;
    }
    this.#location = headers.location;
    Object.assign(this.report, {
      replica: /a=candidate:\S+ 1 udp \d+ (127\.\S+)/i.exec(body)?.[1] ?? '',
      sessions: this.report.sessions + 1,
      answeredAt: Date.now(),
      connectedAt: 0,
      firstFrameAt: 0,
    });
    await peer.setRemoteDescription({ type: 'answer', sdp: body });
    return undefined;
  }

  /** Until the session is no more. @returns why */
  async #stay(): Promise<string> {
    const peer = this.#peer!;
    let nextBeat = performance.now() + BEAT_MS;
    const until = performance.now() + CONNECT_MS;
    while (!this.#closed) {
      await sleep(50);
      const state = peer.connectionState;
      if (state === 'failed' || state === 'closed') return state;
      if (state === 'connected' && !this.report.connected) {
        this.report.connected = true;
        this.report.connectedAt = Date.now();
      } else if (!this.report.connected && performance.now() > until) return 'not connected in time';
      if (performance.now() < nextBeat) continue;
      // That nobody answers says nothing of the session, whose media takes another way.
      const reply = await this.#ask(this.#location!, 'PATCH', {
        headers: { 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '*' },
        body: 'a=end-of-candidates\r\n',
      }).catch(() => undefined);
      if (reply?.status === 404) return GONE;
      nextBeat = performance.now() + BEAT_MS;
    }
    return 'closed';
  }

  #watch(track: MediaStreamTrack): void {
    if (this.#spec.kind === 'publish') return;
    const sink = new nonstandard.RTCVideoSink(track);
    sink.onframe = () => {
      this.report.frames++;
      this.report.lastFrameAt = Date.now();
      this.report.firstFrameAt ||= Date.now();
    };
    this.#sink = sink;
  }

  #ask(path: string, method: string, more: { headers?: Record<string, string>; body?: string } = {}) {
    return ask(this.#spec.bases, path, { method, localAddress: this.#localAddress, ...more });
  }

  #refused(status: string, retryAfter: number | undefined): void {
    this.report.refusals.push({ status, retryAfter, at: Date.now() });
    if (this.report.refusals.length > 100) this.report.refusals.shift();
  }

  #drop(): void {
    this.report.connected = false;
    this.#sink?.stop();
    this.#sink = undefined;
    this.#peer?.close();
    this.#peer = undefined;
  }
}
