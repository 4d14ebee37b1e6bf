// Writes the test vectors of the depth packet: test/vectors/wire/*.json, and the samples between the markers in
// docs/protocol.md. `npx tsx scripts/wire-vectors.ts`; src/protocol/vectors.test.ts fails when they are out of date.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { deflateRaw, inflateRawSync } from 'node:zlib';
import {
  chunk,
  type DepthFormat,
  type DepthFrameInfo,
  encodeFrame,
  type Intrinsics,
  type MetricMap,
  type PacketVersion,
} from '../src/protocol/index.ts';
import { FLAG_PACKED } from '../src/protocol/layout.ts';

/** One vector. Values are strings where JSON has no number for them: "NaN", "Infinity", "-Infinity". */
export interface WireVector {
  name: string;
  says: string;
  version: PacketVersion;
  format: DepthFormat;
  /** What comes out; of version 1 without the camera, which is assumed. */
  info: DepthFrameInfo;
  /** Where anchors make metres of the network's values: what the sender was given, and the map. */
  network?: Pick<DepthFrameInfo, 'unit' | 'near' | 'far'> & { metric: MetricMap };
  /** What goes in. */
  input: (number | string)[];
  /** What comes out: exactly these float32 numbers. */
  output: (number | string)[];
  /** The whole packet. Compressors differ: of a packed one only the header without payloadSize is canonical. */
  packet: string;
  /** The byte planes that a packed payload inflates to. */
  planes?: string;
  /** The packet as messages of at most `maxChunk` bytes. */
  chunks?: { sequence: number; maxChunk: number; messages: string[] };
}

const DIRECTORY = new URL('../test/vectors/wire/', import.meta.url);
const DOCUMENT = new URL('../docs/protocol.md', import.meta.url);
const BEGIN = '<!-- vectors: written by scripts/wire-vectors.ts -->';
const END = '<!-- end of vectors -->';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const plain = (values: Float32Array): (number | string)[] =>
  Array.from(values, (v) => (Number.isFinite(v) ? (Object.is(v, -0) ? '-0' : v) : String(v)));

const base: DepthFrameInfo = {
  frameId: 7,
  epoch: 2,
  rtpTimestamp: 0xdeadbeef,
  width: 3,
  height: 2,
  sourceWidth: 640,
  sourceHeight: 480,
  unit: 'disparity',
  near: 2,
  far: 0.5,
};

const CALIBRATED: Intrinsics = { fx: 600.25, fy: 601.5, cx: 315.75, cy: 242, source: 'given' };

interface Case {
  name: string;
  says: string;
  /** 1 where it is left out. */
  version?: PacketVersion;
  format: DepthFormat;
  /** What goes in. */
  info: DepthFrameInfo;
  metric?: MetricMap;
  /** What of it comes out otherwise. */
  out?: Partial<DepthFrameInfo>;
  input: Float32Array;
  output: Float32Array;
  chunks?: { sequence: number; maxChunk: number };
}

const CASES: Case[] = [
  {
    name: 'none',
    says: 'Metadata alone, with capture time and latency.',
    format: 'none',
    info: { ...base, captureTime: 1732286990123.5, latency: 33.25 },
    input: new Float32Array(0),
    output: new Float32Array(0),
  },
  {
    name: 'none-estimated',
    says: 'The same with a capture time that was estimated to 6.5 ms: the header has 80 bytes.',
    format: 'none',
    info: { ...base, captureTime: 1732286990123.5, captureTimeError: 6.5, latency: 33.25 },
    input: new Float32Array(0),
    output: new Float32Array(0),
  },
  {
    name: 'u8',
    says: 'Eight bits over the display range 0.5..2; values outside saturate, NaN is shown as far. Too small to pack.',
    format: 'u8',
    info: base,
    input: Float32Array.of(0.5, 2, 1.1, -9, Number.POSITIVE_INFINITY, Number.NaN),
    output: Float32Array.of(0.5, 2, 1.1, 0.5, 2, 0.5),
    chunks: { sequence: 0xffffffff, maxChunk: 48 },
  },
  {
    name: 'u16',
    says: "Sixteen bits over the frame's own 1..65535; what is not finite has the code 65535 and comes back as NaN.",
    format: 'u16',
    info: { ...base, unit: 'metres', near: 1, far: 80 },
    input: Float32Array.of(1, 2, 65535, Number.NaN, Number.NEGATIVE_INFINITY, 256),
    output: Float32Array.of(1, 2, 65535, Number.NaN, Number.NaN, 256),
  },
  {
    name: 'f16',
    says: 'Halves: nearest even, subnormals, saturation of finite values, infinities and NaN kept.',
    format: 'f16',
    info: base,
    input: Float32Array.of(1, -2.0009765625, 2 ** -24, 1e9, Number.NEGATIVE_INFINITY, Number.NaN),
    output: Float32Array.of(1, -2, 2 ** -24, 65504, Number.NEGATIVE_INFINITY, Number.NaN),
  },
  {
    name: 'u16-packed',
    says: 'A ramp that falls by one a pixel and rises by ten a row, two outliers at its end; packed.',
    format: 'u16',
    info: { ...base, width: 16, height: 8, near: 126, far: 0 },
    input: Float32Array.from({ length: 128 }, (_, i) =>
      i === 127 ? 65534 : i === 126 ? 0 : 100 + 10 * (i >> 4) - (i & 15),
    ),
    output: Float32Array.from({ length: 128 }, (_, i) =>
      i === 127 ? 65534 : i === 126 ? 0 : 100 + 10 * (i >> 4) - (i & 15),
    ),
  },
  {
    name: 'v2-none',
    says: 'Version 2: metadata alone, with a calibrated camera and an estimated capture time.',
    version: 2,
    format: 'none',
    info: { ...base, intrinsics: CALIBRATED, captureTime: 1732286990123.5, captureTimeError: 6.5, latency: 33.25 },
    input: new Float32Array(0),
    output: new Float32Array(0),
  },
  {
    name: 'v2-u16-disparity',
    says: 'Version 2: relative disparity, reused, of a reduced network; nobody told of the camera.',
    version: 2,
    format: 'u16',
    info: {
      ...base,
      intrinsics: { fx: 502.5, fy: 502.5, cx: 319.5, cy: 239.5, source: 'assumed' },
      reused: true,
      reduced: true,
    },
    input: Float32Array.of(1, 2, 65535, Number.NaN, Number.NEGATIVE_INFINITY, 256),
    output: Float32Array.of(1, 2, 65535, Number.NaN, Number.NaN, 256),
  },
  {
    name: 'v2-u16-anchored',
    says: 'Version 2: disparity that five anchors made metres of, 1 / (0.5 d - 1): at infinity from d = 2 down.',
    version: 2,
    format: 'u16',
    info: { ...base, intrinsics: CALIBRATED, near: 10, far: 1 },
    metric: { scale: 0.5, shift: -1, anchors: 5, variance: [0.0009765625, 0, 0.00390625] },
    out: { unit: 'metres', near: 0.25, far: Number.POSITIVE_INFINITY },
    input: Float32Array.of(1, 2, 65535, Number.NaN, 4, 2.25),
    // Codes of a step of 1: 2.25 is stored as 2.
    output: Float32Array.of(
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      1 / 32766.5,
      Number.NaN,
      1,
      Number.POSITIVE_INFINITY,
    ),
  },
  {
    name: 'v2-f16-anchored',
    says: "Version 2: halves of a network's metres, which anchors doubled.",
    version: 2,
    format: 'f16',
    info: { ...base, unit: 'metres', intrinsics: CALIBRATED, near: 1, far: 80 },
    metric: { scale: 2, shift: 0, anchors: 1, variance: [0, 0, 0.0625] },
    out: { near: 2, far: 160 },
    input: Float32Array.of(1, 2.5, 65504, Number.NaN, Number.POSITIVE_INFINITY, 0),
    output: Float32Array.of(2, 5, 131008, Number.NaN, Number.POSITIVE_INFINITY, 0),
  },
];

export async function wireVectors(): Promise<WireVector[]> {
  const deflate = promisify(deflateRaw);
  return Promise.all(
    CASES.map(async ({ name, says, version = 1, format, info, metric, out, input, output, chunks }) => {
      const packet = await encodeFrame(info, input, format, (bytes) => deflate(bytes, { level: 1 }), {
        version,
        metric,
      });
      const { unit, near, far } = info;
      const accuracy = metric && { anchors: metric.anchors, variance: metric.variance };
      const vector: WireVector = {
        name,
        says,
        version,
        format,
        info: { ...info, ...out, ...(accuracy ? { accuracy } : {}) },
        ...(metric ? { network: { unit, near, far, metric } } : {}),
        input: plain(input),
        output: plain(output),
        packet: hex(packet),
      };
      if (packet[6]! & FLAG_PACKED) vector.planes = hex(inflateRawSync(packet.subarray(packet[7])));
      if (chunks) vector.chunks = { ...chunks, messages: chunk(packet, chunks.sequence, chunks.maxChunk).map(hex) };
      return vector;
    }),
  );
}

const spaced = (digits: string, perLine = 16): string =>
  (digits.match(/../g) ?? []).reduce((text, byte, i) => text + (i === 0 ? '' : i % perLine ? ' ' : '\n') + byte, '');

function samples(vectors: WireVector[]): string {
  return vectors
    .map((v) => {
      const values =
        v.input.length > 0 && v.input.length < 10
          ? `\n\nIn: \`${v.input.join(' ')}\`\nOut: \`${v.output.join(' ')}\``
          : '';
      const chunks = v.chunks
        ? `\n\nIn chunks of at most ${v.chunks.maxChunk} bytes, sequence ${v.chunks.sequence}:\n\n\`\`\`\n${v.chunks.messages.map((m) => spaced(m)).join('\n\n')}\n\`\`\``
        : '';
      return `**${v.name}.json** ${v.says}${values}\n\n\`\`\`\n${spaced(v.packet)}\n\`\`\`${chunks}`;
    })
    .join('\n\n');
}

/** The document with the samples put in between the markers. */
export function withSamples(document: string, vectors: WireVector[]): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) throw new Error('docs/protocol.md has lost its vector markers');
  return `${document.slice(0, begin + BEGIN.length)}\n\n${samples(vectors)}\n\n${document.slice(end)}`;
}

/** Infinity as a string: JSON has no number for it. */
const ofJson = (_: string, value: unknown): unknown => (value === Number.POSITIVE_INFINITY ? 'Infinity' : value);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const vectors = await wireVectors();
  mkdirSync(DIRECTORY, { recursive: true });
  for (const vector of vectors)
    writeFileSync(new URL(`${vector.name}.json`, DIRECTORY), `${JSON.stringify(vector, ofJson, 2)}\n`);
  writeFileSync(DOCUMENT, withSamples(readFileSync(DOCUMENT, 'utf8'), vectors));
}
