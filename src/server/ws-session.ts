import type { RawData, WebSocket } from 'ws';
import { DepthcastError, toDepthcastError } from '../errors.ts';
import { allowedSizes } from '../model/manifest.ts';
import type { IceCandidateInit } from '../rtc/index.ts';
import type { House } from '../session/house.ts';
import { iceServers } from '../session/peer-support.ts';
import { Publisher } from '../session/publisher.ts';
import type { StreamReport } from '../session/stream-stats.ts';
import { checkBearer } from './auth.ts';
import {
  type ClientMessage,
  type ModelInfo,
  type OutputChange,
  type OutputSettings,
  PROTOCOL_VERSION,
  type ServerMessage,
} from './messages.ts';
import { short } from './whip.ts';
import { MessageReader, RATE_LIMIT } from './ws-reader.ts';

type CandidateMessage = Extract<ClientMessage, { type: 'candidate' }>['candidate'];

const HELLO_MS = 10_000;
const HEARTBEAT_MS = 15_000;
/** A client that does not read its messages is let go. */
const MAX_BUFFERED = 1 << 20;

/** One connection to `/ws`: hello, offer, and then a session whose settings may change while it runs. */
export class WsSession {
  readonly #socket: WebSocket;
  readonly #house: House;
  readonly #hello: NodeJS.Timeout;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #reader = new MessageReader();
  #greeted = false;
  #alive = true;
  #publisher: Publisher | undefined;
  #output: OutputSettings;
  #turn: Promise<void> = Promise.resolve();
  #waiting = 0;
  #closed = false;

  constructor(socket: WebSocket, house: House) {
    this.#socket = socket;
    this.#house = house;
    this.#output = defaultOutput(house);
    this.#hello = setTimeout(
      () => this.#fail(new DepthcastError('SETUP_TIMEOUT', { detail: 'no hello came' })),
      HELLO_MS,
    );
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('pong', () => {
      this.#alive = true;
    });
    socket.on('error', (error) => house.log.debug({ err: error }, 'socket error'));
    socket.on('close', () => void this.#end('socket closed'));
  }

  /** Tells the client why, and ends. */
  async close(reason: string, retryAfter?: number): Promise<void> {
    this.#send({ type: 'closing', reason, ...(retryAfter === undefined ? {} : { retryAfter }) });
    this.#socket.close(1001, reason);
    await this.#end(reason);
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#closed) return;
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
          this.#fail(toDepthcastError(thrown), message.type === 'settings' || message.type === 'candidate');
        }
      });
    } catch (thrown) {
      this.#fail(toDepthcastError(thrown));
    }
  }

  async #handle(message: ClientMessage): Promise<void> {
    if (message.type === 'hello') {
      this.#greet(message);
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
        await this.#applySettings(message.output);
        this.#send({ type: 'settings', output: this.#output });
        break;
      case 'reset':
        this.#publisher?.stream.reset();
        break;
      case 'ping':
        this.#send({ type: 'pong', id: message.id });
        break;
      case 'bye':
        this.#socket.close(1000, 'bye');
        await this.#end('client ended it');
        break;
    }
  }

  #greet({ protocol, token }: Extract<ClientMessage, { type: 'hello' }>): void {
    if (this.#greeted) throw new DepthcastError('BAD_MESSAGE', { detail: 'hello came twice' });
    if (protocol !== PROTOCOL_VERSION)
      throw new DepthcastError('PROTOCOL_VERSION', { detail: `${protocol}; this server speaks ${PROTOCOL_VERSION}` });
    const { config, pool, version } = this.#house;
    checkBearer(config.server.tokens, token === undefined ? undefined : `Bearer ${token}`);
    if (this.#house.registry.draining) throw new DepthcastError('DRAINING', { retryAfter: 5 });
    clearTimeout(this.#hello);
    this.#greeted = true;
    this.#send({
      type: 'welcome',
      protocol: PROTOCOL_VERSION,
      server: `depthcast ${version}`,
      device: this.#house.device,
      models: pool.models.map(({ manifest }): ModelInfo => {
        const { name, title, unit } = manifest;
        const { sizes, default: defaultSize } = allowedSizes(manifest);
        return { name, title, unit, sizes, defaultSize };
      }),
      output: this.#output,
      iceServers: iceServers(config.rtc),
    });
  }

  async #offer(sdp: string, output: OutputChange = {}): Promise<void> {
    if (this.#publisher) {
      this.#send({ type: 'answer', sdp: await this.#publisher.peer.restart(sdp) });
      return;
    }
    const now = this.#output;
    const wanted = {
      track: output.track ?? now.track,
      data: output.data ?? now.data,
      model: output.model ?? now.model,
      range: output.range ?? now.range,
    };
    const publisher = await Publisher.open(this.#house, sdp, {
      role: 'duplex',
      model: wanted.model,
      track: wanted.track === 'gray',
      data: wanted.data,
    });
    if (this.#closed) {
      await publisher.close('socket closed');
      return;
    }
    this.#publisher = publisher;
    publisher.on('report', (report) => this.#report(report));
    publisher.on('trouble', (error) => this.#fail(error, true));
    publisher.on('closed', (reason, error) => {
      if (error) this.#fail(error);
      else void this.close(reason);
    });
    const { size } = publisher.stream;
    this.#output = { ...now, size, model: wanted.model, track: wanted.track, data: wanted.data };
    await this.#applySettings({ size: output.size, range: wanted.range });
    this.#house.log.info({ session: short(publisher.id), kind: 'ws' }, 'session opened');
    this.#send({ type: 'answer', sdp: publisher.peer.answerSdp });
    this.#send({ type: 'settings', output: this.#output });
  }

  /** Applies what differs; a setting that is refused leaves the ones before it applied and the rest unchanged. */
  async #applySettings(output: OutputChange): Promise<void> {
    const publisher = this.#publisher;
    const now = this.#output;
    if (output.model !== undefined && output.model !== now.model) {
      const inferencer = await this.#house.pool.get(output.model);
      publisher?.stream.setInferencer(inferencer);
      now.model = output.model;
      now.size = allowedSizes(inferencer.model).default;
    }
    if (output.size !== undefined && output.size !== now.size) {
      publisher?.stream.setSize(output.size);
      now.size = output.size;
    }
    if (output.range !== undefined) {
      publisher?.stream.setRange(output.range);
      now.range = output.range;
    }
    if (output.data !== undefined && output.data !== now.data) {
      publisher?.setData(output.data);
      now.data = output.data;
    }
    if (output.track !== undefined && output.track !== now.track) {
      publisher?.setTrack(output.track === 'gray');
      now.track = output.track;
    }
  }

  #report(report: StreamReport): void {
    const { last, source } = this.#publisher!.stream;
    this.#send({
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

  #fail(error: DepthcastError, goesOn = false): void {
    if (this.#closed) return;
    const { code, message, retryAfter } = error;
    if (!goesOn) this.#house.metrics.rejected.inc({ code });
    this.#send({ type: 'error', code, message, fatal: !goesOn, ...(retryAfter === undefined ? {} : { retryAfter }) });
    if (goesOn) return;
    this.#house.log.info({ code, detail: error.detail }, 'ws session refused or ended');
    // 1008: policy violation; the error message before it says what happened.
    this.#socket.close(1008, code);
    void this.#end(code);
  }

  #send(message: ServerMessage): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > MAX_BUFFERED) this.#socket.terminate();
    else this.#socket.send(JSON.stringify(message));
  }

  #beat(): void {
    if (!this.#alive) {
      this.#socket.terminate();
      return;
    }
    this.#alive = false;
    this.#socket.ping();
  }

  async #end(reason: string): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#hello);
    clearInterval(this.#heartbeat);
    await this.#publisher?.close(reason);
  }
}

function ofCandidate({ candidate, sdpMid, sdpMLineIndex }: CandidateMessage): IceCandidateInit {
  return { candidate, sdpMid: sdpMid ?? null, sdpMLineIndex: sdpMLineIndex ?? null };
}

function defaultOutput({ config, pool }: House): OutputSettings {
  const { manifest } = pool.models[0]!;
  return {
    track: config.output.track,
    data: config.output.data,
    range: 'auto',
    model: manifest.name,
    size: config.depth.size ?? allowedSizes(manifest).default,
  };
}
