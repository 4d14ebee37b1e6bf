import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { npy } from '../../../test/support/npy.ts';
import { playedBack } from '../../../test/support/played-back.ts';
import { png } from '../../../test/support/png.ts';
import { rgbUrl } from '../../video/jpeg.ts';
import { parseContender } from '../contender.ts';
import { findSequences } from '../dataset.ts';
import { judge } from '../judge.ts';
import type { Predictor } from '../predictor.ts';
import { Predictors } from '../predictor.ts';
import type { Sequence, SequenceSelection } from '../types.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'depthcast-test-'));
});
afterAll(() => rmSync(root, { recursive: true }));

/** Files of a miniature, by their path; returns its folder. */
function lay(name: string, files: Record<string, Buffer | string>): string {
  for (const [path, content] of Object.entries(files)) {
    const at = join(root, name, path);
    mkdirSync(dirname(at), { recursive: true });
    writeFileSync(at, content);
  }
  return join(root, name);
}

const [W, H] = [48, 36];
const colours = (width = W, height = H) => Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 7) % 251);
const picture = png(colours(), W, H);
const jpeg = async (width = W, height = H) =>
  Buffer.from((await rgbUrl(colours(width, height), width, height)).split(',')[1]!, 'base64');
/** A map whose pixel i holds metres(i) in units of the file, whole. */
const map = (units: number, metres: (i: number) => number, width = W, height = H) =>
  png(
    Uint16Array.from({ length: width * height }, (_, i) => Math.round(units * metres(i))),
    width,
    height,
  );
const slope = (i: number) => 1 + 0.01 * (i % W) + 0.02 * Math.floor(i / W);

const open = async (name: string, selection: SequenceSelection = {}): Promise<Sequence[]> =>
  Promise.all((await findSequences([name], selection)).map((entry) => entry.open()));

/** Judges a ramp on it, so that every file is read as a run would; of a sequence, the frames that have a truth. */
async function judged(sequence: Sequence): Promise<number> {
  const { list } = await Predictors.load([parseContender('ramp', '')], () => {
    throw new Error('no model is needed');
  });
  const result = await judge(sequence, list);
  expect(result.contenders[0]!.errors.clip!.absRel).toBeGreaterThan(0);
  return result.judged;
}

describe('reads, in the layout in which it is handed out,', () => {
  it('KITTI: drives of the raw data with annotated depth, and the selection of single frames', async () => {
    const drive = '2011_09_26_drive_0002_sync';
    const files: Record<string, Buffer | string> = {
      '2011_09_26/calib_cam_to_cam.txt':
        'calib_time: 09-Jan-2012 13:57:47\nP_rect_02: 721.5 0 609.5 44.8 0 721.6 172.8 0.21 0 0 1 0.002\n',
    };
    for (const n of [5, 6, 7]) {
      const name = `${String(n).padStart(10, '0')}.png`;
      files[`2011_09_26/${drive}/image_02/data/${name}`] = picture;
      files[`val/${drive}/proj_depth/groundtruth/image_02/${name}`] = map(256, (i) => (i % 2 ? 0 : slope(i)));
    }
    files[`2011_09_26/${drive}/image_02/data/0000000004.png`] = picture;
    const [sequence, ...more] = await open(`kitti:${lay('kitti', files)}`);
    expect(more).toEqual([]);
    expect(sequence).toMatchObject({ name: `kitti:${drive}`, frames: 3, width: W, height: H, fps: 10, maxDepth: 80 });
    expect([sequence!.posed, sequence!.separate, sequence!.takes]).toEqual([false, false, [0]]);
    const { depth, intrinsics } = await sequence!.truth(0);
    expect(depth[1]).toBe(0);
    expect(depth[2]).toBeCloseTo(Math.round(256 * slope(2)) / 256, 6);
    expect(intrinsics).toEqual({ fx: 721.5, fy: 721.6, cx: 609.5, cy: 172.8 });
    expect(await judged(sequence!)).toBe(3);

    const name = (kind: string, n: number) => `${drive}_${kind}_000000000${n}_image_02.png`;
    const selection = lay('kitti-selection', {
      [`depth_selection/val_selection_cropped/image/${name('image', 5)}`]: picture,
      [`depth_selection/val_selection_cropped/image/${name('image', 8)}`]: picture,
      [`depth_selection/val_selection_cropped/groundtruth_depth/${name('groundtruth_depth', 5)}`]: map(256, slope),
      [`depth_selection/val_selection_cropped/groundtruth_depth/${name('groundtruth_depth', 8)}`]: map(256, slope),
    });
    const [single] = await open(`kitti:${selection}`);
    expect(single).toMatchObject({ frames: 2, separate: true, takes: [0, 1] });
    expect(await judged(single!)).toBe(2);
  });

  it('NYU Depth v2: the official test pictures inside the usual crop, and videos', async () => {
    const stills = lay('nyu', {
      'official_splits/test/bathroom/rgb_00045.jpg': await jpeg(640, 480),
      'official_splits/test/bathroom/sync_depth_00045.png': map(1000, () => 2.5, 640, 480),
      'official_splits/test/kitchen/rgb_00001.jpg': await jpeg(640, 480),
      'official_splits/test/kitchen/sync_depth_00001.png': map(1000, (i) => 1 + (i % 640) / 1000, 640, 480),
    });
    const [sequence] = await open(`nyu:${stills}`);
    expect(sequence).toMatchObject({ name: 'nyu:test', frames: 2, separate: true, maxDepth: 10, width: 640 });
    const { depth } = await sequence!.truth(0);
    expect([depth[44 * 640 + 300], depth[45 * 640 + 40], depth[45 * 640 + 601]]).toEqual([0, 0, 0]);
    expect([depth[45 * 640 + 41], depth[470 * 640 + 600]]).toEqual([2.5, 2.5]);
    expect(await judged(sequence!)).toBe(2);
    const videos = lay('nyu-video', {
      'office_0004/rgb/00001.jpg': await jpeg(640, 480),
      'office_0004/depth/00001.png': map(6000, () => 3, 640, 480),
    });
    const [video] = await open(`nyu:${videos}`);
    expect(video).toMatchObject({ name: 'nyu:office_0004', frames: 1, separate: false });
    expect((await video!.truth(0)).depth[100 * 640 + 100]).toBe(3);
  });

  it('ScanNet: scenes of the SensReader, pictures larger than depth, rims left out', async () => {
    const pose = (x: number) => `1 0 0 ${x}\n0 1 0 0\n0 0 1 0\n0 0 0 1\n`;
    const files: Record<string, Buffer | string> = {
      'scene0707_00/intrinsic/intrinsic_depth.txt': '50 0 23.5 0\n0 51 17.5 0\n0 0 1 0\n0 0 0 1\n',
    };
    for (const n of [0, 2, 10]) {
      files[`scene0707_00/color/${n}.jpg`] = await jpeg(96, 72);
      files[`scene0707_00/depth/${n}.png`] = map(1000, slope);
      files[`scene0707_00/pose/${n}.txt`] = pose(0.01 * n);
    }
    const folder = lay('scannet', files);
    const [sequence] = await open(`scannet:${folder}`);
    expect(sequence).toMatchObject({ name: 'scannet:scene0707_00', frames: 3, width: W, height: H, posed: true });
    // By number, not by letters.
    expect((await sequence!.truth(1)).pose![12]).toBe(0.02);
    const { depth, intrinsics } = await sequence!.truth(2);
    expect(intrinsics).toEqual({ fx: 50, fy: 51, cx: 23.5, cy: 17.5 });
    expect([depth[7 * W + 20], depth[8 * W + 10], depth[28 * W + 20], depth[8 * W + 37]]).toEqual([0, 0, 0, 0]);
    expect(depth[8 * W + 11]).toBeCloseTo(slope(8 * W + 11), 3);
    expect(await judged(sequence!)).toBe(3);
    // A pose that was not found: no temporal error for the sequence, and no failure.
    lay('scannet', { 'scene0707_00/pose/2.txt': '-inf -inf -inf -inf\n'.repeat(4) });
    expect((await open(`scannet:${folder}/scene0707_00`))[0]!.posed).toBe(false);
  });

  it('MPI Sintel: clean and final, .dpt and .cam', async () => {
    const dpt = Buffer.alloc(12 + 4 * W * H);
    dpt.writeFloatLE(202021.25, 0);
    dpt.writeInt32LE(W, 4);
    dpt.writeInt32LE(H, 8);
    for (let i = 0; i < W * H; i++) dpt.writeFloatLE(i % 5 === 0 ? 1e10 : slope(i), 12 + 4 * i);
    // World to camera: a quarter turn about y, then a step.
    const cam = Buffer.alloc(4 + 8 * 21);
    cam.writeFloatLE(202021.25, 0);
    const values = [60, 0, 24, 0, 61, 18, 0, 0, 1, 0, 0, -1, 0.5, 0, 1, 0, 0.25, 1, 0, 0, 2];
    for (const [n, value] of values.entries()) cam.writeDoubleLE(value, 4 + 8 * n);
    const files: Record<string, Buffer> = {};
    for (const n of ['0001', '0002']) {
      files[`training/clean/alley_1/frame_${n}.png`] = picture;
      files[`training/final/alley_1/frame_${n}.png`] = picture;
      files[`training/depth/alley_1/frame_${n}.dpt`] = dpt;
      files[`training/camdata_left/alley_1/frame_${n}.cam`] = cam;
    }
    const folder = lay('sintel', files);
    expect((await open(`sintel-final:${folder}`)).map(({ name }) => name)).toEqual(['sintel:final/alley_1']);
    const [sequence] = await open(`sintel:${folder}`);
    expect(sequence).toMatchObject({ name: 'sintel:clean/alley_1', frames: 2, maxDepth: 70, dense: true, posed: true });
    const { depth, pose, intrinsics } = await sequence!.truth(0);
    expect(depth[6]).toBeCloseTo(slope(6), 6);
    expect(intrinsics).toEqual({ fx: 60, fy: 61, cx: 24, cy: 18 });
    // Of the camera's own place, -R^T t.
    expect([pose![12], pose![13], pose![14]]).toEqual([-2, -0.25, 0.5]);
    expect(await judged(sequence!)).toBe(2);
  });

  it('TUM RGB-D: pictures, maps and poses by time', async () => {
    const stamps = [1305031453.359684, 1305031453.39169, 1305031453.423683];
    const files: Record<string, Buffer | string> = {
      'rgbd_dataset_freiburg1_xyz/rgb.txt': `# color images\n# timestamp filename\n${stamps.map((t) => `${t.toFixed(6)} rgb/${t.toFixed(6)}.png`).join('\n')}\n`,
      // The first map has no picture within 20 ms, the others lie 15 ms off.
      'rgbd_dataset_freiburg1_xyz/depth.txt': `# depth maps\n${[-0.03, 0.047, 0.079].map((d, n) => `${(stamps[0]! + d).toFixed(6)} depth/${n}.png`).join('\n')}\n`,
      'rgbd_dataset_freiburg1_xyz/groundtruth.txt': `# timestamp tx ty tz qx qy qz qw\n${stamps.map((t, n) => `${(t + 0.004).toFixed(4)} ${n} 0.5 -0.25 0 ${Math.SQRT1_2} 0 ${Math.SQRT1_2}`).join('\n')}\n`,
    };
    for (const t of stamps) files[`rgbd_dataset_freiburg1_xyz/rgb/${t.toFixed(6)}.png`] = picture;
    for (const n of [0, 1, 2]) files[`rgbd_dataset_freiburg1_xyz/depth/${n}.png`] = map(5000, (i) => n + slope(i));
    const [sequence] = await open(`tum:${lay('tum', files)}`);
    expect(sequence).toMatchObject({ name: 'tum:rgbd_dataset_freiburg1_xyz', frames: 2, posed: true });
    expect(sequence!.fps).toBe(31);
    const { depth, pose, intrinsics } = await sequence!.truth(0);
    expect(depth[0]).toBeCloseTo(2, 6);
    expect(intrinsics!.fx).toBe(517.3);
    // A quarter turn about y: the camera looks along the world's x.
    expect(Array.from(pose!).map((v) => Number(v.toFixed(6)) + 0)).toEqual([
      0, 0, -1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0.5, -0.25, 1,
    ]);
    expect(await judged(sequence!)).toBe(2);
  });

  it('Bonn RGB-D Dynamic: as TUM, without poses', async () => {
    const folder = lay('bonn', {
      'rgbd_bonn_balloon/rgb.txt': '1548266470.88883 rgb/1548266470.88883.png\n',
      'rgbd_bonn_balloon/depth.txt': '1548266470.89001 depth/1548266470.89001.png\n',
      'rgbd_bonn_balloon/groundtruth.txt': '1548266470.88 0 0 0 0 0 0 1\n',
      'rgbd_bonn_balloon/rgb/1548266470.88883.png': picture,
      'rgbd_bonn_balloon/depth/1548266470.89001.png': map(5000, slope),
    });
    const [sequence] = await open(`bonn:${folder}`);
    expect(sequence).toMatchObject({ name: 'bonn:rgbd_bonn_balloon', frames: 1, posed: false, maxDepth: 10 });
    expect(await judged(sequence!)).toBe(1);
  });

  it('DIODE: .npy of depth and of what is known', async () => {
    const files: Record<string, Buffer> = {};
    for (const [half, scene] of [
      ['indoors', 'scene_00019/scan_00183/00019_00183_indoors_000_010'],
      ['outdoor', 'scene_00022/scan_00193/00022_00193_outdoor_000_000'],
    ]) {
      files[`val/${half}/${scene}.png`] = picture;
      files[`val/${half}/${scene}_depth.npy`] = npy(
        [H, W, 1],
        Float32Array.from({ length: W * H }, (_, i) => slope(i)),
      );
      files[`val/${half}/${scene}_depth_mask.npy`] = npy(
        [H, W],
        Float32Array.from({ length: W * H }, (_, i) => i % 2),
      );
    }
    const folder = lay('diode', files);
    const [indoors, outdoor] = await open(`diode:${folder}`);
    expect([indoors!.maxDepth, outdoor!.maxDepth, indoors!.separate]).toEqual([50, 300, true]);
    const { depth } = await indoors!.truth(0);
    expect(depth[2]).toBe(0);
    expect(depth[3]).toBeCloseTo(slope(3), 6);
    expect(await judged(outdoor!)).toBe(1);
    expect((await open(`diode:${join(folder, 'val', 'outdoor')}`)).map(({ name }) => name)).toEqual(['diode:outdoor']);
  });

  it('7-Scenes: the sequences of the test split', async () => {
    const files: Record<string, Buffer | string> = {
      'chess/TestSplit.txt': 'sequence3\n',
      'chess/TrainSplit.txt': 'sequence1\n',
    };
    for (const sequence of ['seq-01', 'seq-03'])
      for (const n of ['000000', '000001']) {
        files[`chess/${sequence}/frame-${n}.color.png`] = picture;
        files[`chess/${sequence}/frame-${n}.depth.png`] = map(1000, (i) => (i === 0 ? 65.535 : slope(i)));
        files[`chess/${sequence}/frame-${n}.pose.txt`] = '1 0 0 0.5\t\n0 1 0 0\t\n0 0 1 0\t\n0 0 0 1\t\n';
      }
    const folder = lay('7scenes', files);
    const [sequence, ...more] = await open(`7scenes:${folder}`);
    expect(more).toEqual([]);
    expect(sequence).toMatchObject({ name: '7scenes:chess/seq-03', frames: 2, posed: true });
    const { depth, pose } = await sequence!.truth(0);
    expect([depth[0], pose![12]]).toEqual([0, 0.5]);
    expect(depth[1]).toBeCloseTo(slope(1), 3);
    expect(await judged(sequence!)).toBe(2);
    expect((await open(`7scenes:${folder}/chess/seq-01`, { stride: 2 }))[0]).toMatchObject({ frames: 1, fps: 15 });
  });
});

describe("Video Depth Anything's lists", () => {
  // Numbers that numpy computed on its own, and that the benchmark's own eval.py and eval_tae.py printed of the same files.
  const folder = fileURLToPath(new URL('../../../test/vectors/eval/vda/', import.meta.url));
  const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as {
    cropped: [number, number];
    whole: [number, number];
    absRel: number;
    rmse: number;
    delta1: number;
    tae: number;
    boundaryOfFrames: number[];
    temporalGradientOfPairs: number[];
  };

  /** What a network said, played back: [height*width] maps of predictions.bin from a byte on. */
  function recorded([height, width]: [number, number], start: number): Predictor {
    const bytes = readFileSync(join(folder, 'predictions.bin'));
    const length = height * width;
    return playedBack([height, width], 'disparity', (index) =>
      Float32Array.from({ length }, (_, i) => bytes.readFloatLE(start + 4 * (index * length + i))),
    );
  }

  it('give the numbers of eval.py, Depth Pro and numpy', async () => {
    const [sequence] = await open(join(folder, 'scannet_video.json'));
    expect(sequence).toMatchObject({ name: 'scannet:scene0707_00', frames: 6, width: 42, height: 32, posed: false });
    const { contenders } = await judge({ ...sequence!, dense: true }, [recorded(expected.cropped, 0)]);
    const { errors, frames } = contenders[0]!;
    expect(errors.clip!.absRel).toBeCloseTo(expected.absRel, 5);
    expect(errors.clip!.rmse).toBeCloseTo(expected.rmse, 4);
    expect(errors.clip!.delta1).toBeCloseTo(expected.delta1, 5);
    frames.forEach(({ boundary, temporalGradient }, n) => {
      expect(boundary).toBeCloseTo(expected.boundaryOfFrames[n]!, 4);
      if (n === 0) expect(temporalGradient).toBeUndefined();
      else expect(temporalGradient).toBeCloseTo(expected.temporalGradientOfPairs[n - 1]!, 3);
    });
  });

  it('with poses: frames 10 to 180 of whole pictures, cut as eval_tae.py cuts them', async () => {
    const [sequence] = await open(join(folder, 'scannet_video_tae.json'));
    expect(sequence).toMatchObject({ frames: 4, width: 42, height: 32, posed: true });
    const start = 4 * 6 * expected.cropped[0] * expected.cropped[1];
    const { contenders } = await judge(sequence!, [recorded(expected.whole, start)]);
    expect(contenders[0]!.tae).toBeCloseTo(expected.tae, 3);
  });
});

describe('says what is wrong', () => {
  const refused = (name: string) => findSequences([name]).catch((error: unknown) => error as Error);

  it.each<[string, string, Record<string, Buffer | string>, RegExp]>([
    ['an empty folder', 'kitti', { 'readme.txt': '' }, /no DRIVE.*proj_depth.*no val_selection_cropped/],
    [
      'a drive without pictures',
      'kitti',
      { 'val/2011_09_26_drive_0002_sync/proj_depth/groundtruth/image_02/0000000005.png': map(256, slope) },
      /2011_09_26_drive_0002_sync: the folder with the raw pictures is missing/,
    ],
    ['no scene', 'scannet', { 'x/y.txt': '' }, /no scene with color/],
    [
      'a map too few',
      'scannet',
      {
        's/color/0.jpg': picture,
        's/depth/1.png': map(1000, slope),
        's/intrinsic/intrinsic_depth.txt': '1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1',
      },
      /depth.0\.png: it is missing/,
    ],
    [
      'broken intrinsics',
      'scannet',
      { 's/color/0.jpg': picture, 's/depth/0.png': map(1000, slope), 's/intrinsic/intrinsic_depth.txt': '1 0 x 0' },
      /intrinsic_depth.txt: it holds 4 numbers, not 16/,
    ],
    ['no clean pass', 'sintel', { 'training/final/a/frame_0001.png': picture }, /clean: there are no scenes/],
    [
      'a .dpt that is none',
      'sintel',
      { 'training/clean/a/frame_0001.png': picture, 'training/depth/a/frame_0001.dpt': 'nothing of the kind' },
      /frame_0001.dpt: it is no .dpt file/,
    ],
    [
      'a list that is broken',
      'tum',
      { 'a/rgb.txt': '1.0 x y z\n', 'a/depth.txt': '' },
      /rgb.txt: "1.0 x y z" is no time/,
    ],
    [
      'maps of two sizes',
      'tum',
      {
        'a/rgb.txt': '1 r1.png\n2 r2.png\n',
        'a/depth.txt': '1 d1.png\n2 d2.png\n',
        'a/d1.png': map(5000, slope),
        'a/d2.png': map(5000, slope, 32, 24),
      },
      /d2.png: it is 32x24, the first one says 48x36/,
    ],
    [
      'a mask of another size',
      'diode',
      {
        'indoors/scene_1/scan_1/a.png': picture,
        'indoors/scene_1/scan_1/a_depth.npy': npy([H, W, 1], new Float32Array(W * H)),
        'indoors/scene_1/scan_1/a_depth_mask.npy': npy([2, 2], new Float32Array(4)),
      },
      /a_depth_mask.npy: it is 2x2/,
    ],
    ['no sequence', '7scenes', { 'chess/TestSplit.txt': 'sequence1\n' }, /no seq-NN/],
  ])('%s', async (name, kind, files, message) => {
    const error = await refused(`${kind}:${lay(`broken ${name}`, files)}`);
    expect(error).toMatchObject({ code: 'BAD_DATASET' });
    expect((error as Error).message).toMatch(message);
  });

  it('of a list: no JSON, another shape, an unknown set', async () => {
    for (const [text, message] of [
      ['{', /JSON/],
      ['{"scannet": [{"a": [{"image": "x.png"}]}]}', /scannet.0.a.0.gt_depth/],
      ['{"waymo": [{"a": []}]}', /"waymo" is none of kitti/],
    ] as const) {
      const list = join(lay('lists', { 'list.json': text }), 'list.json');
      expect(((await refused(list)) as Error).message).toMatch(message);
    }
    expect(await refused(join(root, 'nowhere.json'))).toMatchObject({ code: 'BAD_DATASET' });
  });
});
