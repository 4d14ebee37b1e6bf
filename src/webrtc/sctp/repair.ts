/** The private parts of werift's SCTP association that this file puts right. */
export interface SctpAssociation {
  handleData(packet: Buffer): Promise<void>;
  transmit(): Promise<void>;
  updateRto(seconds: number): void;
  maybeAbandon(chunk: OutgoingChunk): boolean;
  updateAdvancedPeerAckPoint(): void;
  markReceived(tsn: number): boolean;
  flightSizeDecrease(chunk: OutgoingChunk): void;
  sentQueue: OutgoingChunk[];
  outboundQueue: OutgoingChunk[];
  forwardTsnChunk: ForwardTsn | undefined;
  advancedPeerAckTsn: number;
  lastSackedTsn: number;
  lastReceivedTsn: number | undefined;
  advertisedRwnd: number;
  sackMisOrdered: Set<number>;
  sackDuplicates: number[];
}

interface OutgoingChunk {
  tsn: number;
  flags: number;
  abandoned: boolean;
  acked: boolean;
  retransmit: boolean;
  sentCount: number;
  maxRetransmits: number | undefined;
  /** ms since the Unix epoch, given a lifetime in the unit that {@link LIFETIME_SCALE} makes. */
  expiry: number | undefined;
}

interface ForwardTsn {
  cumulativeTsn: number;
  streams: [stream: number, sequence: number][];
}

/** werift divides lifetimes by this although it adds them to milliseconds. */
export const LIFETIME_SCALE = 1000;

const LAST_FRAGMENT = 0x01;
const FIRST_FRAGMENT = 0x02;
const FORWARD_INTERVAL_MS = 100;
const MAX_DUPLICATES = 64;
const MAX_ROUND_TRIP_S = 60;

function isAfter(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

/**
 * Replaces the methods of werift 0.24's association that break partially reliable channels (RFC 3758): they take 0
 * retransmits for "no limit", give up the wrong message, leave its bytes counted as in flight until nothing may be
 * sent any more, and never repeat a lost FORWARD TSN.
 */
export function repairSctp(association: SctpAssociation): void {
  association.maybeAbandon = (chunk) => maybeAbandon(association, chunk);
  repairForwardTsn(association);
  association.markReceived = (tsn) => markReceived(association, tsn);
  // Round trips are taken from the wall clock, which may be set: what cannot be one would spoil the average for long.
  const updateRto = association.updateRto.bind(association);
  association.updateRto = (seconds) => {
    if (seconds >= 0 && seconds <= MAX_ROUND_TRIP_S) updateRto(seconds);
  };
}

/** @returns whether the chunk is not to be sent again */
function maybeAbandon(association: SctpAssociation, chunk: OutgoingChunk): boolean {
  if (chunk.abandoned || chunk.acked) return true;
  const tooOften = chunk.maxRetransmits !== undefined && chunk.sentCount > chunk.maxRetransmits;
  const tooOld = chunk.expiry !== undefined && Date.now() > chunk.expiry;
  if (!tooOften && !tooOld) return false;
  const { sentQueue, outboundQueue } = association;
  let first = sentQueue.indexOf(chunk);
  let last = first;
  while (first > 0 && !(sentQueue[first]!.flags & FIRST_FRAGMENT)) first--;
  while (last < sentQueue.length - 1 && !(sentQueue[last]!.flags & LAST_FRAGMENT)) last++;
  // What has not been sent of the message must not be sent either, but its sequence numbers have to be skipped.
  while (!(sentQueue[last]!.flags & LAST_FRAGMENT) && outboundQueue.length > 0) {
    const unsent = outboundQueue.shift()!;
    unsent.acked = true;
    sentQueue.push(unsent);
    last++;
  }
  for (const fragment of sentQueue.slice(first, last + 1)) {
    // The caller takes the chunk itself out of the flight.
    if (fragment !== chunk && !fragment.acked && !fragment.retransmit) association.flightSizeDecrease(fragment);
    fragment.abandoned = true;
    fragment.retransmit = false;
    if (fragment !== chunk) fragment.acked = true;
  }
  return true;
}

/** Repeats FORWARD TSN, with all streams that it concerns, until the peer has taken note (RFC 3758 section 3.5). */
function repairForwardTsn(association: SctpAssociation): void {
  const update = association.updateAdvancedPeerAckPoint.bind(association);
  let pending: ForwardTsn | undefined;
  let madeAt = 0;
  association.updateAdvancedPeerAckPoint = () => {
    update();
    const made = association.forwardTsnChunk;
    if (!isAfter(association.advancedPeerAckTsn, association.lastSackedTsn)) {
      pending = undefined;
      return;
    }
    const now = performance.now();
    if (made && made !== pending) {
      if (pending) made.streams = [...new Map([...pending.streams, ...made.streams])];
      pending = made;
      madeAt = now;
    } else if (pending && now - madeAt >= FORWARD_INTERVAL_MS) {
      association.forwardTsnChunk = pending;
      madeAt = now;
    }
  };
}

/** werift sorts the outstanding numbers as text, all of them for every packet. */
function markReceived(association: SctpAssociation, tsn: number): boolean {
  const { sackMisOrdered, sackDuplicates } = association;
  let cumulative = association.lastReceivedTsn ?? (tsn - 1) >>> 0;
  if (!isAfter(tsn, cumulative) || sackMisOrdered.has(tsn)) {
    if (sackDuplicates.length < MAX_DUPLICATES) sackDuplicates.push(tsn);
    return true;
  }
  sackMisOrdered.add(tsn);
  while (sackMisOrdered.delete((cumulative + 1) >>> 0)) cumulative = (cumulative + 1) >>> 0;
  association.lastReceivedTsn = cumulative;
  return false;
}
