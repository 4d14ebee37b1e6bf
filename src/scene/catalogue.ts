import { hall } from './hall.ts';
import { person } from './person.ts';
import { room, roomStatic, stillRoom } from './room.ts';
import { street } from './street.ts';
import { tabletop } from './tabletop.ts';
import type { World } from './world.ts';

export interface SceneInfo {
  name: string;
  title: string;
  description: string;
}

export interface Entry extends SceneInfo {
  /** The worlds that the scene shows; one, or several between which it cuts. */
  build(seed: number): World[];
}

/** Seconds from one hard cut to the next, in scenes of several worlds. */
export const CUT_EVERY = 4;

type Builder = (seed: number) => World;

function entry(name: string, title: string, description: string, ...worlds: Builder[]): Entry {
  return { name, title, description, build: (seed) => worlds.map((world) => recall(world, seed)) };
}

/** The worlds built last: they take about a second each. Scenes may share one, since every picture animates it anew. */
const recent: { build: Builder; seed: number; world: World }[] = [];
const RECENT = 8;

function recall(build: Builder, seed: number): World {
  const at = recent.findIndex((r) => r.build === build && r.seed === seed);
  const [known] = at < 0 ? [] : recent.splice(at, 1);
  const latest = known ?? { build, seed, world: build(seed) };
  recent.push(latest);
  if (recent.length > RECENT) recent.shift();
  return latest.world;
}

/** Every scene there is, in the order that a list shows them. */
export const CATALOGUE: readonly Entry[] = [
  entry('room', 'Living room', 'A furnished living room; the camera drifts around it.', room),
  entry('room-static', 'Living room, tripod', 'The same room from a tripod; someone walks through it.', roomStatic),
  entry('static', 'Still life', 'The same room from a tripod; nothing moves at all.', stillRoom),
  entry('street', 'Street', 'A shopping street with traffic and people; the camera drives along it.', street),
  entry('person', 'Person', 'Someone gesturing before a webcam in a study.', person),
  entry('hall', 'Hall', 'A long colonnade; the camera glides down its middle.', hall),
  entry('tabletop', 'Tabletop', 'Things on a kitchen table; the camera swings around them.', tabletop),
  entry('cuts', 'Cuts', 'Room, street and person in turn, a hard cut every four seconds.', room, street, person),
];
