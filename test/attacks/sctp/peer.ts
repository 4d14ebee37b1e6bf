import { TransportModule } from '../../../src/webrtc/engine/transport-module.ts';
import { SctpAssociation, type SctpOutput } from '../../../src/webrtc/sctp/association.ts';
import type { Random } from '../random.ts';
import { CHUNK, chunk, chunks, packet, u16, u32 } from './wire.ts';

const WINDOW = 1 << 20;
const COOKIE_PARAMETER = 7;

/** An association of ours in this process, and the other end in an attacker's hands. */
export class SctpVictim {
  readonly engine = new TransportModule();
  readonly association: SctpAssociation;
  now = 1000;
  connected = false;
  lost: string | undefined;
  messages = 0;
  packetsSent = 0;
  bytesSent = 0;
  /** Tag that packets to the victim carry. */
  tag = 0;
  /** The attacker's next sequence number. */
  tsn: number;
  /** The victim's first, and the highest that it has used. */
  theirFirst = 0;
  theirHighest = 0;
  readonly ownTag: number;
  #cookie: Buffer | undefined;

  constructor(random: Random) {
    this.ownTag = 1 + random.int(2 ** 31);
    this.tsn = random.int(2 ** 32);
    this.association = new SctpAssociation(this.engine, {
      port: 5000,
      maxSend: 65_536,
      maxReceive: 262_144,
      now: this.now,
    });
  }

  /** Sends a packet, or any bytes, and takes what comes of it. */
  send(bytes: Buffer): void {
    this.association.receive(bytes, this.now);
    this.pump();
  }

  sendChunks(...list: Buffer[]): void {
    this.send(packet(this.tag, ...list));
  }

  /** Lets time pass, timers included. */
  wait(ms: number): void {
    const until = this.now + ms;
    while (this.association.deadline <= until) {
      this.now = Math.max(this.now + 0.1, this.association.deadline);
      this.association.timeout(this.now);
      this.pump();
    }
    this.now = until;
    this.pump();
  }

  /** A handshake as it should be. @param answers INIT with INIT ACK; else with an INIT of its own, as both may */
  establish(answers: boolean): void {
    this.pump();
    if (answers) this.send(packet(this.tag, this.init(CHUNK.initAck)));
    else this.send(packet(0, this.init(CHUNK.init)));
    for (let i = 0; i < 4 && !this.connected; i++) this.wait(600);
  }

  init(type: number, ...parameters: Buffer[]): Buffer {
    const fixed = Buffer.concat([u32(this.ownTag, WINDOW), u16(1024, 1024), u32(this.tsn)]);
    // FORWARD TSN and RE-CONFIG are supported.
    const extensions = Buffer.concat([u16(0xc000, 4), u16(0x8008, 6), Buffer.from([192, 130, 0, 0])]);
    const cookie =
      type === CHUNK.initAck ? Buffer.concat([u16(COOKIE_PARAMETER, 12), Buffer.alloc(8, 3)]) : Buffer.alloc(0);
    return chunk(type, 0, Buffer.concat([fixed, extensions, cookie, ...parameters]));
  }

  pump(): void {
    for (let output = this.association.poll(); output; output = this.association.poll()) this.#take(output);
  }

  #take(output: SctpOutput): void {
    if (output.type === 'connected') this.connected = true;
    else if (output.type === 'lost') this.lost = output.reason;
    else if (output.type === 'message') this.messages++;
    else if (output.type === 'packet') {
      this.packetsSent++;
      this.bytesSent += output.packet.length;
      for (const each of chunks(output.packet)) this.#answer(each.type, each.body);
    }
  }

  /** As much of a peer as it takes to come up. */
  #answer(type: number, body: Buffer): void {
    if (type === CHUNK.init || type === CHUNK.initAck) {
      this.tag = body.readUInt32BE(0);
      this.theirFirst = body.readUInt32BE(12);
      this.theirHighest = (this.theirFirst - 1) >>> 0;
    }
    if (type === CHUNK.initAck && !this.#cookie) {
      for (let at = 16; at + 4 <= body.length; at += 4 * Math.ceil(body.readUInt16BE(at + 2) / 4))
        if (body.readUInt16BE(at) === COOKIE_PARAMETER)
          this.#cookie = body.subarray(at + 4, at + body.readUInt16BE(at + 2));
      if (this.#cookie) this.association.receive(packet(this.tag, chunk(CHUNK.cookieEcho, 0, this.#cookie)), this.now);
    }
    if (type === CHUNK.cookieEcho)
      this.association.receive(packet(this.tag, chunk(CHUNK.cookieAck, 0, Buffer.alloc(0))), this.now);
    if (type === CHUNK.data) {
      const tsn = body.readUInt32BE(0);
      if (((tsn - this.theirHighest) | 0) > 0) this.theirHighest = tsn;
    }
  }
}
