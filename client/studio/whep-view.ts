import type { ReceivedFrame } from 'depthcast-client';
import { CHANNEL_PROTOCOL } from '../../src/protocol/index.ts';
import { retryDelay } from '../sdk/backoff.ts';
import { FrameReader } from '../sdk/frames.ts';

/** These pages stay open for days: they never give up, and never wait for longer. */
const RETRY = { attempts: Number.POSITIVE_INFINITY, initial: 500, max: 10_000 };
/**
 * ms: of a request; for candidates; of a path that is interrupted; of a picture that stands still, before it no longer counts as
 * live, and before it is fetched anew; of a connection until its first picture; between two looks.
 */
const REQUEST_MS = 10_000;
const GATHER_MS = 1000;
const INTERRUPTED_MS = 4000;
const STILL_MS = 2000;
const STALLED_MS = 15_000;
const SETUP_MS = 15_000;
const WATCH_MS = 1000;
/** A connection that held for so long, in ms, was a good one: the next attempt comes quickly. */
const PROVEN_MS = 10_000;

export interface ViewOptions {
  /** Address of WHEP, with what the track shows. */
  url: URL;
  token: string | undefined;
  /** Takes depth packets too. */
  onDepth?: (frame: ReceivedFrame) => void;
  /** Pictures that came since the last call, or since the connection began: once a second while it holds. */
  onPictures?: (count: number) => void;
  onState: (state: ViewState) => void;
}

/** `problem` is what a person has to change, where it is nothing that time heals. */
export type ViewState =
  | { name: 'connecting' | 'live' }
  | { name: 'waiting'; code: string; message: string; problem: boolean };

class Refused extends Error {
  readonly code: string;
  readonly retryAfter: number;
  readonly problem: boolean;

  constructor(code: string, message: string, { retryAfter = 0, problem = false } = {}) {
    super(message);
    this.code = code;
    this.retryAfter = retryAfter;
    this.problem = problem;
  }
}

/** Shows one stream in a video element for as long as the page is open, and comes back whatever happens to server, stream or network. */
export class WhepView {
  readonly #video: HTMLVideoElement;
  readonly #options: ViewOptions;
  readonly #ended = new AbortController();
  /** Connections made since the page was opened. */
  connections = 0;
  /** performance.now() when the last picture was seen to have come. */
  movedAt = performance.now();

  constructor(video: HTMLVideoElement, options: ViewOptions) {
    this.#video = video;
    this.#options = options;
    // Nobody pauses these pages; browsers do, for media keys, sleep or to save power.
    video.addEventListener('pause', () => {
      if ((video.srcObject as MediaStream | null)?.active) video.play().catch(() => {});
    });
    // So that whoever made it has it before it says anything.
    queueMicrotask(() => void this.#run());
  }

  close(): void {
    this.#ended.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const began = performance.now();
      try {
        this.#options.onState({ name: 'connecting' });
        await this.#connection();
      } catch (thrown) {
        if (signal.aborted) return;
        if (performance.now() - began > PROVEN_MS) attempt = 0;
        const { code = 'CONNECTION_LOST', retryAfter = 0, problem = false, message } = thrown as Partial<Refused>;
        this.#options.onState({ name: 'waiting', code, message: message ?? String(thrown), problem });
        await pause(retryDelay(Math.min(attempt, 16), RETRY, Math.min(retryAfter, 10)), signal);
      }
    }
  }

  /** One connection, until it is lost, which it throws. */
  async #connection(): Promise<never> {
    const pc = new RTCPeerConnection({ iceServers: await this.#iceServers() });
    const ended = new AbortController();
    const { signal } = ended;
    const over = new Promise<never>((_, reject) => {
      const lose = (code: string, message: string) => reject(new Refused(code, message));
      this.#ended.signal.addEventListener('abort', () => lose('CLOSED', 'closed'), { signal });
      this.#watch(pc, lose, signal);
      pc.ontrack = ({ track }) => this.#show(track);
    });
    // Lost before anybody waits for it, it is found when somebody does.
    over.catch(() => {});
    let session: URL | undefined;
    try {
      const transceiver = pc.addTransceiver('video', { direction: 'recvonly' });
      // A jitter buffer's patience is latency here.
      const receiver = transceiver.receiver as RTCRtpReceiver & { jitterBufferTarget?: number | null };
      if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0;
      const reader = this.#openChannel(pc, signal);
      signal.addEventListener('abort', () => reader?.close());
      await pc.setLocalDescription();
      await Promise.race([gathered(pc), pause(GATHER_MS, signal), over]);
      const { answer, location } = await this.#offer(pc.localDescription?.sdp ?? '');
      session = location;
      await pc.setRemoteDescription({ type: 'answer', sdp: answer });
      this.connections++;
      return await over;
    } catch (thrown) {
      // Lost with its server, or its path, it is not there to be ended, or cannot be reached.
      if ((thrown as Refused).code === 'CONNECTION_LOST') session = undefined;
      throw thrown;
    } finally {
      ended.abort();
      pc.close();
      if (session) void this.#request(session, { method: 'DELETE', keepalive: true }).catch(() => {});
    }
  }

  #openChannel(pc: RTCPeerConnection, signal: AbortSignal): FrameReader | undefined {
    const { onDepth } = this.#options;
    if (!onDepth) return undefined;
    const reader = new FrameReader(onDepth);
    const channel = pc.createDataChannel('depth', { ordered: false, maxRetransmits: 1, protocol: CHANNEL_PROTOCOL });
    channel.binaryType = 'arraybuffer';
    channel.addEventListener('message', ({ data }) => reader.push(new Uint8Array(data as ArrayBuffer)), { signal });
    return reader;
  }

  /** The old picture stays until the new one is there. */
  #show(track: MediaStreamTrack): void {
    const show = () => {
      this.#video.srcObject = new MediaStream([track]);
      this.#video.play().catch(() => {});
    };
    if (track.muted) track.addEventListener('unmute', show, { once: true });
    else show();
  }

  #watch(pc: RTCPeerConnection, lose: (code: string, message: string) => void, signal: AbortSignal): void {
    const began = performance.now();
    let frames = 0;
    let movedAt: number | undefined;
    let interruptedAt: number | undefined;
    let live = false;
    const look = async () => {
      const now = performance.now();
      const { connectionState } = pc;
      if (connectionState === 'failed' || connectionState === 'closed')
        return lose('CONNECTION_LOST', 'no path to the server');
      interruptedAt = connectionState === 'disconnected' ? (interruptedAt ?? now) : undefined;
      if (interruptedAt !== undefined && now - interruptedAt > INTERRUPTED_MS)
        return lose('CONNECTION_LOST', 'the path to the server was interrupted');
      const received = await framesOf(pc);
      if (signal.aborted) return;
      this.#options.onPictures?.(Math.max(0, received - frames));
      if (received > frames) {
        frames = received;
        movedAt = this.movedAt = now;
        if (!live) this.#options.onState({ name: 'live' });
        live = true;
      } else if (live && now - this.movedAt > STILL_MS) {
        live = false;
        this.#options.onState({ name: 'waiting', code: 'NO_PICTURE', message: 'no picture comes', problem: false });
      }
      if (movedAt === undefined && now - began > SETUP_MS) lose('TIMEOUT', 'no picture came');
      else if (movedAt !== undefined && now - movedAt > STALLED_MS) lose('TIMEOUT', 'the picture stood still');
    };
    pc.addEventListener('connectionstatechange', () => void look(), { signal });
    const timer = setInterval(() => void look(), WATCH_MS);
    signal.addEventListener('abort', () => clearInterval(timer));
    // The first picture is not to wait for the next look.
    pc.addEventListener('track', ({ track }) => track.addEventListener('unmute', () => void look(), { signal }), {
      signal,
    });
  }

  /** Those that the server names to whoever may view. */
  async #iceServers(): Promise<RTCIceServer[]> {
    const response = await this.#request(this.#options.url, { method: 'OPTIONS' });
    const links = response.headers.get('link') ?? '';
    return [...links.matchAll(/<([^>]+)>; rel="ice-server"([^<]*)/g)].map(([, urls = '', rest = '']) => {
      const quoted = (key: string) =>
        new RegExp(`${key}="((?:[^"\\\\]|\\\\.)*)"`).exec(rest)?.[1]?.replaceAll(/\\(.)/g, '$1');
      const [username, credential] = [quoted('username'), quoted('credential')];
      return {
        urls,
        ...(username === undefined ? {} : { username }),
        ...(credential === undefined ? {} : { credential }),
      };
    });
  }

  async #offer(sdp: string): Promise<{ answer: string; location: URL | undefined }> {
    const headers = { 'content-type': 'application/sdp' };
    const response = await this.#request(this.#options.url, { method: 'POST', headers, body: sdp });
    const text = await response.text();
    if (response.ok) {
      const location = response.headers.get('location');
      return { answer: text, location: location === null ? undefined : new URL(location, response.url) };
    }
    const { code = `HTTP_${response.status}`, message = text } = readJson(text);
    const retryAfter = Number(response.headers.get('retry-after') ?? 0) || 0;
    const heals = [408, 409, 429].includes(response.status) || response.status >= 500;
    throw new Refused(code, message, { retryAfter, problem: !heals });
  }

  async #request(url: URL, init: RequestInit): Promise<Response> {
    const { token } = this.#options;
    const headers = {
      ...(init.headers as Record<string, string>),
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    };
    try {
      return await fetch(url, { ...init, headers, signal: AbortSignal.timeout(REQUEST_MS) });
    } catch {
      throw new Refused('SERVER_UNREACHABLE', 'the server cannot be reached');
    }
  }
}

async function framesOf(pc: RTCPeerConnection): Promise<number> {
  let frames = 0;
  for (const report of (await pc.getStats()).values())
    if (report.type === 'inbound-rtp') frames += (report as RTCInboundRtpStreamStats).framesDecoded ?? 0;
  return frames;
}

const gathered = (pc: RTCPeerConnection): Promise<void> =>
  new Promise((resolve) => {
    const look = () => pc.iceGatheringState === 'complete' && resolve();
    pc.addEventListener('icegatheringstatechange', look);
    look();
  });

function readJson(text: string): { code?: string; message?: string } {
  try {
    return JSON.parse(text) as { code?: string; message?: string };
  } catch {
    return {};
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
