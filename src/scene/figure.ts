import { mat4 } from 'gl-matrix';
import { MeshBuilder } from './builder.ts';
import { matrix } from './camera.ts';
import type { Kit } from './materials.ts';
import { type Material, type Mesh, material, type Vec3 } from './mesh.ts';
import { face } from './pictures.ts';
import { strands } from './surfaces.ts';
import { type Colour, hex } from './texture.ts';
import type { Instance } from './visibility.ts';

/** Lengths of a grown person of 1.75 m. */
const HIP = 0.92;
const WAIST = 0.1;
const SHOULDER = 0.5;
const NECK = 0.57;
const UPPER_ARM = 0.29;
const FOREARM = 0.26;
const THIGH = 0.43;
const SHIN = 0.42;

/** Angles in radians; forward is towards +z, the way the figure faces. */
export interface Pose {
  /** Where the feet's middle is, the ground's height, and the turn about the vertical. */
  x: number;
  y: number;
  z: number;
  turn: number;
  lean: number;
  /** Nod and turn of the head. */
  nod: number;
  look: number;
  /** Left (+x) and right: raised forward, out to the side, bend of the elbow, turn of the forearm inwards. */
  arms: [ArmPose, ArmPose];
  /** Left and right: thigh forward, bend of the knee. */
  legs: [LegPose, LegPose];
}

export interface ArmPose {
  forward: number;
  side: number;
  bend: number;
  inward: number;
}

export interface LegPose {
  forward: number;
  bend: number;
}

export const STANDING: Pose = {
  x: 0,
  y: 0,
  z: 0,
  turn: 0,
  lean: 0,
  nod: 0,
  look: 0,
  arms: [
    { forward: 0, side: 0.12, bend: 0.15, inward: 0 },
    { forward: 0, side: 0.12, bend: 0.15, inward: 0 },
  ],
  legs: [
    { forward: 0, bend: 0 },
    { forward: 0, bend: 0 },
  ],
};

/** How someone walks `distance` metres along, one double step in 1.4 m. */
export function walking(pose: Pose, distance: number): Pose {
  const phase = (distance / 1.4) * 2 * Math.PI;
  const swing = Math.sin(phase);
  const leg = (s: number, lift: number): LegPose => ({ forward: 0.45 * s, bend: 0.12 + 0.75 * Math.max(0, lift) ** 2 });
  const arm = (s: number): ArmPose => ({ forward: 0.4 * s, side: 0.1, bend: 0.3 + 0.15 * s, inward: 0.1 });
  return {
    ...pose,
    y: pose.y - 0.025 * Math.abs(swing),
    lean: 0.04,
    legs: [leg(swing, Math.cos(phase)), leg(-swing, -Math.cos(phase))],
    arms: [arm(-swing), arm(swing)],
  };
}

interface Clothes {
  skin: Material;
  face: Material;
  hair: Material;
  top: Material;
  collar: Material;
  legs: Material;
  shoes: Material;
}

const SKINS = ['#f2c7a8', '#e0a984', '#b9805a', '#8a5a3c', '#f6d5bd'] as const;

function dress(kit: Kit): Clothes {
  const { random } = kit;
  const skin: Colour = hex(random.pick(SKINS));
  const tint: Colour = [skin[0] * 1.05, skin[1] * 1.28, skin[2] * 1.45];
  return {
    skin: kit.shiny(skin, 0.06),
    face: material(face(random.integer(9999)), 1, tint, { gloss: 0.05 }),
    hair: material(
      strands(random.integer(9999)),
      0.12,
      hex(random.pick(['#3a2a20', '#5a3d27', '#1f1a18', '#8a6a45', '#6b6661'])),
      { gloss: 0.08 },
    ),
    top: kit.fabric(random.pick(['#3d5a73', '#8c3f38', '#5f7256', '#c9c2b2', '#33343a', '#b98a3f'])),
    collar: kit.fabric(random.pick(['#e8e4da', '#2c3038', '#b7c4cc'])),
    legs: kit.fabric(random.pick(['#2f3a4a', '#4a4238', '#26262a', '#6b6252'])),
    shoes: kit.shiny(random.pick(['#241f1c', '#5a3b27', '#d9d6d0']), 0.2),
  };
}

function part(build: (b: MeshBuilder) => void): Mesh {
  const b = new MeshBuilder();
  build(b);
  return b.build();
}

/** Someone made of rigid parts; `detail` is the number of sides of the round ones. */
export class Figure {
  readonly instances: Instance[] = [];
  readonly #body: Instance;
  readonly #head: Instance;
  readonly #upperArms: [Instance, Instance];
  readonly #forearms: [Instance, Instance];
  readonly #thighs: [Instance, Instance];
  readonly #shins: [Instance, Instance];

  constructor(kit: Kit, detail = 10) {
    const clothes = dress(kit);
    const add = (mesh: Mesh): Instance => {
      const instance = { mesh, matrix: matrix() };
      this.instances.push(instance);
      return instance;
    };
    const pair = (make: (side: number) => Mesh): [Instance, Instance] => [add(make(1)), add(make(-1))];
    this.#body = add(torso(clothes, detail));
    this.#head = add(head(clothes));
    this.#upperArms = pair(() => limb(UPPER_ARM, 0.055, 0.042, clothes.top, detail, 1.06));
    this.#forearms = pair((side) => forearm(clothes, detail, side));
    this.#thighs = pair(() => limb(THIGH, 0.085, 0.058, clothes.legs, detail));
    this.#shins = pair(() => shin(clothes, detail));
  }

  pose(pose: Pose): void {
    const root = mat4.fromTranslation(this.#body.matrix, [pose.x, pose.y + HIP, pose.z]);
    mat4.rotateY(root, root, pose.turn);
    for (const [i, side] of [
      [0, 1],
      [1, -1],
    ] as const) {
      const leg = pose.legs[i];
      this.#joint(this.#thighs[i], root, [side * 0.095, 0, 0], -leg.forward, 0, 0);
      this.#joint(this.#shins[i], this.#thighs[i].matrix, [0, -THIGH, 0], leg.bend, 0, 0);
    }
    mat4.rotateX(root, root, pose.lean);
    this.#joint(this.#head, root, [0, NECK, 0], pose.nod, pose.look, 0);
    for (const [i, side] of [
      [0, 1],
      [1, -1],
    ] as const) {
      const arm = pose.arms[i];
      this.#joint(
        this.#upperArms[i],
        root,
        [side * 0.178, SHOULDER - 0.045, -0.005],
        -arm.forward,
        side * arm.inward * -0.4,
        side * arm.side,
      );
      this.#joint(this.#forearms[i], this.#upperArms[i].matrix, [0, -UPPER_ARM, 0], -arm.bend, 0, -side * arm.inward);
    }
  }

  #joint(child: Instance, parent: mat4, at: Vec3, x: number, y: number, z: number): void {
    const m = child.matrix;
    mat4.translate(m, parent, at as [number, number, number]);
    mat4.rotateY(m, m, y);
    mat4.rotateX(m, m, x);
    mat4.rotateZ(m, m, z);
  }
}

/** A tapering limb hanging down from its joint. */
function limb(length: number, r0: number, r1: number, cover: Material, detail: number, joint = 1): Mesh {
  return part((b) => {
    b.ball([0, 0, 0], [r0 * joint, r0 * joint, r0 * joint], cover);
    b.ball([0, -length, 0], [r1, r1, r1], cover);
    const rings = [
      { y: -length, rx: r1 },
      { y: -length * 0.6, rx: (r0 + r1) * 0.53 },
      { y: 0, rx: r0 },
    ];
    b.loft(rings, cover, detail, 'none');
  });
}

function forearm(clothes: Clothes, detail: number, side: number): Mesh {
  return part((b) => {
    const sleeve = [
      { y: -FOREARM * 0.82, rx: 0.036 },
      { y: -FOREARM * 0.35, rx: 0.045 },
      { y: 0, rx: 0.044 },
    ];
    b.loft(sleeve, clothes.top, detail, 'bottom');
    b.loft(
      [
        { y: -FOREARM - 0.02, rx: 0.024, rz: 0.03 },
        { y: -FOREARM * 0.8, rx: 0.027, rz: 0.03 },
      ],
      clothes.skin,
      detail,
      'none',
    );
    b.ball([0, -FOREARM - 0.02, 0], [0.025, 0.03, 0.032], clothes.skin);
    const palm = -FOREARM - 0.06;
    b.ball([0, palm, 0], [0.022, 0.055, 0.042], clothes.skin);
    for (let i = 0; i < 4; i++) {
      const z = (i - 1.5) * 0.02;
      const long = [0.038, 0.044, 0.042, 0.034][i]!;
      b.ball([side * -0.006, palm - 0.045 - long * 0.8, z], [0.0095, long, 0.0095], clothes.skin);
    }
    b.ball([side * -0.014, palm - 0.005, 0.048], [0.011, 0.036, 0.013], clothes.skin);
  });
}

function shin(clothes: Clothes, detail: number): Mesh {
  return part((b) => {
    b.loft(
      [
        { y: -SHIN, rx: 0.048 },
        { y: -SHIN * 0.45, rx: 0.058 },
        { y: 0, rx: 0.058 },
      ],
      clothes.legs,
      detail,
      'bottom',
    );
    b.ball([0, -SHIN - 0.025, 0.05], [0.045, 0.045, 0.13], clothes.shoes);
  });
}

function torso(clothes: Clothes, detail: number): Mesh {
  return part((b) => {
    const hips = [
      { y: -0.1, rx: 0.15, rz: 0.11 },
      { y: 0, rx: 0.17, rz: 0.125 },
      { y: WAIST, rx: 0.155, rz: 0.11 },
    ];
    b.loft(hips, clothes.legs, detail * 2, 'bottom');
    const chest = [
      { y: -0.02, rx: 0.172, rz: 0.13 },
      { y: WAIST, rx: 0.158, rz: 0.116 },
      { y: 0.24, rx: 0.168, rz: 0.122, z: 0.008 },
      { y: 0.35, rx: 0.18, rz: 0.13, z: 0.012 },
      { y: 0.42, rx: 0.186, rz: 0.118, z: 0.002 },
      { y: 0.465, rx: 0.18, rz: 0.1, z: -0.01 },
      { y: 0.5, rx: 0.155, rz: 0.085, z: -0.016 },
      { y: 0.525, rx: 0.115, rz: 0.074, z: -0.018 },
      { y: 0.545, rx: 0.078, rz: 0.066, z: -0.016 },
    ];
    b.loft(chest, clothes.top, detail * 2, 'bottom');
    b.loft(
      [
        { y: 0.535, rx: 0.068, z: -0.012 },
        { y: 0.57, rx: 0.06, z: -0.008 },
      ],
      clothes.collar,
      detail,
      'none',
    );
    b.loft(
      [
        { y: 0.5, rx: 0.055, z: -0.014 },
        { y: NECK + 0.09, rx: 0.05, z: -0.002 },
      ],
      clothes.skin,
      detail,
      'none',
    );
  });
}

function head(clothes: Clothes): Mesh {
  return part((b) => {
    b.ball([0, 0.13, 0.02], [0.076, 0.112, 0.097], clothes.face, true);
    b.ball([0, 0.068, 0.034], [0.054, 0.052, 0.058], clothes.skin);
    b.ball([0, 0.116, 0.112], [0.011, 0.021, 0.017], clothes.skin);
    b.ball([0, 0.107, 0.117], [0.0135, 0.0105, 0.015], clothes.skin);
    for (const side of [-1, 1]) b.ball([side * 0.077, 0.125, 0.008], [0.01, 0.03, 0.019], clothes.skin);
    b.ball([0, 0.172, -0.002], [0.084, 0.084, 0.102], clothes.hair);
    b.ball([0, 0.125, -0.03], [0.081, 0.1, 0.078], clothes.hair);
  });
}
