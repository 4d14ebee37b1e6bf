import { mat4 } from 'gl-matrix';
import { bakeLight } from './bake.ts';
import { MeshBuilder } from './builder.ts';
import { lookAt, matrix } from './camera.ts';
import { car } from './car.ts';
import { carriageway, clouds, FACADE } from './facades.ts';
import { Figure, STANDING, walking } from './figure.ts';
import type { Lighting } from './light.ts';
import { type Kit, makeKit } from './materials.ts';
import { type Mesh, material, type Vec3 } from './mesh.ts';
import { house, streetLamp, tree } from './outdoors.ts';
import { blocks } from './surfaces.ts';
import { hex } from './texture.ts';
import type { Instance } from './visibility.ts';
import { MovingShades, type Shade, type World } from './world.ts';

/** The street repeats after this many metres: 30 bays of houses. */
const PERIOD = 30 * FACADE.bay;
const COPIES = 4;
/** Half widths: lanes, carriageway, houses' fronts. */
const LANE = 1.75;
const KERB = 5.4;
const FRONT = 9;
const STEP = 0.13;
const HOUSE_DEPTH = 11;
/** Metres a second. */
const CAMERA_SPEED = 2.6;

const LIGHTING: Lighting = {
  sun: [0.46, 0.79, 0.41],
  sunColour: [0.92, 0.86, 0.74],
  sky: [0.5, 0.55, 0.64],
  ground: [0.36, 0.34, 0.32],
  haze: [0.74, 0.8, 0.87],
  hazeDensity: 0.009,
};

/** One period from z = 0 to z = -PERIOD. */
function block(kit: Kit): Mesh {
  const b = new MeshBuilder();
  const seed = kit.random.integer(9999);
  const road = material(carriageway(seed, [0.18, 0.82]), 1);
  // One repeat of the road's texture along 12 m.
  const repeats = Math.round(PERIOD / 12);
  b.polygon(
    [
      [-KERB, 0, -PERIOD],
      [-KERB, 0, 0],
      [KERB, 0, 0],
      [KERB, 0, -PERIOD],
    ],
    road,
    [
      [0, 0],
      [0, repeats],
      [1, repeats],
      [1, 0],
    ],
  );
  const slabs = material(
    blocks(seed + 1, hex('#a39c90'), hex('#6d675f'), 6, 6, { bond: true, gap: 0.006, vary: 0.22 }),
    3.9,
  );
  const kerb = kit.paint('#8f8c86');
  for (const side of [-1, 1]) {
    const [near, far] = side > 0 ? [KERB, FRONT] : [-FRONT, -KERB];
    b.polygon(
      [
        [near, STEP, -PERIOD],
        [near, STEP, 0],
        [far, STEP, 0],
        [far, STEP, -PERIOD],
      ],
      slabs,
    );
    const x = side * KERB;
    const face: Vec3[] = [
      [x, STEP, 0],
      [x, 0, 0],
      [x, 0, -PERIOD],
      [x, STEP, -PERIOD],
    ];
    b.polygon(side < 0 ? face : face.reverse(), kerb);
    row(b, kit, side);
    furniture(b, kit, side);
  }
  b.occlude([0, -0.1, -PERIOD / 2], [60, 0.2, PERIOD * 2]);
  const mesh = b.build();
  bakeLight(mesh, LIGHTING, { indoors: false, reach: 2.5, texel: 0.42 });
  return mesh;
}

/** Houses along one side, thirty bays of them. */
function row(b: MeshBuilder, kit: Kit, side: number): void {
  const { random } = kit;
  let bays = 0;
  while (bays < 30) {
    const wide = Math.min(30 - bays, 3 + random.integer(4));
    const storeys = 2 + random.integer(3);
    const z = -(bays + wide / 2) * FACADE.bay;
    b.at([side * (FRONT + HOUSE_DEPTH / 2), STEP, z], side > 0 ? -Math.PI / 2 : Math.PI / 2, () =>
      house(b, kit, wide, storeys, HOUSE_DEPTH),
    );
    bays += wide;
  }
  for (const z of [PERIOD / 2 - 30, -PERIOD * 1.5 + 30])
    b.occlude([side * (FRONT + HOUSE_DEPTH / 2), 5.5, z], [HOUSE_DEPTH, 11, PERIOD - 60]);
}

/** Trees and lamps along the kerb, bins and benches. */
function furniture(b: MeshBuilder, kit: Kit, side: number): void {
  const { random } = kit;
  for (let i = 0; i < 6; i++) {
    const z = -(i + 0.3) * (PERIOD / 6) - random.between(0, 2);
    b.at([side * (KERB + 0.8), STEP, z], random.between(0, 6), () => tree(b, kit, random.between(5.5, 7.5)));
    if (i % 2 === 0)
      b.at([side * (KERB + 0.5), STEP, z - PERIOD / 12], side > 0 ? -Math.PI / 2 : Math.PI / 2, () =>
        streetLamp(b, kit),
      );
    const extra = random.next();
    const at: Vec3 = [side * (KERB + 0.7), STEP, z - PERIOD / 12 - 1.8];
    if (extra < 0.4)
      b.at(at, 0, () =>
        b.loft(
          [
            { y: 0, rx: 0.22 },
            { y: 0.85, rx: 0.25 },
            { y: 0.95, rx: 0.16 },
          ],
          kit.shiny('#3f5a4a', 0.2),
          12,
        ),
      );
    else if (extra < 0.7)
      b.at(at, 0, () => {
        b.box([0, 0.45, 0], [0.45, 0.06, 1.5], kit.oak);
        b.box([side * 0.22, 0.72, 0], [0.05, 0.3, 1.5], kit.oak);
        for (const dz of [-0.6, 0.6]) b.box([0, 0.21, dz], [0.4, 0.42, 0.07], kit.dark);
      });
  }
}

/** Something that keeps to a line along the street and comes back out of the haze after `range` metres. */
interface Mover {
  instances: Instance[];
  x: number;
  /** Metres a second towards -z, the way the camera goes. */
  speed: number;
  start: number;
  range: number;
  place(z: number, travelled: number): Shade[];
}

function cars(kit: Kit): Mover[] {
  const make = (x: number, speed: number, start: number, range: number): Mover => {
    const instance = { mesh: car(kit), matrix: matrix() };
    const turn = x < 0 && speed !== 0 ? Math.PI : 0;
    return {
      instances: [instance],
      x,
      speed,
      start,
      range,
      place(z) {
        mat4.rotateY(instance.matrix, mat4.fromTranslation(instance.matrix, [x, 0, z]), turn);
        return [-1.4, 0, 1.4].map((dz) => ({ x, z: z + dz, radius: 1.25, depth: 0.6 }));
      },
    };
  };
  const parked = [-1, 1].flatMap((side) =>
    [0, 1, 2, 3].map((i) => make(side * (KERB - 1.05), 0, 7 + i * 33 + (side > 0 ? 14 : 0), 140)),
  );
  const oncoming = [0, 1, 2].map((i) => make(-LANE, -7, 20 + i * 47, 150));
  // Two drive ahead of the camera, as fast as it does.
  return [...parked, ...oncoming, make(LANE, CAMERA_SPEED, 13, 1e9), make(LANE, CAMERA_SPEED, 34, 1e9)];
}

function walkers(kit: Kit): Mover[] {
  return Array.from({ length: 9 }, (_, i) => {
    const figure = new Figure(kit, 8);
    const side = i % 2 ? 1 : -1;
    const forward = i % 3 !== 0;
    const speed = (forward ? 1 : -1) * (1.15 + 0.12 * (i % 4));
    const x = side * (KERB + 1.5 + 1.5 * ((i * 0.37) % 1));
    return {
      instances: figure.instances,
      x,
      speed,
      start: 5 + i * 9.5,
      range: 90,
      place(z, travelled) {
        figure.pose(walking({ ...STANDING, x, y: STEP, z, turn: forward ? Math.PI : 0 }, travelled + i));
        return [{ x, z, radius: 0.45, depth: 0.5 }];
      },
    };
  });
}

/** A shopping street; the camera drives slowly along its right lane for ever. */
export function street(seed: number): World {
  const kit = makeKit(seed);
  const mesh = block(kit);
  const copies = Array.from({ length: COPIES }, () => ({ mesh, matrix: matrix() }));
  const dome = { mesh: skyDome(kit), matrix: matrix() };
  const movers = [...cars(kit), ...walkers(kit)];
  const shades = new MovingShades(mesh, 0);
  const eye = (time: number) => -CAMERA_SPEED * time;
  return {
    lighting: LIGHTING,
    instances: [...movers.flatMap((m) => m.instances), ...copies, dome],
    focal: 0.8,
    still: false,
    tripod: false,
    animate(time) {
      const z = eye(time);
      const first = Math.floor(-z / PERIOD);
      copies.forEach((copy, k) => {
        mat4.fromTranslation(copy.matrix, [0, 0, -(first + k - (k === COPIES - 1 ? COPIES : 0)) * PERIOD]);
      });
      mat4.fromTranslation(dome.matrix, [0, 0, z]);
      const dark: Shade[] = [];
      for (const mover of movers) {
        // Metres ahead of the camera, from a little behind it to the end of the mover's range.
        const ahead = mover.start + (mover.speed - CAMERA_SPEED) * time;
        const BEHIND = 8;
        const wrapped = ((((ahead + BEHIND) % mover.range) + mover.range) % mover.range) - BEHIND;
        for (const shade of mover.place(z - wrapped, Math.abs(mover.speed) * time)) dark.push(...repeats(shade));
      }
      shades.set(dark);
    },
    camera(time, pose) {
      const z = eye(time);
      const x = LANE + 0.25 * Math.sin(0.23 * time);
      lookAt(
        pose,
        [x, 1.55 + 0.015 * Math.sin(5.1 * time), z],
        [x - 0.5 + 1.2 * Math.sin(0.31 * time), 1.75, z - 10],
        0.006 * Math.sin(0.9 * time),
      );
    },
  };
}

/** A shade in the first period's coordinates, and in its neighbour's where it lies across their border. */
function repeats(shade: Shade): Shade[] {
  const z = -(((-shade.z % PERIOD) + PERIOD) % PERIOD);
  return [0, PERIOD, -PERIOD]
    .map((shift) => ({ ...shade, z: z + shift }))
    .filter((s) => s.z < s.radius && s.z > -PERIOD - s.radius);
}

/** A plane of clouds high above; the horizon drowns in haze. */
function skyDome(kit: Kit): Mesh {
  const b = new MeshBuilder();
  const cover = material(clouds(kit.random.integer(9999)), 900, [1, 1, 1], { glow: 1, sky: true });
  const far = 9000;
  b.polygon(
    [
      [-far, 300, far],
      [-far, 300, -far],
      [far, 300, -far],
      [far, 300, far],
    ],
    cover,
  );
  return b.build();
}
