import { chunk, Reassembler } from '../../../src/protocol/index.ts';
import { damagedBytes } from '../mutate.ts';
import { defineTarget } from '../target.ts';
import { CHUNKS, PACKETS } from './wire-packet.ts';

const VALID = [...CHUNKS, ...PACKETS.flatMap((packet, i) => chunk(packet, i, 64))];
let reassembler: Reassembler;

export default defineTarget({
  name: 'wire-chunk',
  about: 'chunks of depth packets, put together by one reassembler',
  inputs: () => damagedBytes(VALID),
  open: () => {
    reassembler = new Reassembler();
  },
  read: (message) => {
    const { malformed } = reassembler.stats;
    try {
      return reassembler.push(message) !== undefined;
    } catch (thrown) {
      if (reassembler.stats.malformed !== malformed + 1) throw new Error('not counted', { cause: thrown });
      throw thrown;
    }
  },
});
