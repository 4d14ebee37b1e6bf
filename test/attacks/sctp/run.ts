import { SCTP_PACKET_BYTES } from '../../../src/webrtc/sctp/association.ts';
import { encodeOpen } from '../../../src/webrtc/sctp/dcep.ts';
import { Random } from '../random.ts';
import { SctpVictim } from './peer.ts';
import { CHUNK, chunk, data, FIRST, LAST, packet, seal, UNORDERED, u16, u32 } from './wire.ts';

export interface SctpReport {
  associations: number;
  established: number;
  /** Ended by what the attacker did. */
  lost: number;
  packets: number;
  /** Most memory of an instance, in bytes. */
  memoryBytes: number;
  kinds: Map<string, number>;
  faults: string[];
}

const MAX_FAULTS = 10;
/** An instance begins with 0.9 MiB; a full receive window, its chunks and their copies fit. */
const MAX_MEMORY_BYTES = 8 << 20;
/** INITs and retransmissions of a minute. */
const MAX_UNASKED_PACKETS = 40;
const MAX_MESSAGE = 16 << 10;

type Move = (victim: SctpVictim, random: Random) => void;

const tsnNear = (victim: SctpVictim, random: Random): number =>
  (victim.tsn + random.pick([0, 0, 0, 1, 2, -1, 5, 100, 3000, 2 ** 31, -(2 ** 31)])) >>> 0;
const streamOf = (random: Random): number => random.pick([0, 1, 2, 3, 1023, 1024, 65_535, random.int(65_536)]);

/** What a peer with keys may send, good and bad. */
const MOVES: Record<string, Move> = {
  message: (victim, random) => {
    victim.sendChunks(
      data(victim.tsn++ >>> 0, random.int(4), 0, 53, FIRST | LAST | UNORDERED, random.bytes(random.int(1100) + 1)),
    );
  },
  'open a channel': (victim, random) => {
    const open = encodeOpen({ label: 'x'.repeat(random.int(40)), protocol: '', ordered: random.chance(0.5) });
    victim.sendChunks(data(victim.tsn++ >>> 0, streamOf(random), 0, 50, FIRST | LAST, open));
  },
  'fragments without an end': (victim, random) => {
    const size = random.pick([1, 1, 8, 200]);
    const count = Math.floor(1100 / (16 + 4 * Math.ceil(size / 4)));
    const flags = random.chance(0.5) ? UNORDERED : 0;
    for (let n = 1 + random.int(40); n > 0 && !victim.lost; n--)
      victim.sendChunks(
        ...Array.from({ length: count }, () => data(victim.tsn++ >>> 0, 1, 0, 53, flags, random.bytes(size))),
      );
  },
  'first fragments alone': (victim, random) => {
    for (let n = 1 + random.int(20); n > 0 && !victim.lost; n--)
      victim.sendChunks(
        ...Array.from({ length: 50 }, () =>
          data(victim.tsn++ >>> 0, streamOf(random), random.int(65_536), 53, FIRST, Buffer.alloc(1)),
        ),
      );
  },
  gaps: (victim, random) => {
    for (let n = 0; n < 60 && !victim.lost; n++)
      victim.sendChunks(
        data((victim.tsn + 2 * random.int(2000)) >>> 0, 1, random.int(65_536), 53, random.int(8), random.bytes(20)),
      );
  },
  'data anywhere': (victim, random) => {
    victim.sendChunks(
      data(
        tsnNear(victim, random),
        streamOf(random),
        random.int(65_536),
        random.pick([50, 51, 53, 56, 0, 2 ** 32 - 1]),
        random.int(16),
        random.bytes(random.int(60)),
      ),
    );
  },
  'FORWARD TSN': (victim, random) => {
    const streams = Array.from({ length: random.pick([0, 1, 250]) }, () => u16(streamOf(random), random.int(65_536)));
    for (let n = random.pick([1, 1, 50]); n > 0 && !victim.lost; n--)
      victim.sendChunks(chunk(CHUNK.forwardTsn, 0, Buffer.concat([u32(tsnNear(victim, random) - 1), ...streams])));
  },
  SACK: (victim, random) => {
    const gaps = Array.from({ length: random.pick([0, 1, 3, 200]) }, () => u16(random.int(65_536), random.int(65_536)));
    const duplicates = Array.from({ length: random.pick([0, 2, 50]) }, () => u32(random.int(2 ** 32)));
    const point = (victim.theirHighest + random.pick([0, 0, -1, 1, 1000, 2 ** 31])) >>> 0;
    const counts = random.chance(0.8)
      ? u16(gaps.length, duplicates.length)
      : u16(random.int(65_536), random.int(65_536));
    victim.sendChunks(
      chunk(
        CHUNK.sack,
        0,
        Buffer.concat([u32(point, random.pick([0, 1 << 20, 2 ** 32 - 1])), counts, ...gaps, ...duplicates]),
      ),
    );
  },
  'another INIT': (victim, random) => {
    const before = victim.ownTag;
    const other = chunk(
      CHUNK.init,
      0,
      Buffer.concat([
        u32(before ^ 1, random.int(2 ** 20)),
        u16(random.int(65_536), random.int(65_536)),
        u32(random.int(2 ** 32)),
      ]),
    );
    victim.send(packet(0, other));
  },
  'a handshake chunk': (victim, random) => {
    const type = random.pick([
      CHUNK.initAck,
      CHUNK.cookieEcho,
      CHUNK.cookieAck,
      CHUNK.shutdownComplete,
      CHUNK.heartbeatAck,
      CHUNK.error,
    ]);
    victim.sendChunks(chunk(type, random.int(2), random.bytes(random.int(64))));
  },
  heartbeat: (victim, random) => {
    victim.sendChunks(chunk(CHUNK.heartbeat, 0, Buffer.concat([u16(1, 4 + 40), random.bytes(40)])));
  },
  'stream reset': (victim, random) => {
    const streams = Array.from({ length: random.pick([0, 1, 3, 400]) }, () => u16(streamOf(random)));
    const body = Buffer.concat([u32(random.int(2 ** 32), random.int(2 ** 32), tsnNear(victim, random)), ...streams]);
    const parameter = Buffer.concat([
      u16(random.pick([13, 13, 13, 14, 16, 17, 15]), 4 + body.length),
      body,
      Buffer.alloc((4 - (body.length % 4)) % 4),
    ]);
    victim.sendChunks(chunk(CHUNK.reConfig, 0, parameter));
  },
  'wrong lengths': (victim, random) => {
    victim.send(
      packet(
        victim.tag,
        chunk(
          random.pick(Object.values(CHUNK)),
          random.int(256),
          random.bytes(random.int(80)),
          random.pick([0, 1, 3, 4, 65_535, random.int(200)]),
        ),
      ),
    );
  },
  'unknown chunk': (victim, random) => {
    victim.sendChunks(chunk(random.int(256), random.int(256), random.bytes(random.int(200))));
  },
  noise: (victim, random) => {
    const bytes = random.bytes(random.int(1200));
    if (bytes.length >= 8 && random.chance(0.7)) bytes.writeUInt32BE(victim.tag, 4);
    victim.send(random.chance(0.7) ? seal(bytes) : bytes);
  },
  'we send': (victim, random) => {
    const stream = random.int(3);
    if (
      !victim.association.open(stream, { ordered: random.chance(0.5), maxRetransmits: random.pick([undefined, 0, 3]) })
    )
      return;
    for (let n = random.int(6); n > 0; n--)
      victim.association.send(stream, 53, random.bytes(1 + random.int(MAX_MESSAGE)), victim.now);
    victim.pump();
  },
  'time passes': (victim, random) => victim.wait(random.pick([1, 50, 250, 1000, 6000])),
  end: (victim, random) => {
    if (random.chance(0.2))
      victim.sendChunks(
        chunk(random.pick([CHUNK.abort, CHUNK.shutdown, CHUNK.shutdownAck]), 0, u32(victim.theirHighest)),
      );
  },
};

/** Plays associations with successive seeds against ours in this process, and stops after ten faults. */
export function runAssociations(count: number, firstSeed: number, tick = (_done: number) => {}): SctpReport {
  const report: SctpReport = {
    associations: 0,
    established: 0,
    lost: 0,
    packets: 0,
    memoryBytes: 0,
    kinds: new Map(),
    faults: [],
  };
  for (let seed = firstSeed; seed < firstSeed + count && report.faults.length < MAX_FAULTS; seed++) {
    const what = playAssociation(seed, report);
    if (what) report.faults.push(`seed ${seed}: ${what}`);
    tick(++report.associations);
  }
  return report;
}

function playAssociation(seed: number, report: SctpReport): string | undefined {
  const random = new Random(seed);
  const victim = new SctpVictim(random);
  // Some attack before there is an association.
  const early = random.chance(0.1);
  if (!early) {
    victim.establish(random.chance(0.5));
    if (!victim.connected) return 'an honest handshake failed';
    report.established++;
  }
  let packets = 0;
  const send = victim.send.bind(victim);
  victim.send = (bytes) => {
    packets++;
    report.packets++;
    send(bytes);
  };
  const before = victim.bytesSent;
  const names: string[] = [];
  let offered = 0;
  for (let moves = 1 + random.int(12); moves > 0 && !victim.lost; moves--) {
    const name = random.pick(Object.keys(MOVES));
    names.push(name);
    if (name === 'we send') offered += 6 * MAX_MESSAGE;
    report.kinds.set(name, (report.kinds.get(name) ?? 0) + 1);
    try {
      MOVES[name]!(victim, random);
    } catch (error) {
      return `${names.join(', ')}: ${(error as Error).message}`;
    }
  }
  const { memoryBytes } = victim.engine;
  report.memoryBytes = Math.max(report.memoryBytes, memoryBytes);
  if (victim.lost) report.lost++;
  if (/unreachable|memory/.test(victim.lost ?? '')) return `${names.join(', ')}: the module failed: ${victim.lost}`;
  if (memoryBytes > MAX_MEMORY_BYTES) return `${names.join(', ')}: the instance took ${memoryBytes} bytes`;
  // At most an answer to each packet; what we have to say ourselves is sent a few times over.
  const answered = victim.bytesSent - before - 8 * offered;
  if (answered > SCTP_PACKET_BYTES * (packets + MAX_UNASKED_PACKETS))
    return `${names.join(', ')}: ${answered} bytes sent for ${packets} packets`;
  return undefined;
}
