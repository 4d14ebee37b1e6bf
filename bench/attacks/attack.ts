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

/** The server that is attacked, and how fast. */
export class Target {
  readonly url: string;
  /** Of a packet, where the attack does not say. */
  readonly bytes: number;
  readonly #bytesPerMs: number;
  readonly #until: number;
  #credit = 0;
  #at = performance.now();
  sent = 0;

  constructor(url: string, bitsPerSecond: number, seconds: number, bytes = 1000) {
    this.bytes = bytes;
    this.url = url;
    this.#bytesPerMs = bitsPerSecond / 8000;
    this.#until = performance.now() + seconds * 1000;
  }

  get over(): boolean {
    return performance.now() >= this.#until;
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
    this.sent += bytes;
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
    options: { role?: 'view' | 'publish'; data?: boolean; beforeDtls?: boolean },
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
        await use(client, () => !ended && client.dtls.state !== 'closed' && client.dtls.state !== 'failed', answer);
        await client.close().catch(() => {});
      }
      await sleep(200);
    }
  }

  async connect({
    role = 'view',
    data = false,
    beforeDtls = false,
  }: {
    role?: 'view' | 'publish';
    data?: boolean;
    beforeDtls?: boolean;
  }): Promise<{ client: RtcClient; answer: string }> {
    const client = await RtcClient.create({ direction: role === 'view' ? 'recvonly' : 'sendonly', data });
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
    return { client, answer };
  }

  async post(path: string, offer: string): Promise<string> {
    const response = await fetch(`${this.url}/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/sdp' },
      body: offer,
    });
    const text = await response.text();
    if (response.status !== 201) throw new Error(`${response.status} ${text}`);
    return text;
  }
}
