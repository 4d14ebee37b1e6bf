import type { Identity } from '../../../src/webrtc/dtls/identity.ts';
import { SecureTransport } from '../../../src/webrtc/dtls/secure-transport.ts';
import type { SrtpKeys } from '../../../src/webrtc/srtp/srtp.ts';
import { Random } from '../random.ts';
import { Attacker, type Sent } from './attacker.ts';
import type { Network, Sequence, Step } from './sequence.ts';
import { encodeMessage, encodeRecord, MESSAGE_HEADER_BYTES } from './wire.ts';

export interface Outcome {
  /** At the end: a second Finished ends what was connected. */
  connected: boolean;
  /** The target's own word, where it gave up. */
  error: string | undefined;
  /** Whether both sides hold the same SRTP keys. */
  sameKeys: boolean;
  /** Data that the target gave out before it was connected, which must be none. */
  earlyData: number;
  /** The attacker opened and verified the target's Finished. */
  finished: boolean;
  datagramsSent: number;
  memoryBytes: number;
}

/** Where the attacker's datagrams go to, and where the target's come from. */
export interface Target {
  receive(datagram: Buffer): void | Promise<void>;
  /** What the target has sent since. */
  take(): Buffer[];
  /** Lets time pass until the target's next retransmission. */
  wait(): void | Promise<void>;
  connected(): boolean;
}

/** A target's first flight may be lost. */
const HELLOS = 3;

/** Plays a sequence against a secure transport in this process. */
export async function play(sequence: Sequence, target: Identity): Promise<Outcome> {
  let now = 1000;
  const secure = new SecureTransport({
    role: sequence.client ? 'server' : 'client',
    version: 1.2,
    identity: target,
    fingerprints: [{ algorithm: 'sha-256', value: sequence.identity.fingerprint.replaceAll(':', '') }],
    now,
  });
  let keys: SrtpKeys | undefined;
  let error: string | undefined;
  let earlyData = 0;
  const take = (): Buffer[] => {
    const out: Buffer[] = [];
    for (let output = secure.poll(); output; output = secure.poll()) {
      if (output.type === 'datagram') out.push(output.datagram);
      else if (output.type === 'connected') keys = output.keys;
      else if (output.type === 'data' && !keys) earlyData++;
      else if (output.type === 'failed') error = output.error.message;
    }
    return out;
  };
  const { attacker, sent } = await attack(sequence, {
    receive: (datagram) => secure.receive(datagram, now),
    take,
    wait: () => {
      if (secure.deadline === Number.POSITIVE_INFINITY) return;
      now = Math.max(now + 1, secure.deadline);
      secure.timeout(now);
    },
    connected: () => keys !== undefined,
  });
  take();
  const outcome: Outcome = {
    connected: keys !== undefined && error === undefined,
    error,
    sameKeys: keys !== undefined && sameKeys(keys, attacker.exported, !sequence.client),
    earlyData,
    finished: attacker.finished,
    datagramsSent: sent,
    memoryBytes: secure.engine.memoryBytes,
  };
  secure.close(now);
  return outcome;
}

/** What is wrong with the outcome, if anything. */
export function fault({ expected }: Pick<Sequence, 'expected'>, outcome: Outcome): string | undefined {
  if (expected === 'refused' && outcome.connected) return 'an illegal handshake connected';
  if (expected === 'connects' && !(outcome.connected && outcome.finished)) return 'an honest handshake failed';
  if (outcome.connected && !outcome.sameKeys) return 'connected with keys that the peer does not have';
  if (outcome.earlyData > 0) return 'data was given out before the handshake ended';
  if (outcome.memoryBytes > MAX_MEMORY_BYTES) return `the instance took ${outcome.memoryBytes} bytes`;
  return undefined;
}

/** An instance begins with 0.9 MiB; no sequence here has reason to make it grow by more. */
const MAX_MEMORY_BYTES = 2 << 20;

/** Sends the flights of a sequence, each again until the target has answered it or does not any more. */
export async function attack(sequence: Sequence, target: Target): Promise<{ attacker: Attacker; sent: number }> {
  const source = new Random(sequence.seed ^ 0x5bd1e995);
  const { client, identity, rsa, deviations, network } = sequence;
  const attacker = new Attacker({ client, identity, rsa, source, deviations });
  let received = 0;
  let sent = 0;
  const pump = () => {
    for (const datagram of target.take()) if (received++ !== network.lost) attacker.receive(datagram);
  };
  const send = async (items: readonly Sent[], weather: Network) => {
    for (const datagram of toDatagrams(attacker, items, weather, source)) {
      await target.receive(datagram);
      sent++;
      pump();
    }
  };
  const hello = async (count: number) => {
    for (let i = 0; i < HELLOS && attacker.seen.length < count; i++) {
      await target.wait();
      pump();
    }
  };
  const done = (flight: number): boolean => {
    if (flight === 0) return attacker.seen.includes(client ? 'ServerHelloDone' : 'Finished');
    return target.connected() && attacker.finished;
  };
  pump();
  if (!client) await hello(1);
  if (sequence.cookie) {
    const request = attacker.make('HelloVerifyRequest', { inTranscript: false });
    for (let i = 0; i < HELLOS && attacker.seen.length < 2; i++) {
      await send([request], network);
      await hello(2);
    }
  }
  for (const [index, steps] of sequence.flights.entries()) {
    const items = makeFlight(attacker, steps);
    await send(items, network);
    for (let i = 0; i < sequence.attempts && !done(index); i++) {
      await target.wait();
      pump();
      if (!done(index)) await send(items, { ...network, order: 'kept', noise: false });
    }
  }
  return { attacker, sent };
}

function makeFlight(attacker: Attacker, steps: readonly Step[]): Sent[] {
  const items: Sent[] = [];
  for (const { name, seq, epoch, forged, flip } of steps) {
    if (seq === 'gap') attacker.skipNumber();
    let item = attacker.make(name, epoch === undefined ? {} : { epoch });
    if (flip !== undefined) item = flipped(item, flip);
    items.push(item);
    if (forged) items.push(attacker.forge(item));
  }
  return items;
}

function flipped(item: Sent, place: number): Sent {
  const message = item.message;
  if (!message) return item;
  const body = Buffer.from(message.body);
  if (body.length > 0) body[place % body.length]! ^= 1 << (place % 7);
  // A message without a body: its type.
  const changed = { ...message, body, type: body.length > 0 ? message.type : message.type ^ 1 };
  return { ...item, message: changed, body: encodeMessage(changed) };
}

function toDatagrams(attacker: Attacker, items: readonly Sent[], network: Network, source: Random): Buffer[] {
  const records: Buffer[] = [];
  for (const item of items) for (const body of fragments(item, network)) records.push(attacker.record(item, body));
  const datagrams: Buffer[] = [];
  for (let at = 0; at < records.length; at += network.packed)
    datagrams.push(Buffer.concat(records.slice(at, at + network.packed)));
  let ordered = datagrams;
  if (network.order === 'reversed') ordered = datagrams.toReversed();
  if (network.order === 'shuffled') ordered = source.shuffle(datagrams);
  return ordered.flatMap((datagram) => [
    ...(network.noise ? [noise(source)] : []),
    datagram,
    ...(network.twice ? [datagram] : []),
  ]);
}

function fragments({ message, body }: Sent, { fragment, overlap }: Network): Buffer[] {
  if (!message || fragment === undefined || body.length <= MESSAGE_HEADER_BYTES + fragment) return [body];
  const out: Buffer[] = [];
  for (let from = 0; from < message.body.length; from += fragment)
    out.push(encodeMessage(message, Math.max(0, from - overlap), Math.min(message.body.length, from + fragment)));
  return out;
}

/** What a stranger may send in between, and what is no record at all; nothing of it may end the handshake. */
function noise(source: Random): Buffer {
  const length = 1 + source.int(60);
  switch (source.int(5)) {
    case 0:
      return encodeRecord(22, 0, 60_000 + source.int(1000), source.bytes(length));
    case 1:
      // A warning.
      return encodeRecord(21, 0, 60_000, Buffer.from([1, 90]));
    case 2:
      return encodeRecord(23, 0, 60_000, source.bytes(length));
    case 3:
      return encodeRecord(24 + source.int(8), source.int(5), 60_000, source.bytes(length), 0xfeff - source.int(3));
    default:
      return Buffer.concat([Buffer.from([20 + source.int(44)]), source.bytes(length)]);
  }
}

export function sameKeys(keys: SrtpKeys, exported: Buffer, targetIsClient: boolean): boolean {
  const [client, server] = targetIsClient
    ? [
        [keys.localKey, keys.localSalt],
        [keys.remoteKey, keys.remoteSalt],
      ]
    : [
        [keys.remoteKey, keys.remoteSalt],
        [keys.localKey, keys.localSalt],
      ];
  return Buffer.concat([client![0]!, server![0]!, client![1]!, server![1]!]).equals(exported);
}
