import { Random } from '../../attacks/random.ts';
import { SctpVictim } from '../../attacks/sctp/peer.ts';
import { CHUNK, chunk, data, FIRST, LAST, packet, seal, u16, u32 } from '../../attacks/sctp/wire.ts';
import { damagedBytes } from '../mutate.ts';
import { defineTarget } from '../target.ts';

const TAG_AT = 4;
const random = new Random(1);
let victim = fresh();

function fresh(): SctpVictim {
  const made = new SctpVictim(random);
  made.establish(false);
  return made;
}

const VALID = [
  packet(0, victim.init(CHUNK.init)),
  packet(0, data(victim.tsn, 2, 7, 51, FIRST | LAST, Buffer.from('hello'))),
  packet(0, chunk(CHUNK.sack, 0, Buffer.concat([u32(9, 1 << 20), u16(2, 1), u16(1, 3, 5, 7), u32(9)]))),
  packet(0, chunk(CHUNK.forwardTsn, 0, Buffer.concat([u32(victim.tsn + 5), u16(1, 2, 3, 4)]))),
  packet(0, chunk(CHUNK.reConfig, 0, Buffer.concat([u16(13, 18), u32(1, 2, 3), u16(7, 0)]))),
  packet(0, chunk(CHUNK.cookieEcho, 0, u32(1)), data(victim.tsn, 1, 0, 53, FIRST, Buffer.alloc(40))),
];

export default defineTarget({
  name: 'sctp',
  about: 'SCTP packets with the right tag and checksum, towards an association that stands',
  inputs: () => damagedBytes(VALID),
  read: (input) => {
    const bytes = Buffer.from(input);
    if (bytes.length >= 12) bytes.writeUInt32BE(victim.tag, TAG_AT);
    victim.send(seal(bytes));
    victim.wait(1);
    const { lost } = victim;
    if (lost !== undefined || victim.engine.memoryBytes > 4 << 20) victim = fresh();
    if (/unreachable|memory/.test(lost ?? '')) throw new Error(`the module failed: ${lost}`);
    return lost === undefined;
  },
});
