import { type Identity, makeIdentity } from '../../../src/webrtc/dtls/identity.ts';
import { SecureTransport } from '../../../src/webrtc/dtls/secure-transport.ts';
import type { SrtpKeys } from '../../../src/webrtc/srtp/srtp.ts';
import { makeCast } from '../dtls/cast.ts';
import { fault, type Outcome, sameKeys } from '../dtls/play.ts';
import { encodeMessage, MESSAGE_HEADER_BYTES } from '../dtls/wire.ts';
import { Random } from '../random.ts';
import { Attacker, type Sent, TYPES } from './attacker.ts';
import { makeSequence, type Sequence, type Step } from './sequence.ts';

export interface Report {
  sequences: number;
  connected: number;
  expected: Record<Sequence['expected'], number>;
  kinds: Map<string, number>;
  faults: string[];
}

const MAX_FAULTS = 10;
const ATTEMPTS = 5;

/** Plays handshakes of DTLS 1.3 with successive seeds against the secure transport in this process, and stops after ten faults. */
export async function runSequences13(count: number, firstSeed: number, tick = (_done: number) => {}): Promise<Report> {
  const [cast, target] = await Promise.all([makeCast(), makeIdentity()]);
  const expected = { connects: 0, refused: 0, either: 0 };
  const report: Report = { sequences: 0, connected: 0, expected, kinds: new Map(), faults: [] };
  for (let seed = firstSeed; seed < firstSeed + count && report.faults.length < MAX_FAULTS; seed++) {
    const sequence = makeSequence(seed, cast);
    const outcome = play(sequence, target);
    const what = fault(sequence, outcome);
    const role = sequence.client ? 'client' : 'server';
    if (what) report.faults.push(`seed ${seed}: ${what} (attacker is ${role}; ${sequence.kinds}; ${outcome.error})`);
    report.sequences++;
    if (outcome.connected) report.connected++;
    expected[sequence.expected]++;
    for (const kind of sequence.kinds) report.kinds.set(kind, (report.kinds.get(kind) ?? 0) + 1);
    tick(report.sequences);
  }
  return report;
}

function play(sequence: Sequence, identity: Identity): Outcome {
  const source = new Random(sequence.seed ^ 0x5bd1e995);
  const { client, weather, flights, deviations } = sequence;
  const attacker = new Attacker({ client, identity: sequence.identity, source, deviations });
  let now = 1000;
  const secure = new SecureTransport({
    role: client ? 'server' : 'client',
    version: 1.3,
    identity,
    fingerprints: [{ algorithm: 'sha-256', value: sequence.identity.fingerprint.replaceAll(':', '') }],
    now,
  });
  let keys: SrtpKeys | undefined;
  let version: number | undefined;
  let error: string | undefined;
  let [earlyData, received, datagramsSent] = [0, 0, 0];
  const pump = () => {
    for (let output = secure.poll(); output; output = secure.poll()) {
      if (output.type === 'connected') ({ keys, version } = output);
      else if (output.type === 'data' && !keys) earlyData++;
      else if (output.type === 'failed') error = output.error.message;
      else if (output.type === 'datagram' && received++ !== weather.lost) attacker.receive(output.datagram);
    }
  };
  const wait = () => {
    if (secure.deadline === Number.POSITIVE_INFINITY) return;
    now = Math.max(now + 1, secure.deadline);
    secure.timeout(now);
    pump();
  };
  const over = () => error !== undefined || (keys !== undefined && attacker.finished);
  pump();
  for (let i = 0; i < ATTEMPTS && !client && !attacker.seen.includes('ClientHello'); i++) wait();
  for (const [index, steps] of flights.entries()) {
    const items = makeFlight(attacker, steps);
    const last = index === flights.length - 1;
    const done = () => over() || (!last && attacker.seen.includes('Finished'));
    for (let attempt = 0; attempt <= ATTEMPTS && !done(); attempt++) {
      if (attempt > 0) wait();
      if (done()) break;
      for (const datagram of toDatagrams(attacker, items, sequence, source)) {
        secure.receive(datagram, now);
        datagramsSent++;
        pump();
      }
    }
  }
  const memoryBytes = secure.engine.memoryBytes;
  secure.close(now);
  return {
    connected: keys !== undefined && error === undefined,
    error: keys && version !== 1.3 ? `it speaks ${version}` : error,
    sameKeys: keys !== undefined && sameKeys(keys, attacker.exported, !client),
    earlyData,
    finished: attacker.finished,
    datagramsSent,
    memoryBytes,
  };
}

function makeFlight(attacker: Attacker, steps: readonly Step[]): Sent[] {
  let last = -1;
  return steps.map(({ name, seq, flip, ...how }) => {
    if (seq === 'gap') attacker.skipNumber();
    const item = attacker.make(name, seq === 'same' && last >= 0 ? { ...how, seq: last } : how);
    last = item.message?.seq ?? last;
    const { message } = item;
    if (flip === undefined || !message) return item;
    const body = Buffer.from(message.body);
    if (body.length > 0) body[flip % body.length]! ^= 1 << (flip % 7);
    const changed = { ...message, body, type: body.length > 0 ? message.type : message.type ^ 1 };
    return { ...item, message: changed, body: encodeMessage(changed) };
  });
}

function toDatagrams(attacker: Attacker, items: readonly Sent[], { weather }: Sequence, source: Random): Buffer[] {
  const records = items.flatMap((item) => fragments(item, weather.fragment).map((body) => attacker.record(item, body)));
  const datagrams: Buffer[] = [];
  for (let at = 0; at < records.length; at += weather.packed)
    datagrams.push(Buffer.concat(records.slice(at, at + weather.packed)));
  const ordered = weather.shuffled ? source.shuffle(datagrams) : datagrams;
  return weather.twice ? ordered.flatMap((datagram) => [datagram, datagram]) : ordered;
}

function fragments({ message, body }: Sent, size: number | undefined): Buffer[] {
  // Nobody cuts a hello that fits a datagram; a client that speaks 1.2 as well reads the version from the first piece of it.
  const whole = message?.type === TYPES.ServerHello || body.length <= MESSAGE_HEADER_BYTES + (size ?? body.length);
  if (!message || size === undefined || whole) return [body];
  const out: Buffer[] = [];
  for (let from = 0; from < message.body.length; from += size)
    out.push(encodeMessage(message, from, Math.min(message.body.length, from + size)));
  return out;
}
