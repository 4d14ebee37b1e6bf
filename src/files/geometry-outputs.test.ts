import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Mesh, Points } from 'three';
import { GLTFLoader } from 'three/examples/jsm/loaders/GLTFLoader.js';
import { PLYLoader } from 'three/examples/jsm/loaders/PLYLoader.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobOptions } from '../../test/support/job-options.ts';
import { floorAnchor } from '../geometry/index.ts';
import { createScene } from '../scene/scene.ts';
import { y4mFile } from '../scene/y4m.ts';
import { rgbUrl } from '../video/jpeg.ts';
import { runJob } from './job.ts';
import type { JobEvents, JobOptions } from './job-types.ts';
import { readRecord } from './run-record.ts';

// Metres and points of files, with the real network; three.js reads the points.

/** Rendered once: making a scene takes seconds. */
let clip = '';
beforeAll(async () => {
  const scene = createScene('static', { width: WIDTH, height: HEIGHT, fps: 10 });
  clip = join(folder, 'clip.y4m');
  writeFileSync(clip, Buffer.concat(Array.from(y4mFile(scene, 8), (part) => Buffer.from(part))));
}, 240_000);

const folder = mkdtempSync(join(tmpdir(), 'depthcast-points-'));
afterAll(() => rmSync(folder, { recursive: true }));
const [WIDTH, HEIGHT] = [128, 96];
const ANCHORS = [
  { x: 0.1, y: 0.2, metres: 4.7 },
  { x: 0.12, y: 0.22, metres: 4.7 },
  { x: 0.5, y: 0.95, metres: 2.7, frame: 0 },
  { x: 0.52, y: 0.95, metres: 2.7, time: 0 },
  { x: 0.5, y: 0.95, metres: 2.6, error: 0.1, frame: 2 },
];

let runs = 0;
const options = (more: Partial<JobOptions> = {}): JobOptions => ({
  ...jobOptions(clip, join(folder, `out${runs++}`)),
  maxLength: 4,
  fps: 10,
  ...more,
});

function anchorFile(text: string): string {
  const path = join(folder, `anchors${runs++}.json`);
  writeFileSync(path, text);
  return path;
}

async function run(more: Partial<JobOptions>, events: JobEvents = {}) {
  const summary = await runJob(options(more), events);
  const bytes = readFileSync(summary.files.npz!);
  const { width, height } = summary.size;
  const maps = (n: number) => {
    const from = bytes.indexOf('\n', 60) + 1 + 4 * width * height * n;
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset + from, bytes.byteOffset + from + 4 * width * height));
  };
  const at = (n: number, x: number, y: number) => maps(n)[Math.floor(y * height) * width + Math.floor(x * width)]!;
  return { ...summary, maps, at, record: (await readRecord(summary.files.record))! };
}

const arrayBuffer = (path: string): ArrayBuffer => Uint8Array.from(readFileSync(path)).buffer;

describe('metres and points', () => {
  it('makes metres by anchors, and points and meshes that three.js reads', async () => {
    const anchors = anchorFile(JSON.stringify(ANCHORS));
    const { at, maps, files, record, notes } = await run({
      anchors,
      camera: { hfov: 60 },
      savePly: '0,2',
      saveGlb: '1',
    });
    expect(notes).toEqual([]);
    expect(record).toMatchObject({
      unit: 'metres',
      camera: { fx: expect.closeTo(WIDTH / 2 / Math.tan(Math.PI / 6), 6), source: 'derived' },
    });
    expect(at(0, 0.1, 0.2) / 4.7).toBeCloseTo(1, 0);
    expect(at(0, 0.5, 0.95) / 2.7).toBeCloseTo(1, 0);
    expect(at(0, 0.1, 0.2)).toBeGreaterThan(1.2 * at(0, 0.5, 0.95));
    expect(readdirSync(files.points!).sort()).toEqual(['00000.ply', '00001.glb', '00002.ply']);

    const ply = new PLYLoader().parse(arrayBuffer(join(files.points!, '00002.ply')));
    const position = ply.getAttribute('position');
    expect(position.count).toBeGreaterThan((WIDTH * HEIGHT) / 2);
    expect(ply.getAttribute('color').count).toBe(position.count);
    // Every point is a pixel of the map, where its camera looks.
    const { fx, fy, cx, cy } = record.camera!;
    for (let n = 0; n < position.count; n += 97) {
      const [x, y, z] = [position.getX(n), position.getY(n), position.getZ(n)];
      const pixel = [cx - (fx * x) / z, cy + (fy * y) / z].map(Math.round) as [number, number];
      expect(maps(2)[pixel[1] * WIDTH + pixel[0]]).toBeCloseTo(-z, 3);
    }

    const { scene } = await new GLTFLoader().parseAsync(arrayBuffer(join(files.points!, '00001.glb')), '');
    const mesh = scene.children[0] as Mesh | Points;
    expect(mesh.type).toBe('Mesh');
    expect(mesh.geometry.index!.count).toBeGreaterThan(WIDTH * HEIGHT);
    expect(mesh.geometry.getAttribute('color').count).toBe(mesh.geometry.getAttribute('position').count);
  });

  it('goes on after a stop to the same metres as without one', async () => {
    const anchors = anchorFile(ANCHORS.map((anchor) => JSON.stringify(anchor)).join('\n'));
    const whole = await run({ anchors, maxLength: 8 });
    const out = join(folder, 'stopped');
    const stop = new AbortController();
    const progress = (frames: number) => frames === 5 && stop.abort();
    await run({ anchors, maxLength: 8, out, signal: stop.signal }, { progress });
    const { maps, resumed } = await run({ anchors, maxLength: 8, out, resume: true });
    expect(resumed).toBeGreaterThan(0);
    for (let n = 0; n < 8; n++) expect(maps(n)).toEqual(whole.maps(n));
    const others = anchorFile(JSON.stringify(ANCHORS.slice(1)));
    await expect(run({ anchors: others, maxLength: 8, out, resume: true })).rejects.toThrow('options was');
  });

  it('says which outputs assume a field of view: of relative depth MCAP has a camera and no points', async () => {
    const told = async (more: Partial<JobOptions>) => (await run({ mcap: true, maxLength: 1, ...more })).notes.join();
    expect(await told({})).toMatch(/65 degrees is assumed for the camera_info of MCAP;/);
    expect(await told({ anchors: anchorFile(JSON.stringify(ANCHORS)) })).toMatch(
      /for points and the camera_info of MCAP;/,
    );
    expect(await told({ camera: { hfov: 60 } })).not.toContain('field of view');
  });

  it('takes a height over the floor, and tells of frames without metres and anchors that come too late', async () => {
    const anchors = anchorFile(
      JSON.stringify([
        { x: 0.5, y: 0.9, height: 1.2, pitch: 20, frame: 1 },
        { x: 0.5, y: 0.9, metres: 2, frame: 99 },
      ]),
    );
    const { at, record, notes } = await run({ anchors });
    expect(at(0, 0.5, 0.9)).toBeNaN();
    const size = { width: WIDTH, height: HEIGHT };
    const { metres } = floorAnchor(record.camera!, size, { x: 0.5, y: 0.9, height: 1.2, pitch: 20 });
    expect(at(1, 0.5, 0.9) / metres).toBeCloseTo(1, 0);
    expect(notes.join()).toContain('1 frames have no metres');
    expect(notes.join()).toContain('1 anchors are of later frames');
  });

  it('learns the camera of the focal length that EXIF tells', async () => {
    const images = join(folder, 'images');
    mkdirSync(images);
    const rgb = Uint8Array.from({ length: 3 * 96 * 64 }, (_, i) => (i * 7) & 255);
    const jpeg = Buffer.from((await rgbUrl(rgb, 96, 64)).split(',')[1]!, 'base64');
    writeFileSync(join(images, '1.jpg'), Buffer.concat([jpeg.subarray(0, 2), exif(28), jpeg.subarray(2)]));
    const { record } = await run({ input: images, size: 160 });
    const fx = (28 / Math.hypot(36, 24)) * Math.hypot(96, 64);
    expect(record.camera).toMatchObject({ fx: expect.closeTo(fx, 6), fy: expect.closeTo(fx, 6), source: 'derived' });
  });

  it.each([
    ['no JSON', '{', 'no JSON'],
    ['a field that there is not', '[{"x":0.5,"y":0.5,"meters":2}]', 'anchor 1'],
    ['a place outside', '[{"x":0.5,"y":0.5,"metres":2},{"x":1.5,"y":0.5,"metres":2}]', 'anchor 2'],
    ['two moments', '[{"x":0.5,"y":0.5,"metres":2,"frame":1,"time":2}]', 'either frame or time'],
    ['nothing', '[]', 'no anchor'],
    ['a floor above the horizon', '[{"x":0.5,"y":0.1,"height":1}]', 'horizon'],
  ])('refuses a file with %s', async (_, text, message) => {
    await expect(run({ anchors: anchorFile(text) })).rejects.toThrow(message);
  });

  it('refuses points of relative depth, and frames that are not told well', async () => {
    await expect(run({ savePly: 'all' })).rejects.toThrow('gives no metres');
    const anchors = anchorFile(JSON.stringify(ANCHORS));
    await expect(run({ anchors, saveGlb: '3-1' })).rejects.toThrow('frames are told as');
    await expect(run({ anchors: join(folder, 'nowhere.json') })).rejects.toThrow('ENOENT');
  });
});

/** An APP1 segment with FocalLengthIn35mmFilm (EXIF 2.32, 4.6.5). */
function exif(focal: number): Buffer {
  const tiff = Buffer.alloc(44);
  tiff.write('II*\0', 0, 'latin1');
  tiff.writeUInt32LE(8, 4);
  // One directory that points to the one of EXIF.
  tiff.writeUInt16LE(1, 8);
  tiff.writeUInt16LE(0x8769, 10);
  tiff.writeUInt16LE(4, 12);
  tiff.writeUInt32LE(1, 14);
  tiff.writeUInt32LE(26, 18);
  tiff.writeUInt16LE(1, 26);
  tiff.writeUInt16LE(0xa405, 28);
  tiff.writeUInt16LE(3, 30);
  tiff.writeUInt32LE(1, 32);
  tiff.writeUInt16LE(focal, 36);
  const segment = Buffer.concat([Buffer.from([0xff, 0xe1, 0, 0]), Buffer.from('Exif\0\0', 'latin1'), tiff]);
  segment.writeUInt16BE(segment.length - 2, 2);
  return segment;
}
