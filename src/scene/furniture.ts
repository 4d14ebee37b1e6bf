import type { MeshBuilder } from './builder.ts';
import type { Kit } from './materials.ts';
import { type Material, material, type Vec3 } from './mesh.ts';
import { books, label, painting, screen } from './pictures.ts';
import { leaves } from './surfaces.ts';

// Each piece stands on the floor (y = 0) at the origin and faces +z. Sizes in metres.

export function table(b: MeshBuilder, wide: number, deep: number, high: number, top: Material, leg = top): void {
  b.box([0, high - 0.02, 0], [wide, 0.04, deep], top);
  b.box([0, high - 0.08, 0], [wide - 0.14, 0.08, deep - 0.14], leg);
  for (const x of [-1, 1])
    for (const z of [-1, 1])
      b.box([x * (wide / 2 - 0.06), (high - 0.04) / 2, z * (deep / 2 - 0.06)], [0.06, high - 0.04, 0.06], leg);
}

export function chair(b: MeshBuilder, frame: Material, seat: Material): void {
  b.box([0, 0.45, 0], [0.44, 0.05, 0.42], seat);
  b.box([0, 0.41, 0], [0.4, 0.04, 0.38], frame);
  for (const x of [-1, 1]) {
    b.box([x * 0.19, 0.2, 0.18], [0.04, 0.4, 0.04], frame);
    b.box([x * 0.19, 0.47, -0.19], [0.04, 0.94, 0.04], frame);
  }
  for (const y of [0.62, 0.76, 0.9]) b.box([0, y, -0.19], [0.36, 0.07, 0.025], frame);
}

export function sofa(b: MeshBuilder, wide: number, cover: Material, cushion: Material, feet: Material): void {
  b.box([0, 0.24, 0.02], [wide, 0.24, 0.84], cover);
  b.box([0, 0.52, -0.36], [wide, 0.66, 0.18], cover);
  for (const x of [-1, 1]) b.box([x * (wide / 2 - 0.09), 0.36, 0.02], [0.18, 0.5, 0.86], cover);
  const seats = Math.max(2, Math.round((wide - 0.36) / 0.7));
  const each = (wide - 0.36) / seats;
  for (let i = 0; i < seats; i++) {
    const x = -wide / 2 + 0.18 + each * (i + 0.5);
    b.box([x, 0.43, 0.08], [each - 0.02, 0.14, 0.7], cover);
    b.box([x, 0.68, -0.22], [each - 0.03, 0.4, 0.14], cover);
  }
  b.ball([-wide / 2 + 0.42, 0.66, -0.04], [0.22, 0.2, 0.09], cushion);
  b.ball([wide / 2 - 0.45, 0.65, -0.03], [0.21, 0.19, 0.09], cushion);
  for (const x of [-1, 1])
    for (const z of [-0.32, 0.36]) b.box([x * (wide / 2 - 0.1), 0.06, z], [0.05, 0.12, 0.05], feet);
}

/** A bookcase with `shelves` boards, filled with books, boxes and vases. */
export function bookcase(b: MeshBuilder, kit: Kit, wide: number, high: number, body: Material, shelves = 5): void {
  const deep = 0.3;
  b.box([0, high / 2, -deep / 2 + 0.01], [wide, high, 0.02], body);
  for (const x of [-1, 1]) b.box([x * (wide / 2 - 0.012), high / 2, 0], [0.024, high, deep], body);
  const gap = (high - 0.1) / shelves;
  b.box([0, high - 0.012, 0], [wide, 0.024, deep], body);
  const inner = wide - 0.05;
  for (let i = 0; i < shelves; i++) {
    const y = 0.08 + i * gap;
    b.box([0, y, 0], [inner, 0.024, deep - 0.02], body);
    const kind = kit.random.next();
    const tall = gap * 0.82;
    if (kind < 0.62) {
      const share = kit.random.between(0.6, 0.98);
      const at = (1 - share) * inner * 0.5 * (kit.random.next() < 0.5 ? -1 : 1);
      const row = material(books(kit.random.integer(9999)), 1);
      bookRow(b, [at, y + 0.012, 0.02], inner * share, tall, row, kit.paint('#d8cfbc'));
    } else if (kind < 0.82) {
      for (const x of [-0.27, 0.24]) {
        const colour = kit.random.pick(['#8d8a7a', '#b07a52', '#5b6d73', '#c9bfa8']);
        b.box([x * inner, y + 0.012 + tall * 0.36, 0], [inner * 0.34, tall * 0.72, deep * 0.7], kit.fabric(colour));
      }
    } else {
      vase(b, [-inner * 0.25, y + 0.012, 0], tall * 0.8, kit.shiny(kit.random.pick(['#2f5d73', '#b5533c', '#e3dccb'])));
      b.box([inner * 0.2, y + 0.012 + tall * 0.3, -0.02], [inner * 0.3, tall * 0.6, 0.02], kit.walnut);
    }
  }
}

/** Books whose spines are one picture on the front of a block. */
function bookRow(b: MeshBuilder, [x, y, z]: Vec3, wide: number, tall: number, spines: Material, pages: Material): void {
  const deep = 0.18;
  b.box([x, y + tall * 0.45, z - 0.01], [wide, tall * 0.9, deep - 0.02], pages, 'front bottom');
  const front = z + deep / 2;
  const [left, right] = [x - wide / 2, x + wide / 2];
  b.picture([left, y + tall, front], [left, y, front], [right, y, front], spines);
}

export function vase(b: MeshBuilder, [x, y, z]: Vec3, high: number, glaze: Material): void {
  const r = high * 0.26;
  const ring = (t: number, k: number) => ({ y: y + high * t, rx: r * k, x, z });
  b.loft(
    [ring(0, 0.6), ring(0.15, 0.85), ring(0.38, 1), ring(0.62, 0.8), ring(0.82, 0.42), ring(0.93, 0.4), ring(1, 0.55)],
    glaze,
    14,
  );
}

export function floorLamp(b: MeshBuilder, kit: Kit, shade: Material): void {
  b.loft(
    [
      { y: 0, rx: 0.15 },
      { y: 0.025, rx: 0.15 },
    ],
    kit.dark,
    16,
  );
  b.loft(
    [
      { y: 0.02, rx: 0.014 },
      { y: 1.45, rx: 0.014 },
    ],
    kit.dark,
    8,
  );
  b.loft(
    [
      { y: 1.36, rx: 0.22 },
      { y: 1.66, rx: 0.15 },
    ],
    shade,
    18,
    'none',
  );
}

/** A pot with a bushy plant: crossed cards of leaves. */
export function plant(b: MeshBuilder, kit: Kit, high: number, pot: Material): void {
  const potHigh = high * 0.26;
  b.loft(
    [
      { y: 0, rx: potHigh * 0.42 },
      { y: potHigh * 0.9, rx: potHigh * 0.58 },
      { y: potHigh, rx: potHigh * 0.6 },
    ],
    pot,
    14,
    'bottom',
  );
  b.loft(
    [
      { y: potHigh * 0.86, rx: potHigh * 0.56 },
      { y: potHigh * 0.9, rx: potHigh * 0.56 },
    ],
    kit.soil,
    12,
  );
  b.loft(
    [
      { y: potHigh * 0.8, rx: 0.015 },
      { y: high * 0.6, rx: 0.01, x: 0.02 },
    ],
    kit.bark,
    6,
  );
  const foliage = material(leaves(kit.random.integer(9999), 200, 2.2), 1, [0.62, 0.72, 0.52], { masked: true });
  const size = high * 0.6;
  for (let i = 0; i < 7; i++) {
    const turn = (i / 7) * Math.PI * 2 + kit.random.between(-0.3, 0.3);
    const up = potHigh + size * (0.42 + 0.16 * (i % 3));
    card(
      b,
      [0.12 * size * Math.sin(turn), up, 0.12 * size * Math.cos(turn)],
      size * kit.random.between(0.75, 1),
      turn,
      kit.random.between(-0.5, 0.5),
      foliage,
    );
  }
  b.occlude([0, potHigh + size * 0.5, 0], [size * 0.6, size * 0.8, size * 0.6], true);
}

/** A square card with a texture, turned about the vertical and leaning back. */
export function card(b: MeshBuilder, [x, y, z]: Vec3, size: number, turn: number, lean: number, face: Material): void {
  const h = size / 2;
  const corner = (i: number, j: number): Vec3 => {
    const [cy, cz] = [j * h * Math.cos(lean), j * h * Math.sin(lean)];
    return [x + i * h * Math.cos(turn) + cz * Math.sin(turn), y + cy, z - i * h * Math.sin(turn) + cz * Math.cos(turn)];
  };
  b.picture(corner(-1, 1), corner(-1, -1), corner(1, -1), face);
}

/** A framed picture on a wall behind z = 0, its middle at the origin. */
export function framed(b: MeshBuilder, kit: Kit, wide: number, high: number, frame: Material): void {
  const f = 0.035;
  b.box([0, 0, 0.01], [wide + 2 * f, high + 2 * f, 0.03], frame, 'back');
  const z = 0.0275;
  const art = material(painting(kit.random.integer(9999)), 1);
  b.picture([-wide / 2, high / 2, z], [-wide / 2, -high / 2, z], [wide / 2, -high / 2, z], art);
}

/** A low cabinet with doors; a television on it when asked. */
export function cabinet(
  b: MeshBuilder,
  kit: Kit,
  wide: number,
  high: number,
  body: Material,
  television = false,
): void {
  b.box([0, high / 2 + 0.04, 0], [wide, high, 0.42], body);
  const doors = Math.max(2, Math.round(wide / 0.5));
  for (let i = 0; i < doors; i++) {
    const each = wide / doors;
    const x = -wide / 2 + each * (i + 0.5);
    b.box([x, high / 2 + 0.04, 0.215], [each - 0.02, high - 0.05, 0.02], body, 'back');
    b.box([x + each * 0.36, high * 0.6, 0.235], [0.015, 0.1, 0.02], kit.steel);
  }
  if (!television) return;
  const top = high + 0.04;
  b.box([0, top + 0.015, 0], [0.4, 0.03, 0.2], kit.dark);
  b.box([0, top + 0.06, 0], [0.08, 0.08, 0.04], kit.dark);
  b.box([0, top + 0.42, 0.01], [1.1, 0.64, 0.05], kit.dark);
  const lit = material(screen(kit.random.integer(9999)), 1, [1, 1, 1], { glow: 0.75 });
  b.picture([-0.53, top + 0.72, 0.0365], [-0.53, top + 0.13, 0.0365], [0.53, top + 0.13, 0.0365], lit);
}

/** A cardboard box with a printed front. */
export function carton(b: MeshBuilder, kit: Kit, size: Vec3): void {
  const print = label(kit.random.integer(9999));
  const side = material(print, Math.max(...size));
  b.box([0, size[1] / 2, 0], size, side, 'front back');
  const [x, y, z] = [size[0] / 2, size[1], size[2] / 2];
  const front = material(print, 1);
  b.picture([-x, y, z], [-x, 0, z], [x, 0, z], front);
  b.picture([x, y, -z], [x, 0, -z], [-x, 0, -z], front);
}
