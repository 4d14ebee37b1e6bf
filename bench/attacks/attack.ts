import { setTimeout as sleep } from 'node:timers/promises';
import { RtcClient } from '../../test/support/rtc-client.ts';

/** Bytes of IPv4 and UDP that each packet carries besides its payload. */
const HEADER_BYTES = 28;
const CONNECT_MS = 10_000;

/** One kind of attack, as one peer carries it out. */
export interface Attack {
  /** Short, as the table shows it. */
  name: string;
  /** Of its packets, about; what it is compared with sends as many. 1000 by default. */
  bytes?: number;
  /** It needs an https server. */
  https?: boolean;
  run(target: Target): Promise<void>;
}

interface ConnectOptions {
  role?: 'view' | 'publish';
  /** A data channel is offered. Its SCTP is the attack's to speak. */
  data?: boolean;
  beforeDtls?: boolean;
}

/** How far an attack has come, to show that it took hold. */
export interface Tally {
  /** Connections of its own that were made. */
  connections: number;
  /** How far the last of them came. */
  reached: string;
  packets: number;
  bytes: number;
}

/** The server that is attacked, and how fast. */
export class Target {
  readonly url: string;
  readonly tally: Tally = { connections: 0, reached: 'nothing', packets: 0, bytes: 0 };
  /** The address that the requests come from, as a proxy tells it: each attack is another client. */
  readonly address: string;
  /** Of a packet, where the attack does not say. */
  readonly bytes: number;
  readonly #bytesPerMs: number;
  readonly #until: number;
  #credit = 0;
  #at = performance.now();

  constructor(url: string, address: string, bitsPerSecond: number, seconds: number, bytes = 1000) {
    this.address = address;
    this.bytes = bytes;
    this.url = url;
    this.#bytesPerMs = bitsPerSecond / 8000;
    this.#until = performance.now() + seconds * 1000;
  }

  get over(): boolean {
    return performance.now() >= this.#until;
  }

  /** One more connection of the attacker's has come so far. */
  opened(phase: string): void {
    this.tally.connections++;
    this.tally.reached = phase;
  }

  /** Waits until so many bytes may be sent. */
  async pace(bytes: number): Promise<void> {
    const cost = bytes + HEADER_BYTES;
    for (;;) {
      const now = performance.now();
      // What a busy machine kept the attacker from sending does not come at once.
      this.#credit = Math.min(this.#credit + (now - this.#at) * this.#bytesPerMs, 20 * this.#bytesPerMs + cost);
      this.#at = now;
      if (this.#credit >= cost || this.over) break;
      await sleep(2);
    }
    this.#credit -= cost;
    this.tally.packets++;
    this.tally.bytes += bytes;
  }

  /** Sends packets one after the other at the rate, until the time is over or the server has ended the session. */
  async flood(next: () => Buffer, send: (packet: Buffer) => void, alive: () => boolean): Promise<void> {
    while (!this.over && alive()) {
      const packet = next();
      await this.pace(packet.length);
      send(packet);
    }
  }

  /** Connects as a viewer of the scene, or as a publisher; again and again, as often as the server ends it. */
  async again(
    options: ConnectOptions,
    use: (client: RtcClient, alive: () => boolean, answer: string) => Promise<void>,
  ): Promise<void> {
    while (!this.over) {
      const connected = await this.connect(options).catch(() => undefined);
      if (connected) {
        const { client, answer } = connected;
        let ended = false;
        client.ice.on('lost', () => {
          ended = true;
        });
        const alive = () => !ended && client.dtls.state !== 'closed' && client.dtls.state !== 'failed';
        await use(client, alive, answer).catch(() => {});
        await client.close().catch(() => {});
      }
      await sleep(200);
    }
  }

  async connect({ role = 'view', data = false, beforeDtls = false }: ConnectOptions): Promise<{
    client: RtcClient;
    answer: string;
  }> {
    const direction = role === 'view' ? 'recvonly' : 'sendonly';
    const client = await RtcClient.create({ direction, data, sctp: false });
    const path = role === 'view' ? 'whep/scene-room' : `whip/attacker-${Math.floor(Math.random() * 1e9)}`;
    const answer = await this.post(path, client.offerSdp);
    let up = false;
    client.ice.on('connected', () => {
      up = true;
    });
    client.accept(answer);
    if (beforeDtls) client.dtls.start = async () => {};
    const until = performance.now() + CONNECT_MS;
    while (beforeDtls ? !up : client.dtls.state !== 'connected') {
      if (performance.now() > until || client.dtls.state === 'failed') {
        await client.close().catch(() => {});
        throw new Error('not connected');
      }
      await sleep(20);
    }
    this.opened(beforeDtls ? 'ICE' : 'DTLS');
    return { client, answer };
  }

  async post(path: string, offer: string): Promise<string> {
    const response = await fetch(`${this.url}/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/sdp', 'x-forwarded-for': this.address },
      body: offer,
    });
    const text = await response.text();
    if (response.status !== 201) throw new Error(`${response.status} ${text}`);
    return text;
  }
}
