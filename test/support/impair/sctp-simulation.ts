import { TransportModule } from '../../../src/webrtc/engine/transport-module.ts';
import { type Reliability, SctpAssociation } from '../../../src/webrtc/sctp/association.ts';
import { type Impairment, seededRandom } from './impairment.ts';

const STREAM = 1;
const PPID_BINARY = 53;
const STEP_MS = 1;
const DEFAULT_QUEUE_BYTES = 32 * 1024;
/** DTLS record, UDP and IPv4 headers of each SCTP packet. */
const OVERHEAD_BYTES = 37 + 28;

export interface FrameFlow {
  /** Of one depth packet. */
  frameBytes: number;
  fps: number;
  frames: number;
  /** A frame is left out while more of earlier ones waits to be sent than this. */
  maxUnsent?: number;
}

export interface FlowResult {
  /** Frames handed over; the others found the one before still waiting. */
  sent: number;
  whole: number;
  /** Of the whole ones, those that came before any later one was whole: what a live view can show. */
  fresh: number;
  /** ms from a whole frame's handing over to its last byte's arrival, sorted. */
  delays: number[];
  /** Bytes on the wire from the sender, per byte of whole frames. */
  overhead: number;
  /** ms between fresh frames, at most. */
  longestGap: number;
}

/** One direction of a path in virtual time; packets keep their order. Delay, jitter, loss and a bottleneck alone. */
class VirtualLink {
  readonly #impairment: Impairment;
  readonly #random: () => number;
  readonly #under: { at: number; packet: Buffer }[] = [];
  #last = 0;
  #idleAt = 0;
  bytes = 0;

  constructor(impairment: Impairment, seed: number) {
    this.#impairment = impairment;
    this.#random = seededRandom(seed);
  }

  get next(): number {
    return this.#under[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  send(packet: Buffer, now: number): void {
    const { loss = 0, delayMs = 0, jitterMs = 0, bitrate, queueBytes = DEFAULT_QUEUE_BYTES } = this.#impairment;
    const size = packet.length + OVERHEAD_BYTES;
    this.bytes += size;
    let leaves = now;
    if (bitrate !== undefined) {
      const waiting = (Math.max(0, this.#idleAt - now) * bitrate) / 8000;
      if (waiting > 0 && waiting + size > queueBytes) return;
      this.#idleAt = Math.max(now, this.#idleAt) + (8000 * size) / bitrate;
      leaves = this.#idleAt;
    }
    if (this.#random() < loss) return;
    this.#last = Math.max(this.#last, leaves + delayMs + jitterMs * this.#random());
    this.#under.push({ at: this.#last, packet });
  }

  take(now: number): Buffer[] {
    let due = 0;
    while (due < this.#under.length && this.#under[due]!.at <= now) due++;
    return this.#under.splice(0, due).map(({ packet }) => packet);
  }
}

/** One end: what the simulation needs of an SCTP implementation. */
export interface SctpEnd {
  deadline(): number;
  timeout(now: number): void | Promise<void>;
  receive(packet: Buffer, now: number): void | Promise<void>;
  /** Packets that want to be sent since. */
  take(): Buffer[];
  connected(): boolean;
  open(reliability: Reliability): void;
  send(data: Buffer, now: number): void | Promise<void>;
  unsent(): number;
  /** Messages that came since. */
  messages(): Buffer[];
}

/** Ours, in an engine of its own. */
export function ownEnd(now: number): SctpEnd {
  const association = new SctpAssociation(new TransportModule(), {
    port: 5000,
    maxSend: 262_144,
    maxReceive: 262_144,
    now,
  });
  const packets: Buffer[] = [];
  const messages: Buffer[] = [];
  let connected = false;
  const drain = () => {
    for (let output = association.poll(); output; output = association.poll()) {
      if (output.type === 'packet') packets.push(output.packet);
      else if (output.type === 'connected') connected = true;
      else if (output.type === 'message') messages.push(output.data);
      else if (output.type === 'lost') throw new Error(`the association ended: ${output.reason}`);
    }
  };
  drain();
  return {
    deadline: () => association.deadline,
    timeout: (at) => {
      association.timeout(at);
      drain();
    },
    receive: (packet, at) => {
      association.receive(packet, at);
      drain();
    },
    take: () => packets.splice(0),
    connected: () => connected,
    open: (reliability) => void association.open(STREAM, reliability),
    send: (data, at) => {
      association.send(STREAM, PPID_BINARY, data, at);
      drain();
    },
    unsent: () => association.unsent(STREAM),
    messages: () => messages.splice(0),
  };
}

/** Sends depth packets from one end to the other over an impaired path, in virtual time. */
export async function simulateFlow(
  make: (now: number) => SctpEnd,
  reliability: Reliability,
  flow: FrameFlow,
  { up, down, seed = 1 }: { up: Impairment; down: Impairment; seed?: number },
  advance: (now: number) => void | Promise<void> = () => {},
): Promise<FlowResult> {
  let now = 1000;
  const [a, b] = [make(now), make(now)];
  const links = [new VirtualLink(down, seed), new VirtualLink(up, seed + 7919)] as const;
  const pump = async () => {
    for (const packet of a.take()) links[0].send(packet, now);
    for (const packet of b.take()) links[1].send(packet, now);
  };
  const step = async (until: number) => {
    while (now < until) {
      await pump();
      now = Math.min(
        until,
        Math.max(now + 0.01, Math.min(a.deadline(), b.deadline(), links[0].next, links[1].next, now + STEP_MS)),
      );
      await advance(now);
      for (const packet of links[0].take(now)) await b.receive(packet, now);
      for (const packet of links[1].take(now)) await a.receive(packet, now);
      if (a.deadline() <= now) await a.timeout(now);
      if (b.deadline() <= now) await b.timeout(now);
    }
    await pump();
  };
  while (!(a.connected() && b.connected())) await step(now + 10);
  a.open(reliability);
  const began = now;
  const bytesBefore = links[0].bytes;
  const sentAt: number[] = [];
  const got = new Map<number, number>();
  const delays: number[] = [];
  let sent = 0;
  let [fresh, newest, lastFresh] = [0, -1, began];
  let longestGap = 0;
  const read = () => {
    for (const message of b.messages()) {
      const frame = message.readUInt32LE(0);
      got.set(frame, (got.get(frame) ?? 0) + message.length);
      if (got.get(frame) === flow.frameBytes) {
        delays.push(now - sentAt[frame]!);
        if (frame < newest) continue;
        newest = frame;
        fresh++;
        longestGap = Math.max(longestGap, now - lastFresh);
        lastFresh = now;
      }
    }
  };
  const until = async (at: number) => {
    while (now < at) {
      await step(Math.min(at, now + 2));
      read();
    }
  };
  for (let frame = 0; frame < flow.frames; frame++) {
    await until(began + (1000 * frame) / flow.fps);
    if (a.unsent() > (flow.maxUnsent ?? 0)) continue;
    sent++;
    sentAt[frame] = now;
    const half = Math.ceil(flow.frameBytes / 2);
    for (const size of [half, flow.frameBytes - half]) {
      const message = Buffer.alloc(size, frame & 0xff);
      message.writeUInt32LE(frame, 0);
      await a.send(message, now);
    }
  }
  await until(now + 2000);
  return {
    sent,
    whole: delays.length,
    fresh,
    delays: delays.toSorted((x, y) => x - y),
    overhead: (links[0].bytes - bytesBefore) / Math.max(1, delays.length * flow.frameBytes),
    longestGap,
  };
}
