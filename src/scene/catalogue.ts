import { person } from './person.ts';
import { room, roomStatic, stillRoom } from './room.ts';
import type { World } from './world.ts';

export interface SceneInfo {
  name: string;
  title: string;
  description: string;
}

interface Entry extends SceneInfo {
  build(seed: number): World;
}

/** Every scene there is, in the order that a list shows them. */
export const CATALOGUE: readonly Entry[] = [
  { name: 'room', title: 'Room', description: 'A furnished living room; the camera drifts around it.', build: room },
  {
    name: 'room-static',
    title: 'Room, tripod',
    description: 'The same room from a tripod; someone walks through it.',
    build: roomStatic,
  },
  { name: 'static', title: 'Still room', description: 'The same room; nothing moves at all.', build: stillRoom },
  { name: 'person', title: 'Person', description: 'Someone gesturing before a webcam in a study.', build: person },
];
