import { promisify } from 'node:util';
import { deflateRaw, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { depthMap, seeded } from '../../test/depth-map.ts';
import { DepthcastError } from '../errors.ts';
import { type DepthFrameInfo, DepthPacker, decodeFrame, encodeFrame, type MetricMap } from './index.ts';
import { FLAG_PACKED } from './layout.ts';

const zlib = promisify(deflateRaw);
const deflate = (bytes: Uint8Array) => zlib(bytes, { level: 1 });
const frame = (width: number, height: number): DepthFrameInfo => ({
  frameId: 1,
  epoch: 0,
  rtpTimestamp: 90_000,
  width,
  height,
  sourceWidth: 640,
  sourceHeight: 480,
  unit: 'disparity',
  near: 1,
  far: 0,
});
const largestError = (a: Float32Array, b: Float32Array) =>
  a.reduce((max, v, i) => Math.max(max, Math.abs(v - b[i]!)), 0);

test('a smooth map survives each format to within its step, and packs', async () => {
  const map = depthMap(256, 192);
  for (const [format, step, bytes] of [
    ['u8', 1 / 255, 1],
    ['u16', 1 / 65534, 2],
    ['f16', 2 ** -10, 2],
  ] as const) {
    const packet = await encodeFrame(frame(256, 192), map, format, deflate);
    expect(packet.length).toBeLessThan((map.length * bytes) / 1.5);
    const decoded = await decodeFrame(packet);
    expect(largestError(decoded.values, map)).toBeLessThanOrEqual(step / 2 + 1e-7);
    expect(largestError(decoded.values, map)).toBeGreaterThan(step / 20);
  }
});

test('noise stays raw, and a browser compressor makes the same packets as zlib', async () => {
  const random = seeded(3);
  const noise = Float32Array.from({ length: 64 * 64 }, random);
  const packet = await encodeFrame(frame(64, 64), noise, 'u16', deflate);
  expect(packet[6]! & FLAG_PACKED).toBe(0);
  expect(packet.length).toBe(packet[7]! + 2 * noise.length);

  const web = async (bytes: Uint8Array) => {
    const stream = new Blob([Uint8Array.from(bytes)]).stream().pipeThrough(new CompressionStream('deflate-raw'));
    return new Uint8Array(await new Response(stream as ReadableStream).arrayBuffer());
  };
  const map = depthMap(64, 48);
  const ours = await decodeFrame(await encodeFrame(frame(64, 48), map, 'u16', deflate));
  expect(await decodeFrame(await encodeFrame(frame(64, 48), map, 'u16', web))).toEqual(ours);
});

test('any values of any size come back within the documented error', async () => {
  const sizes = fc.record({ width: fc.integer({ min: 1, max: 40 }), height: fc.integer({ min: 1, max: 40 }) });
  const cases = sizes.chain(({ width, height }) =>
    fc.record({
      width: fc.constant(width),
      height: fc.constant(height),
      values: fc.float32Array({ minLength: width * height, maxLength: width * height }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ({ width, height, values }) => {
      const info = frame(width, height);
      const u16 = (await decodeFrame(await encodeFrame(info, values, 'u16', deflate))).values;
      const finite = values.filter(Number.isFinite);
      const step = finite.length ? Math.fround((Math.max(...finite) - Math.min(...finite)) / 65534) : 0;
      values.forEach((value, i) => {
        if (!Number.isFinite(value)) expect(u16[i]).toBeNaN();
        // Half a step, the rounding of step * code, and that of the float32 result.
        else
          expect(Math.abs(u16[i]! - value)).toBeLessThanOrEqual(
            step * 0.51 + Math.abs(value) * 1.2e-7 + 1.5e-45 * 65534,
          );
      });
      const f16 = (await decodeFrame(await encodeFrame(info, values, 'f16', deflate))).values;
      values.forEach((value, i) => {
        if (Number.isNaN(value)) expect(f16[i]).toBeNaN();
        else if (!Number.isFinite(value)) expect(f16[i]).toBe(value);
        else {
          const clamped = Math.min(65504, Math.max(-65504, value));
          expect(Math.abs(f16[i]! - clamped)).toBeLessThanOrEqual(Math.max(Math.abs(clamped) * 2 ** -11, 2 ** -25));
        }
      });
      const u8 = (await decodeFrame(await encodeFrame(info, values, 'u8', deflate))).values;
      values.forEach((value, i) => {
        const shown = Number.isNaN(value) ? 0 : Math.min(1, Math.max(0, value));
        expect(Math.abs(u8[i]! - shown)).toBeLessThanOrEqual(0.5 / 255 + 1e-6);
      });
    }),
    { numRuns: 60 },
  );
});

test('every half decodes and encodes back to itself', async () => {
  const random = seeded(9);
  const codes = Uint16Array.from({ length: 65536 }, (_, i) => i).sort(() => random() - 0.5);
  const packed = await encodeFrame(frame(256, 256), new Float32Array(65536), 'f16', deflate);
  const header = packed.subarray(0, packed[7]);
  const packet = new Uint8Array(header.length + 2 * codes.length);
  packet.set(header);
  packet[6] = 0;
  new DataView(packet.buffer).setUint32(60, 2 * codes.length, true);
  packet.set(new Uint8Array(codes.buffer), header.length);
  const { values } = await decodeFrame(packet);
  const again = await encodeFrame(frame(256, 256), values, 'f16', async (bytes) => bytes);
  const back = new Uint16Array(again.slice(again[7]).buffer);
  codes.forEach((code, i) => {
    const notANumber = (code & 0x7c00) === 0x7c00 && (code & 0x3ff) !== 0;
    expect(back[i]).toBe(notANumber ? 0x7e00 : code);
  });
});

test('a packer reuses its memory, and refuses overlapping calls and impossible frames', async () => {
  const packer = new DepthPacker(deflate);
  const first = await packer.pack(frame(32, 32), depthMap(32, 32), 'u16');
  const second = await packer.pack(frame(16, 16), depthMap(16, 16), 'u8');
  expect(second.buffer).toBe(first.buffer);
  const running = packer.pack(frame(32, 32), depthMap(32, 32), 'u16');
  await expect(packer.pack(frame(32, 32), depthMap(32, 32), 'u16')).rejects.toThrow('already being packed');
  await running;
  for (const bad of [
    { ...frame(2, 2), width: 3 },
    { ...frame(2, 2), width: 0 },
    { ...frame(2, 2), near: Number.NaN },
    { ...frame(2, 2), sourceWidth: 70_000 },
    { ...frame(2, 2), captureTime: Number.POSITIVE_INFINITY },
  ])
    await expect(packer.pack(bad, new Float32Array(4), 'u16')).rejects.toMatchObject({ code: 'BAD_PACKET' });
  const { values } = await decodeFrame(await packer.pack(frame(2, 2), Float32Array.of(0, 1, 2, 3), 'u16'));
  expect(Array.from(values)).toEqual([0, 1, 2, 3].map((v) => expect.closeTo(v, 4)));
});

/** Decodes, and lets through a frame or BAD_PACKET, nothing else. */
async function survives(packet: Uint8Array): Promise<boolean> {
  try {
    const { values, width, height, format } = await decodeFrame(packet);
    expect(values.length).toBe(format === 'none' ? 0 : width * height);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(DepthcastError);
    expect((error as DepthcastError).code).toBe('BAD_PACKET');
    return false;
  }
}

test('hostile packets are refused, never worse', async () => {
  const map = depthMap(48, 32);
  const valid = await Promise.all(
    (['none', 'u8', 'u16', 'f16'] as const).map((format) => encodeFrame(frame(48, 32), map, format, deflate)),
  );
  const packet = fc.constantFrom(...valid);
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      expect(await survives(bytes)).toBe(false);
    }),
  );
  await fc.assert(
    fc.asyncProperty(packet, fc.array(fc.nat(), { minLength: 1, maxLength: 6 }), async (original, flips) => {
      const bytes = original.slice();
      for (const flip of flips) bytes[(flip >> 3) % bytes.length]! ^= 1 << (flip & 7);
      await survives(bytes);
    }),
    { numRuns: 500 },
  );
  await fc.assert(
    fc.asyncProperty(packet, fc.nat(), async (original, cut) => {
      expect(await survives(original.subarray(0, cut % original.length))).toBe(false);
    }),
  );
});

test('a zip bomb is refused without unpacking it', async () => {
  const bombed = async (inflated: number, rawSize: number, width: number, height: number) => {
    const payload = deflateRawSync(Buffer.alloc(inflated), { level: 9 });
    const header = await encodeFrame(frame(1, 1), new Float32Array(1), 'u16', deflate);
    const size = header[7]!;
    const packet = new Uint8Array(size + payload.length);
    packet.set(header.subarray(0, size));
    packet.set(payload, size);
    const view = new DataView(packet.buffer);
    view.setUint8(6, FLAG_PACKED);
    view.setUint16(20, width, true);
    view.setUint16(22, height, true);
    view.setUint32(56, rawSize, true);
    view.setUint32(60, payload.length, true);
    return packet;
  };
  const bomb = await bombed(256 << 20, 2000, 100, 10);
  const before = process.memoryUsage().rss;
  await expect(decodeFrame(bomb)).rejects.toThrow('more than 2000 bytes');
  expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20);
  await expect(decodeFrame(await bombed(100, 2 << 24, 4096, 4096))).rejects.toThrow('cannot hold');
  await expect(decodeFrame(await bombed(100, 0xffff * 0xffff * 2, 0xffff, 0xffff))).rejects.toThrow('too large');
  await expect(decodeFrame(await bombed(1999, 2000, 100, 10))).rejects.toThrow('instead of 2000');
});

test('a map is packed once for several frames: only the header is new', async () => {
  const deflated: number[] = [];
  const packer = new DepthPacker((planes) => {
    deflated.push(planes.length);
    return deflate(planes);
  });
  const map = depthMap(64, 48);
  const first = (await packer.pack(frame(64, 48), map, 'u16')).slice();
  const metric: MetricMap = { scale: 0.5, shift: 0.125, anchors: 4, variance: [0.25, 0, 0.5] };
  const second = packer
    .repeat({ ...frame(64, 48), frameId: 2, rtpTimestamp: 93_000, reused: true }, { metric })
    .slice();
  expect(deflated).toHaveLength(1);
  expect(second.subarray(second[7])).toEqual(first.subarray(first[7]));
  const decoded = await decodeFrame(second);
  expect(decoded).toMatchObject({ frameId: 2, rtpTimestamp: 93_000, reused: true, unit: 'metres' });
  const { values } = await decodeFrame(packer.as(1).slice());
  expect(values).toEqual((await decodeFrame(first)).values);
  expect(() => new DepthPacker(deflate).repeat(frame(8, 8))).toThrow('no depth packet');
});

test('both versions carry the same payload; only the second has camera and metres', async () => {
  const packer = new DepthPacker(deflate);
  const map = depthMap(64, 48);
  const intrinsics = { fx: 500, fy: 501, cx: 320.5, cy: 240, source: 'given' } as const;
  const metric: MetricMap = { scale: 0.5, shift: 0.125, anchors: 4, variance: [0.25, 0, 0.5] };
  for (const format of ['u8', 'u16', 'f16'] as const) {
    const second = (
      await packer.pack({ ...frame(64, 48), intrinsics, reused: true, reduced: true }, map, format, { metric })
    ).slice();
    const first = packer.as(1).slice();
    expect([first[4], second[4]]).toEqual([1, 2]);
    expect(Buffer.compare(first.subarray(first[7]), second.subarray(second[7]))).toBe(0);
    const old = await decodeFrame(first);
    const now = await decodeFrame(second);
    expect(old).toMatchObject({ unit: 'disparity', near: 1, far: 0, intrinsics: { source: 'assumed' } });
    expect([old.accuracy, old.reused, old.reduced, now.reused, now.reduced]).toEqual([
      undefined,
      undefined,
      undefined,
      true,
      true,
    ]);
    expect(now).toMatchObject({ unit: 'metres', near: 1 / 0.625, far: 8, intrinsics });
    expect(now.accuracy).toEqual({ anchors: 4, variance: [0.25, 0, 0.5] });
    old.values.forEach((d, i) => {
      expect(now.values[i]! * (0.5 * d + 0.125)).toBeCloseTo(1, 5);
    });
  }
});

test('a camera that is none is refused', async () => {
  const intrinsics = { fx: 500, fy: 501, cx: 320.5, cy: 240, source: 'given' } as const;
  for (const bad of [{ fx: 0 }, { fy: -1 }, { cx: Number.NaN }, { cy: Number.POSITIVE_INFINITY }])
    await expect(
      encodeFrame({ ...frame(2, 2), intrinsics: { ...intrinsics, ...bad } }, new Float32Array(4), 'u16', deflate),
    ).rejects.toMatchObject({ code: 'BAD_PACKET' });
  const packet = await encodeFrame({ ...frame(2, 2), intrinsics }, new Float32Array(4), 'u16', deflate);
  const changed = (at: number, byte: number) => packet.map((v, i) => (i === at ? byte : v));
  await expect(decodeFrame(changed(76, 3))).rejects.toThrow('source of intrinsics');
  await expect(decodeFrame(changed(83, 0xff))).rejects.toThrow('the camera is');
  await expect(decodeFrame(changed(6, 16))).rejects.toThrow('no metres');
  await expect(decodeFrame(changed(7, 80))).rejects.toThrow('header size');
});
