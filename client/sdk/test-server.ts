import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import { MediaStream, MediaStreamTrack, type RTCDataChannel, RTCPeerConnection } from 'werift';
import { type WebSocket, WebSocketServer } from 'ws';
import { chunk, encodeFrame } from '../../src/protocol/index.ts';
import type { ClientMessage, ServerMessage } from '../../src/protocol/messages.ts';
import { OUTPUT_SETTINGS } from '../../test/support/output-settings.ts';

const deflate = promisify<Uint8Array, Buffer>(deflateRaw);

export const welcome = (protocol = 2): ServerMessage => ({
  type: 'welcome',
  protocol,
  server: 'test 0',
  device: 'CPU',
  models: [{ name: 'm', title: 'M', unit: 'disparity', sizes: [128, 256], defaultSize: 256 }],
  output: OUTPUT_SETTINGS,
  iceServers: [],
});

/** One client of the test server: its socket, and its peer once it made an offer. */
export class TestClient {
  readonly received: ClientMessage[] = [];
  readonly #socket: WebSocket;
  #wake = () => {};
  #sequence = 0;
  peer: RTCPeerConnection | undefined;
  channel: RTCDataChannel | undefined;
  output = OUTPUT_SETTINGS;
  closed = false;

  constructor(socket: WebSocket, answer: (client: TestClient, message: ClientMessage) => void | Promise<void>) {
    this.#socket = socket;
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as ClientMessage;
      this.received.push(message);
      void answer(this, message);
      this.#wake();
    });
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  send(message: ServerMessage | string): void {
    this.#socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Ends the connection without a closing message. */
  drop(): void {
    this.#socket.terminate();
    void this.peer?.close();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition())
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  types(): string[] {
    return this.received.map(({ type }) => type);
  }

  /** What a server does: greets, answers offers with a real peer, and keeps settings. */
  async serve(message: ClientMessage): Promise<void> {
    switch (message.type) {
      case 'hello':
        this.send(welcome());
        break;
      case 'offer':
        this.output = Object.assign({ ...this.output }, message.output);
        await this.#answer(message.sdp);
        break;
      case 'settings':
        this.output = Object.assign({ ...this.output }, message.output);
        this.send({ type: 'settings', output: this.output });
        break;
      case 'ping':
        this.send({ type: 'pong', id: message.id });
    }
  }

  async sendFrame(frameId: number): Promise<void> {
    const size = { width: 4, height: 3, sourceWidth: 640, sourceHeight: 480 };
    const info = {
      frameId,
      epoch: 0,
      rtpTimestamp: frameId * 3000,
      ...size,
      unit: 'disparity',
      near: 1,
      far: 0,
    } as const;
    const packet = await encodeFrame(info, new Float32Array(12).fill(0.5), 'u16', deflate);
    for (const message of chunk(packet, this.#sequence++)) this.channel?.send(Buffer.from(message));
  }

  async #answer(sdp: string): Promise<void> {
    this.peer ??= new RTCPeerConnection({ iceServers: [] });
    this.peer.ondatachannel = ({ channel }) => {
      this.channel = channel;
      this.#wake();
    };
    await this.peer.setRemoteDescription({ type: 'offer', sdp });
    for (const transceiver of this.peer.getTransceivers()) transceiver.setDirection('sendrecv');
    await this.peer.setLocalDescription(await this.peer.createAnswer());
    this.send({ type: 'answer', sdp: this.peer.localDescription?.sdp ?? '' });
  }
}

/** A signalling server over real sockets whose behaviour each test decides. */
export class TestServer {
  readonly clients: TestClient[] = [];
  readonly #server: WebSocketServer;
  readonly port: number;
  #wake = () => {};
  answer: (client: TestClient, message: ClientMessage) => void | Promise<void> = (client, message) =>
    client.serve(message);

  private constructor(server: WebSocketServer) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => {
      this.clients.push(new TestClient(socket, (client, message) => this.answer(client, message)));
      this.#wake();
    });
  }

  static async start(port = 0): Promise<TestServer> {
    const server = new WebSocketServer({ port, host: '127.0.0.1' });
    await new Promise((resolve) => server.once('listening', resolve));
    return new TestServer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The client number `index`, as soon as it has come. */
  async client(index: number): Promise<TestClient> {
    for (;;) {
      const client = this.clients[index];
      if (client) return client;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.drop();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A stream whose one video track never sends anything. */
export function silentStream(): globalThis.MediaStream {
  return new MediaStream([new MediaStreamTrack({ kind: 'video' })]) as unknown as globalThis.MediaStream;
}
