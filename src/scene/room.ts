import { lookAt, matrix } from './camera.ts';
import { Figure, type Pose, STANDING, walking } from './figure.ts';
import { LIGHTING, livingRoom } from './living-room.ts';
import type { Mesh, Vec3 } from './mesh.ts';
import { MovingShades, type World } from './world.ts';

function world(
  mesh: Mesh,
  still: boolean,
  tripod: boolean,
  camera: World['camera'],
  animate: World['animate'] = () => {},
): World {
  return { lighting: LIGHTING, instances: [{ mesh, matrix: matrix() }], focal: 0.82, still, tripod, animate, camera };
}

const TRIPOD_EYE: Vec3 = [0.95, 1.5, 2.85];
const TRIPOD_TARGET: Vec3 = [-0.35, 0.85, -1.2];

/** The living room, the camera drifting through its front half (one round in 24 s). */
export function room(seed: number): World {
  const { mesh } = livingRoom(seed);
  return world(mesh, true, false, (time, pose) => {
    const a = (time / 24) * 2 * Math.PI;
    const eye: Vec3 = [0.2 + 1.1 * Math.sin(a), 1.45 + 0.12 * Math.sin(2 * a), 2.35 + 0.5 * Math.cos(a)];
    lookAt(pose, eye, [-0.3 + 0.35 * Math.sin(a + 0.7), 0.85, -1.3], 0.015 * Math.sin(3 * a));
  });
}

/** The living room from a tripod, while someone walks to and fro in it. */
export function roomStatic(seed: number): World {
  const { mesh, kit } = livingRoom(seed);
  const figure = new Figure(kit);
  const shades = new MovingShades(mesh, 0);
  const still = world(mesh, false, true, tripod, (time) => {
    const pose = pacing(time);
    figure.pose(pose);
    shades.set([{ x: pose.x, z: pose.z, radius: 0.42, depth: 0.55 }]);
  });
  return { ...still, instances: [...still.instances, ...figure.instances] };
}

/** From the bookcase to the dining table and back, turning round at each end. */
function pacing(time: number): Pose {
  const way = 3.2;
  const turning = 0.6;
  const leg = way / 1.1 + turning;
  const at = (((time % (2 * leg)) + 2 * leg) % (2 * leg)) / leg;
  const back = at >= 1;
  const seconds = (at % 1) * leg;
  const walked = Math.min(way, seconds * 1.1);
  const turned = Math.max(0, seconds - way / 1.1) / turning;
  const along = back ? way - walked : walked;
  const heading = (back ? Math.PI : 0) + Math.PI * turned;
  const pose = { ...STANDING, x: -0.85 + 0.37 * along, y: 0, z: -2.15 + 0.93 * along, turn: 0.379 + heading };
  return walking(pose, walked);
}

const tripod: World['camera'] = (_, pose) => {
  lookAt(pose, TRIPOD_EYE, TRIPOD_TARGET);
};

/** The living room from a tripod; nothing moves. */
export function stillRoom(seed: number): World {
  const { mesh } = livingRoom(seed);
  return world(mesh, true, true, tripod);
}
