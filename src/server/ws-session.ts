import type { RawData, WebSocket } from 'ws';
import { DepthcastError, toDepthcastError } from '../errors.ts';
import { allowedSizes } from '../model/size.ts';
import {
  type ClientMessage,
  type ErrorSubject,
  type ModelInfo,
  type OutputChange,
  PROTOCOL_VERSIONS,
  toErrorPayload,
} from '../protocol/messages.ts';
import { iceServers } from '../session/client-ice-servers.ts';
import type { Registry } from '../session/registry.ts';
import type { ServerContext } from '../session/server-context.ts';
import type { PublisherSession } from '../session/session.ts';
import type { StreamReport } from '../stream/stream-stats.ts';
import type { IceCandidateInit } from '../webrtc/index.ts';
import type { Grant } from './authorizer.ts';
import { MessageSocket } from './message-socket.ts';
import { type OutputContext, OutputControl } from './output-control.ts';
import { longer, TokenExpiry } from './token-expiry.ts';
import { MessageReader, RATE_LIMIT } from './ws-reader.ts';

type CandidateMessage = Extract<ClientMessage, { type: 'candidate' }>['candidate'];

const HELLO_MS = 10_000;

/** Messages that may be refused without the end of the session. */
const MAY_BE_REFUSED: ReadonlySet<ClientMessage['type']> = new Set(['settings', 'candidate', 'token', 'anchors']);

export type WsContext = OutputContext &
  Pick<ServerContext, 'config' | 'device' | 'log' | 'metrics' | 'peers' | 'version'> & {
    registry: Pick<Registry, 'draining'>;
  };

/** How a connection is authorised. */
export interface ConnectionAuth {
  /** Address that it came from, where that is known. */
  readonly client: string | undefined;
  /** Whether the token of `hello`, or that of the request, is good. Throws UNAUTHORIZED, FORBIDDEN, RATE_LIMITED. */
  admit(token: string | undefined): Promise<Grant>;
  /** Whether a later token is good. Throws as `admit`. */
  renew(token: string): Promise<Grant>;
  /** To be told when media flows. */
  settle(): void;
}

/** One connection to `/ws`: hello, offer, and then a session whose settings may change while it runs. */
export class WsSession {
  readonly #socket: MessageSocket;
  readonly #context: WsContext;
  readonly #auth: ConnectionAuth;
  #grant: Grant = { expiresAt: undefined };
  #expiry: TokenExpiry | undefined;
  /** Runs out where the next step of the set-up does not come: hello, then the offer. */
  #patience: NodeJS.Timeout;
  readonly #reader = new MessageReader();
  readonly #output: OutputControl;
  #greeted = false;
  #publisher: PublisherSession | undefined;
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;
  #closed = false;
  /** Settles when its publisher has ended. */
  #ended: Promise<void> | undefined;

  constructor(socket: WebSocket, context: WsContext, auth: ConnectionAuth) {
    this.#context = context;
    this.#auth = auth;
    this.#output = new OutputControl(context);
    this.#patience = this.#expect('hello', HELLO_MS);
    this.#socket = new MessageSocket(socket, context, {
      message: (data, isBinary) => this.#receive(data, isBinary),
      ended: (reason) => {
        this.#closed = true;
        this.#ended = this.#end(reason);
      },
    });
  }

  /** Tells the client why, and ends. */
  async close(reason: string, retryAfter?: number): Promise<void> {
    this.#socket.send({ type: 'closing', reason, ...(retryAfter === undefined ? {} : { retryAfter }) });
    this.#socket.close(1001, reason);
    await this.#ended;
  }

  #receive(data: RawData, isBinary: boolean): void {
    try {
      const message = this.#reader.read(data, isBinary);
      // In order, one at a time; the rate limit bounds how many can wait.
      if (++this.#waiting > RATE_LIMIT) throw new DepthcastError('BAD_MESSAGE', { detail: 'too many messages wait' });
      this.#turn = this.#turn.then(async () => {
        this.#waiting--;
        if (this.#closed) return;
        try {
          await this.#handle(message);
        } catch (thrown) {
          const resumable = this.#greeted && MAY_BE_REFUSED.has(message.type);
          this.#refuse(toDepthcastError(thrown), subjectOf(message.type), resumable);
        }
      });
    } catch (thrown) {
      // Candidates and anchors are some of many: one that cannot be read is no reason to lose the session.
      const { kind } = this.#reader;
      const resumable = this.#greeted && (kind === 'candidate' || kind === 'anchors');
      this.#refuse(toDepthcastError(thrown), subjectOf(kind), resumable);
    }
  }

  async #handle(message: ClientMessage): Promise<void> {
    if (message.type === 'hello') {
      await this.#greet(message);
      return;
    }
    if (!this.#greeted) throw new DepthcastError('BAD_MESSAGE', { detail: 'the first message must be hello' });
    switch (message.type) {
      case 'offer':
        await this.#offer(message.sdp, message.output);
        break;
      case 'candidate':
        await this.#publisher?.peer.addCandidate(ofCandidate(message.candidate));
        break;
      case 'settings':
        await this.#output.change(message.output ?? {});
        if (message.camera !== undefined) this.#output.setCamera(message.camera);
        this.#tellSettings();
        break;
      case 'anchors':
        if (!this.#publisher) throw new DepthcastError('BAD_MESSAGE', { detail: 'anchors come after the offer' });
        this.#publisher.stream.anchor(message.anchors);
        break;
      case 'token':
        await this.#renew(message.token);
        break;
      case 'reset':
        this.#publisher?.stream.reset();
        break;
      case 'ping':
        this.#socket.send({ type: 'pong', id: message.id });
        break;
      case 'bye':
        this.#socket.close(1000, 'bye', 'client ended it');
        await this.#ended;
        break;
    }
  }

  async #greet({ protocol, token, camera }: Extract<ClientMessage, { type: 'hello' }>): Promise<void> {
    if (this.#greeted) throw new DepthcastError('BAD_MESSAGE', { detail: 'hello came twice' });
    if (!(PROTOCOL_VERSIONS as readonly number[]).includes(protocol)) {
      const detail = `${protocol}; this server speaks ${PROTOCOL_VERSIONS.join(' and ')}`;
      throw new DepthcastError('PROTOCOL_VERSION', { detail });
    }
    const { config, pool, version } = this.#context;
    this.#grant = await this.#auth.admit(token);
    if (this.#closed) return;
    if (this.#context.registry.draining) throw new DepthcastError('DRAINING', { retryAfter: 5 });
    clearTimeout(this.#patience);
    this.#patience = this.#expect('offer', Math.max(HELLO_MS, config.limits.setupSeconds * 1000));
    this.#greeted = true;
    if (camera) this.#output.setCamera(camera);
    this.#socket.send({
      type: 'welcome',
      protocol,
      server: `depthcast ${version}`,
      device: this.#context.device,
      models: pool.models.map(({ manifest }): ModelInfo => {
        const { name, title, unit } = manifest;
        const { sizes, default: defaultSize } = allowedSizes(manifest);
        return { name, title, unit, sizes, defaultSize };
      }),
      output: this.#output.now,
      iceServers: iceServers(config.rtc),
    });
  }

  async #renew(token: string): Promise<void> {
    this.#grant = longer(this.#grant, await this.#auth.renew(token));
    this.#expiry?.renew(this.#grant);
    const { expiresAt } = this.#grant;
    this.#socket.send({ type: 'token', expires: expiresAt === undefined ? null : Math.floor(expiresAt / 1000) });
  }

  async #offer(sdp: string, output: OutputChange = {}): Promise<void> {
    if (this.#publisher) {
      this.#socket.send({ type: 'answer', sdp: await this.#publisher.peer.restart(sdp) });
      this.#tellNotes(this.#publisher);
      return;
    }
    clearTimeout(this.#patience);
    await this.#output.change(output);
    const { track, range: _, ...wanted } = this.#output.now;
    const { client } = this.#auth;
    const { camera } = this.#output;
    const options = { ...wanted, role: 'duplex', track: track === 'gray', camera, client } as const;
    const publisher = await this.#context.peers.publish(sdp, options);
    if (this.#closed) {
      await publisher.close('socket closed');
      return;
    }
    this.#publisher = publisher;
    publisher.peer.once('connected', this.#auth.settle);
    publisher.on('report', (report) => this.#report(report));
    publisher.on('trouble', (error, about) => this.#tell(error, about, false));
    publisher.on('closed', (reason, error) => {
      if (error) this.#fail(error, 'session');
      else void this.close(reason);
    });
    this.#output.attach(publisher);
    if (this.#context.config.jwt.endsSessions) this.#expiry = new TokenExpiry(publisher, this.#grant);
    this.#socket.send({ type: 'answer', sdp: publisher.peer.answerSdp });
    this.#tellSettings();
    this.#tellNotes(publisher);
  }

  #tellSettings(): void {
    const { now: output, camera } = this.#output;
    this.#socket.send({ type: 'settings', output, ...(camera ? { camera } : {}) });
  }

  /** What of the offer is not done. */
  #tellNotes({ peer }: PublisherSession): void {
    for (const detail of peer.notes) this.#tell(new DepthcastError('NOT_NEGOTIATED', { detail }), 'offer', false);
  }

  #expect(what: 'hello' | 'offer', ms: number): NodeJS.Timeout {
    const detail = `no ${what} came`;
    return setTimeout(() => this.#refuse(new DepthcastError('SETUP_TIMEOUT', { detail }), what), ms);
  }

  #report(report: StreamReport): void {
    const { last, source } = this.#publisher!.stream;
    this.#socket.send({
      type: 'stats',
      stats: {
        ...report,
        epoch: last.epoch,
        near: last.near,
        far: last.far,
        source: { width: last.width, height: last.height, codec: source?.codec ?? '' },
        depth: { width: last.depthWidth, height: last.depthHeight },
      },
    });
  }

  /** Counts what the client did wrong, tells it, and unless it may go on ends the session. */
  #refuse(error: DepthcastError, about: ErrorSubject, resumable = false): void {
    if (this.#closed) return;
    this.#context.metrics.rejected.inc({ code: error.code });
    if (resumable) this.#tell(error, about, false);
    else this.#fail(error, about);
  }

  #fail(error: DepthcastError, about: ErrorSubject): void {
    if (this.#closed) return;
    this.#tell(error, about, true);
    const { code, detail } = error;
    this.#context.log.info({ code, detail }, 'ws session refused or ended');
    // 1008: policy violation; the error message before it says what happened.
    this.#socket.close(1008, code);
  }

  #tell(error: DepthcastError, about: ErrorSubject, fatal: boolean): void {
    this.#socket.send({ type: 'error', ...toErrorPayload(error), fatal, about });
  }

  async #end(reason: string): Promise<void> {
    clearTimeout(this.#patience);
    await this.#publisher?.close(reason);
  }
}

/** What the refusal of a message of this type is about. */
function subjectOf(type: unknown): ErrorSubject {
  const known = ['hello', 'offer', 'candidate', 'settings', 'token'] as const;
  return known.find((one) => one === type) ?? 'message';
}

/** An empty line ends the candidates. */
function ofCandidate(candidate: CandidateMessage): IceCandidateInit {
  if (typeof candidate !== 'object' || candidate === null) return { candidate: candidate ?? '' };
  const { candidate: line, sdpMid, sdpMLineIndex } = candidate;
  return { candidate: line ?? '', sdpMid: sdpMid ?? null, sdpMLineIndex: sdpMLineIndex ?? null };
}
