// Pictures of the synthetic scenes to look at: `npx tsx scripts/scene-sheet.ts [scene...] [--out=DIR] [--size=640x480] [--times=0,2,4,6]`
// writes DIR/NAME.png, one column a time: colour above, disparity below.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { crc32, deflateSync } from 'node:zlib';
import { createScene, listScenes, type RenderTarget } from '../src/scene/scene.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string', default: 'test-artefacts/scenes' },
    size: { type: 'string', default: '640x480' },
    times: { type: 'string', default: '0,2,4,6' },
    seed: { type: 'string', default: '1' },
  },
});
const [width = 640, height = 480] = values.size.split('x').map(Number);
const times = values.times.split(',').map(Number);
mkdirSync(values.out, { recursive: true });

for (const name of positionals.length ? positionals : listScenes().map((s) => s.name)) {
  const scene = createScene(name, { width, height, seed: Number(values.seed) });
  const sheet = new Uint8Array(width * times.length * height * 2 * 3);
  times.forEach((time, column) => {
    place(sheet, scene.render(time), column);
  });
  const file = join(values.out, `${name}.png`);
  writeFileSync(file, encodePng(sheet, width * times.length, height * 2));
  console.log(file);
}

function place(sheet: Uint8Array, { rgba, depth }: RenderTarget, column: number): void {
  const nearest = depth.reduce((a, b) => Math.min(a, b), Infinity);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const above = (y * width * times.length + column * width + x) * 3;
      const below = above + width * times.length * height * 3;
      const near = Math.round(255 * Math.sqrt(nearest / depth[i]!));
      for (let c = 0; c < 3; c++) {
        sheet[above + c] = rgba[i * 4 + c]!;
        sheet[below + c] = near;
      }
    }
}

/** A PNG (ISO/IEC 15948) of 8-bit RGB rows, without filtering. */
function encodePng(rgb: Uint8Array, columns: number, rows: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length);
    body.copy(out, 4);
    out.writeUInt32BE(crc32(body), body.length + 4);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(columns, 0);
  header.writeUInt32BE(rows, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const lines = Buffer.alloc(rows * (columns * 3 + 1));
  for (let y = 0; y < rows; y++)
    lines.set(rgb.subarray(y * columns * 3, (y + 1) * columns * 3), y * (columns * 3 + 1) + 1);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(lines)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
