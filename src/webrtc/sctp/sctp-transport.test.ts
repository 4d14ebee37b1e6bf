import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DtlsTransport } from '../dtls/dtls-transport.ts';
import { TransportModule } from '../engine/transport-module.ts';
import { SctpAssociation, type SctpOutput } from './association.ts';
import type { DataChannel } from './data-channel.ts';
import { encodeOpen, PPID } from './dcep.ts';
import { SctpTransport } from './sctp-transport.ts';

/** A transport of ours, and the other end of its association in the test's hands. */
class Bench {
  readonly channels: DataChannel[] = [];
  readonly abuses: string[] = [];
  /** Packets with data that the transport sent. */
  transmitted = 0;
  /** What the other end saw: messages, and streams that were ended. */
  readonly seen: (SctpOutput & { type: 'message' | 'reset' })[] = [];
  readonly peer: SctpAssociation;
  readonly transport: SctpTransport;
  readonly #toPeer: Buffer[] = [];
  readonly #receive: (packet: Buffer) => void;

  constructor() {
    const dtls = { engine: new TransportModule(), sendData: (packet: Buffer) => void this.#toPeer.push(packet) };
    this.transport = new SctpTransport(dtls as unknown as DtlsTransport, {
      agreement: { index: 0, mid: '0', sctpPort: 5000, maxMessageSize: 65_536, legacy: false },
      maxMessageSize: 65_536,
      fail: (thrown) => {
        throw thrown;
      },
      onTransmit: () => this.transmitted++,
    })
      .on('channel', (channel) => this.channels.push(channel))
      .on('abuse', (detail) => this.abuses.push(detail));
    this.#receive = (dtls as unknown as DtlsTransport).dataReceiver;
    const now = performance.now();
    this.peer = new SctpAssociation(new TransportModule(), { port: 5000, maxSend: 65_536, maxReceive: 65_536, now });
    this.transport.start();
    this.pump();
    for (let stream = 0; stream < 20; stream++) this.peer.open(stream, { ordered: true });
  }

  /** A message of the peer's, and what comes of it. */
  send(stream: number, ppid: number, message: Buffer): void {
    this.peer.send(stream, ppid, message, performance.now());
    this.pump();
  }

  pump(): void {
    for (let turn = 0; turn < 20; turn++) {
      for (let output = this.peer.poll(); output; output = this.peer.poll())
        if (output.type === 'packet') this.#receive(output.packet);
        else if (output.type === 'message' || output.type === 'reset') this.seen.push(output);
      for (const packet of this.#toPeer.splice(0)) this.peer.receive(packet, performance.now());
      // Acknowledgements that wait for more.
      vi.advanceTimersByTime(50);
      if (this.peer.deadline <= performance.now()) this.peer.timeout(performance.now());
    }
  }
}

const OPEN = encodeOpen({ label: 'depth', protocol: '', ordered: false, maxRetransmits: 0 });
const changed = (offset: number, ...bytes: number[]): Buffer => {
  const message = Buffer.from(OPEN);
  message.set(bytes, offset);
  return message;
};

describe('data channels of a peer', () => {
  let bench: Bench;
  beforeEach(() => {
    vi.useFakeTimers();
    bench = new Bench();
  });
  afterEach(() => {
    bench.transport.close();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it('are acknowledged, once', () => {
    bench.send(2, PPID.control, OPEN);
    bench.send(2, PPID.control, OPEN);
    bench.send(2, PPID.control, Buffer.from([2]));
    expect(bench.channels.map(({ label, ordered, maxRetransmits }) => [label, ordered, maxRetransmits])).toEqual([
      ['depth', false, 0],
    ]);
    expect(bench.seen).toMatchObject([{ type: 'message', stream: 2, ppid: PPID.control, data: Buffer.from([2]) }]);
    bench.channels[0]!.close();
    bench.pump();
    expect(bench.seen.at(-1)).toEqual({ type: 'reset', stream: 2 });
  });

  it.each([
    ['of an unknown kind', changed(1, 0x03)],
    ['whose label ends behind it', changed(8, 0xff, 0xff)],
    ['with bytes behind its label', Buffer.concat([OPEN, Buffer.from([0])])],
    ['cut short', OPEN.subarray(0, 5)],
    ['with a label of many kilobytes', encodeOpen({ label: 'x'.repeat(5000), protocol: '', ordered: true })],
  ])('%s are closed, so that the peer does not wait for them', (_what, message) => {
    bench.send(4, PPID.control, message);
    expect(bench.channels).toEqual([]);
    expect(bench.seen).toEqual([{ type: 'reset', stream: 4 }]);
    // The others are none the worse for it.
    bench.send(6, PPID.control, OPEN);
    expect(bench.channels.map(({ label }) => label)).toEqual(['depth']);
    expect(bench.abuses).toEqual([]);
  });

  it('get no answer to what is no message of theirs', () => {
    bench.send(4, PPID.control, Buffer.from([7, 1, 2, 3]));
    bench.send(4, PPID.control, Buffer.from([2]));
    bench.send(4, PPID.binary, Buffer.from('early'));
    bench.send(4, 99, Buffer.from('of an unknown kind'));
    expect(bench.seen).toEqual([]);
    bench.send(4, PPID.control, OPEN);
    const got: (Buffer | string)[] = [];
    bench.channels[0]!.on('message', (data) => got.push(data));
    bench.send(4, PPID.text, Buffer.from('text'));
    bench.send(4, PPID.emptyText, Buffer.from([0]));
    bench.send(4, 99, Buffer.from('of an unknown kind'));
    bench.send(4, PPID.emptyBinary, Buffer.from([0]));
    expect(got).toEqual(['text', '', Buffer.alloc(0)]);
  });

  it('tell of each packet that left with data, and of none that only answers', () => {
    expect(bench.transmitted).toBe(0);
    bench.send(2, PPID.control, OPEN);
    // The acknowledgement of the channel is a message like any other.
    expect(bench.transmitted).toBe(1);
    bench.channels[0]!.send(Buffer.alloc(3000));
    bench.pump();
    expect(bench.transmitted).toBe(4);
    bench.send(2, PPID.text, Buffer.from('text'));
    expect(bench.transmitted).toBe(4);
  });
});
