import type { VideoCodec } from '../../src/codecs.ts';
import { packetizeH264, splitAnnexB } from '../../src/webrtc/rtp/h264.ts';
import { packetizeVp8 } from '../../src/webrtc/rtp/vp8.ts';

type Packetizer = (frame: Uint8Array, keyframe: boolean, maxPayload: number) => Buffer[];

type Packetize = (emit: (size: number, last: boolean, write: (target: Buffer, at: number) => void) => void) => void;

function collect(packetize: Packetize): Buffer[] {
  const payloads: Buffer[] = [];
  packetize((size, _last, write) => {
    const payload = Buffer.alloc(size);
    write(payload, 0);
    payloads.push(payload);
  });
  return payloads;
}

function cut(data: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(data.length / size) }, (_, n) => data.subarray(n * size, (n + 1) * size));
}

/** Payloads as senders of each codec make them. What is only received here is only packetised here. */
export const packetizers: Record<VideoCodec, Packetizer> = {
  VP8: (frame, _keyframe, max) => collect((emit) => packetizeVp8(frame, 7, max, emit)),
  H264: (frame, _keyframe, max) => collect((emit) => packetizeH264(frame, max, emit)),
  // RFC 9628: 15-bit picture id, no flexible mode, layers 0 with TL0PICIDX; keyframes with a scalability structure.
  VP9: (frame, keyframe, max) =>
    cut(frame, max - 9).map((part, n, all) => {
      const [first, last] = [n === 0, n === all.length - 1];
      // One layer of 320x240 (0x0140, 0x00f0), one picture in the group with one reference.
      const described = keyframe && first ? [0x18, 1, 64, 0, 240, 1, 0x04, 1] : [];
      const flags = 0xa0 | (keyframe ? 0 : 0x40) | (first ? 8 : 0) | (last ? 4 : 0) | (described.length > 0 ? 2 : 0);
      return Buffer.from([flags, 0x80, 7, 0, 9, ...described, ...part]);
    }),
  // RFC 7798: fragmentation units, and the parameter sets in one aggregation packet.
  H265: (frame, _keyframe, max) => {
    const units = splitAnnexB(frame);
    const type = (unit: Uint8Array) => (unit[0]! >> 1) & 63;
    const sets = units.filter((unit) => type(unit) >= 32 && type(unit) <= 34);
    const aggregate = Buffer.concat([
      Buffer.from([48 << 1, 1]),
      ...sets.flatMap((set) => [Buffer.from([set.length >> 8, set.length & 255]), set]),
    ]);
    const others = units.filter((unit) => !sets.includes(unit));
    return [
      ...(sets.length > 0 ? [aggregate] : []),
      ...others.flatMap((unit) => {
        if (unit.length <= max) return [Buffer.from(unit)];
        return cut(unit.subarray(2), max - 3).map((part, n, all) =>
          Buffer.from([
            (49 << 1) | (unit[0]! & 0x81),
            unit[1]!,
            (n === 0 ? 0x80 : 0) | (n === all.length - 1 ? 0x40 : 0) | type(unit),
            ...part,
          ]),
        );
      }),
    ];
  },
  // Without temporal delimiters and size fields; all of a unit's OBUs in one run, cut wherever a packet is full.
  AV1: (frame, keyframe, max) => {
    const payloads: Buffer[] = [];
    let elements: Uint8Array[] = [];
    let room = max - 1;
    let continued = false;
    const flush = (continues: boolean) => {
      const header = (continued ? 0x80 : 0) | (continues ? 0x40 : 0) | (keyframe && payloads.length === 0 ? 0x08 : 0);
      const sized = elements.flatMap((element) => [
        Uint8Array.of((element.length & 127) | 128, element.length >> 7),
        element,
      ]);
      // A single element may go without its length.
      const body =
        elements.length === 1 ? [Uint8Array.of(header | 0x10), ...elements] : [Uint8Array.of(header), ...sized];
      payloads.push(Buffer.concat(body));
      elements = [];
      room = max - 1;
      continued = continues;
    };
    for (const obu of obus(frame)) {
      for (let rest = obu; rest.length > 0; ) {
        const part = rest.subarray(0, Math.max(1, room - 2));
        rest = rest.subarray(part.length);
        elements.push(part);
        room -= part.length + 2;
        if (rest.length > 0 || room < 8) flush(rest.length > 0);
      }
    }
    if (elements.length > 0) flush(false);
    return payloads;
  },
};

/** The OBUs of a temporal unit, without delimiters and size fields. */
function obus(unit: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = 0; at < unit.length; ) {
    const header = unit[at]!;
    const extended = header & 4 ? 1 : 0;
    let size = 0;
    let content = at + 1 + extended;
    for (let shift = 0; ; shift += 7) {
      const byte = unit[content++]!;
      size |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    if (((header >> 3) & 15) !== 2)
      found.push(
        Uint8Array.from([
          header & ~2,
          ...unit.subarray(at + 1, at + 1 + extended),
          ...unit.subarray(content, content + size),
        ]),
      );
    at = content + size;
  }
  return found;
}
