import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { hostCandidates, redirectCandidates, withoutCandidates } from './candidates.ts';
import { type Impairment, type ImpairmentStats, noStats } from './impairment.ts';
import { UdpPath } from './udp-path.ts';

export interface NetworkOptions {
  /** Base URL of the server, http. */
  server: string;
  /** IPv4, of this machine, of the paths; 127.0.0.1 by default, where Firefox sends nothing. */
  address?: string;
  /** From clients to the server, and back. */
  up?: Impairment;
  down?: Impairment;
  /** Two runs with the same seed make the same decisions for the same packets; 1 by default. */
  seed?: number;
}

export interface NetworkStats {
  /** Paths that are open now: one for each peer. */
  paths: number;
  up: ImpairmentStats;
  down: ImpairmentStats;
}

const MAX_PATHS = 4096;
/** A path that was idle for this long is freed. */
const IDLE_MS = 120_000;
const MAX_BODY = 16 << 20;
const DESCRIPTION = /^application\/(sdp|trickle-ice-sdpfrag)/i;

/**
 * A bad network between clients and a server, on loopback. Clients use `url` in the server's place: HTTP, WHIP, WHEP and
 * /ws pass through it unharmed, but every session description is rewritten so that the media's UDP packets have to take a
 * path of ours, impaired per direction and per peer.
 */
export class Network {
  readonly url: string;
  readonly #http: Server;
  readonly #target: URL;
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  readonly #connections = new Set<Duplex | WebSocket>();
  readonly #paths = new Map<string, UdpPath>();
  readonly #sweep: NodeJS.Timeout;
  readonly #gone: { up: ImpairmentStats[]; down: ImpairmentStats[] } = { up: [], down: [] };
  readonly #seed: number;
  readonly #address: string;
  #opened = 0;
  #up: Impairment;
  #down: Impairment;

  static async open(options: NetworkOptions): Promise<Network> {
    const http = createServer();
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return new Network(http, options);
  }

  private constructor(http: Server, { server, address = '127.0.0.1', up = {}, down = {}, seed = 1 }: NetworkOptions) {
    this.#http = http;
    this.#target = new URL(server);
    this.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    this.#up = up;
    this.#down = down;
    this.#seed = seed;
    this.#address = address;
    http.on('request', (incoming, reply) => void this.#relay(incoming, reply));
    http.on('upgrade', (incoming, socket, head) => this.#upgrade(incoming, socket, head));
    http.on('connection', (socket) => {
      this.#connections.add(socket);
      socket.once('close', () => this.#connections.delete(socket));
    });
    this.#sweep = setInterval(() => this.#closeIdle(), IDLE_MS / 4);
  }

  /** Changes what the paths do, those that are open included. A direction that is not given stays. */
  impair({ up, down }: { up?: Impairment; down?: Impairment }): void {
    if (up) this.#up = up;
    if (down) this.#down = down;
    for (const path of this.#paths.values()) {
      path.up.set(this.#up);
      path.down.set(this.#down);
    }
  }

  /** Nothing passes either way until the next `impair`. */
  blackout(): void {
    for (const path of this.#paths.values()) {
      path.up.set({ ...this.#up, blackout: true });
      path.down.set({ ...this.#down, blackout: true });
    }
  }

  /** Another address for every client, as the server sees it. */
  rebind(): void {
    for (const path of this.#paths.values()) path.rebind();
  }

  /** Sends a packet to the server from the address of each of its peers. */
  forge(packet: Uint8Array): void {
    for (const path of this.#paths.values()) path.forge(packet);
  }

  /** Sums over all paths, those that are closed included. */
  getStats(): NetworkStats {
    const paths = [...this.#paths.values()];
    return {
      paths: paths.length,
      up: sum([...this.#gone.up, ...paths.map(({ up }) => up.stats)]),
      down: sum([...this.#gone.down, ...paths.map(({ down }) => down.stats)]),
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    for (const key of [...this.#paths.keys()]) this.#closePath(key);
    for (const connection of this.#connections)
      if (connection instanceof WebSocket) connection.terminate();
      else connection.destroy();
    this.#sockets.close();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  async #relay(incoming: IncomingMessage, reply: ServerResponse): Promise<void> {
    try {
      const described = DESCRIPTION.test(incoming.headers['content-type'] ?? '');
      const body = await readAll(incoming);
      const payload = described ? Buffer.from(withoutCandidates(String(body))) : body;
      const { host: _host, 'content-length': _length, 'transfer-encoding': _coding, ...headers } = incoming.headers;
      const outgoing = request(new URL(incoming.url ?? '/', this.#target), {
        method: incoming.method ?? 'GET',
        headers: {
          ...headers,
          host: this.#target.host,
          ...(payload.length > 0 ? { 'content-length': payload.length } : {}),
        },
      });
      outgoing.end(payload);
      const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
      const answer = await readAll(response);
      const { 'content-length': _size, 'transfer-encoding': _transfer, ...back } = response.headers;
      const rewritten = DESCRIPTION.test(response.headers['content-type'] ?? '')
        ? Buffer.from(await this.#redirect(String(answer)))
        : answer;
      reply.writeHead(response.statusCode ?? 502, { ...back, 'content-length': rewritten.length });
      reply.end(incoming.method === 'HEAD' ? undefined : rewritten);
    } catch {
      // The server is away: what a client of it would see.
      incoming.socket.destroy();
    }
  }

  #upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const url = new URL(incoming.url ?? '/', this.#target);
    url.protocol = 'ws:';
    const { origin, authorization } = incoming.headers;
    const server = new WebSocket(url, {
      perMessageDeflate: false,
      // A page that came through us has our origin, which is the server's own as far as it is concerned.
      ...(origin === undefined ? {} : { origin: origin === this.url ? this.#target.origin : origin }),
      headers: authorization === undefined ? {} : { authorization },
    });
    this.#connections.add(server);
    server.once('close', () => this.#connections.delete(server));
    server.once('error', () => socket.destroy());
    server.once('open', () =>
      this.#sockets.handleUpgrade(incoming, socket, head, (client) => {
        pipe(client, server, (text) => withoutOfferedCandidates(text));
        pipe(server, client, (text) => this.#redirectAnswer(text));
      }),
    );
  }

  async #redirectAnswer(text: string): Promise<string> {
    const message = JSON.parse(text) as { type?: string; sdp?: string };
    if (message.type !== 'answer' || message.sdp === undefined) return text;
    return JSON.stringify({ ...message, sdp: await this.#redirect(message.sdp) });
  }

  async #redirect(sdp: string): Promise<string> {
    const [candidate] = hostCandidates(sdp);
    if (!candidate) return sdp;
    const path = await this.#pathTo(candidate);
    return redirectCandidates(sdp, candidate, { address: this.#address, port: path.port });
  }

  /** The server keeps its port through an ICE restart: then the path is there already. */
  async #pathTo(target: { address: string; port: number }): Promise<UdpPath> {
    const key = `${target.address} ${target.port}`;
    const known = this.#paths.get(key);
    if (known) return known;
    if (this.#paths.size >= MAX_PATHS) throw new Error(`more than ${MAX_PATHS} paths`);
    const path = await UdpPath.open({
      target,
      address: this.#address,
      up: this.#up,
      down: this.#down,
      seed: this.#seed * MAX_PATHS + this.#opened++,
    });
    this.#paths.set(key, path);
    return path;
  }

  #closeIdle(): void {
    for (const [key, path] of this.#paths) if (path.idleFor > IDLE_MS) this.#closePath(key);
  }

  #closePath(key: string): void {
    const path = this.#paths.get(key)!;
    this.#paths.delete(key);
    this.#gone.up = [sum([...this.#gone.up, path.up.stats])];
    this.#gone.down = [sum([...this.#gone.down, path.down.stats])];
    path.close();
  }
}

/** Without what would let the server reach the client around our paths; undefined for a message that is to be dropped. */
function withoutOfferedCandidates(text: string): string | undefined {
  let message: { type?: string; sdp?: unknown; candidate?: { candidate?: unknown } };
  try {
    message = JSON.parse(text) as typeof message;
  } catch {
    return text;
  }
  if (message?.type === 'candidate') return message.candidate?.candidate === '' ? text : undefined;
  if (message?.type !== 'offer' || typeof message.sdp !== 'string') return text;
  return JSON.stringify({ ...message, sdp: withoutCandidates(message.sdp) });
}

/** Relays messages in order, and the end. */
function pipe(from: WebSocket, to: WebSocket, rewrite: (text: string) => string | undefined | Promise<string>): void {
  let turn: Promise<void> = Promise.resolve();
  from.on('message', (data: RawData, isBinary: boolean) => {
    turn = turn.then(async () => {
      const message = isBinary ? (data as Buffer) : await rewrite(String(data));
      if (message !== undefined && to.readyState === to.OPEN) to.send(message, { binary: isBinary });
    });
    turn.catch(() => from.terminate());
  });
  from.on('close', (code, reason) => void turn.finally(() => end(to, code, reason)));
  from.on('error', () => from.terminate());
}

function end(socket: WebSocket, code: number, reason: Buffer): void {
  // Codes that only an implementation may report are not to be sent (RFC 6455 section 7.4.1).
  if (code === 1005 || code === 1006 || code === 1015) socket.terminate();
  else socket.close(code, reason);
}

async function readAll(stream: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of stream as AsyncIterable<Buffer>) {
    parts.push(part);
    length += part.length;
    if (length > MAX_BODY) throw new Error('the body is too large');
  }
  return Buffer.concat(parts);
}

function sum(all: readonly ImpairmentStats[]): ImpairmentStats {
  const total = noStats();
  for (const stats of all) {
    for (const key of ['received', 'delivered', 'receivedBytes', 'deliveredBytes', 'duplicated', 'reordered'] as const)
      total[key] += stats[key];
    for (const key of ['random', 'burst', 'queue', 'size', 'blackout', 'chosen'] as const)
      total.lost[key] += stats.lost[key];
    total.maxQueueBytes = Math.max(total.maxQueueBytes, stats.maxQueueBytes);
  }
  return total;
}
