import { setTimeout as sleep } from 'node:timers/promises';
import { ServerApi } from '../../src/agent/server-api.ts';
import { AgentProcess } from './agent-process.ts';
import { Publisher, Viewer } from './participant-process.ts';
import { CREDENTIALS, LivekitServer, SERVER_URL } from './server.ts';

/** A livekit-server and whoever is there at a step. */
export class World {
  readonly api = new ServerApi(SERVER_URL, CREDENTIALS);
  readonly measured: Record<string, number> = {};
  /** Pictures to be held against their depth. */
  readonly frames: number;
  agents: AgentProcess[] = [];
  server!: LivekitServer;
  readonly #folder: string;
  #participants: (Publisher | Viewer)[] = [];
  #rooms = 0;

  constructor(folder: string, frames: number) {
    this.#folder = folder;
    this.frames = frames;
  }

  async start(): Promise<void> {
    this.server = await LivekitServer.start(this.#folder);
  }

  async restartServer(awayMs: number): Promise<void> {
    await this.server.kill();
    await sleep(awayMs);
    this.server = await LivekitServer.start(this.#folder);
  }

  async agent(name: string, options: ConstructorParameters<typeof AgentProcess>[1] = {}): Promise<AgentProcess> {
    const agent = new AgentProcess(name, options);
    this.agents.push(agent);
    return agent.registered();
  }

  /** A room that asks for depth: with a viewer in it, since a dispatch needs a room that there is. */
  async room(metadata = ''): Promise<{ room: string; viewer: Viewer }> {
    const room = `room-${++this.#rooms}`;
    const viewer = await Viewer.join(room);
    this.#participants.push(viewer);
    await this.api.dispatch(room, 'depth', metadata);
    return { room, viewer };
  }

  async publisher(...options: Parameters<typeof Publisher.join>): Promise<Publisher> {
    const publisher = await Publisher.join(...options);
    this.#participants.push(publisher);
    return publisher;
  }

  /** Participants whom agents look after, by the agent's own attribute. */
  async served(room: string): Promise<string[]> {
    const people = await this.api.participants(room);
    return people.flatMap(({ attributes }) => attributes['depthcast.of'] ?? []);
  }

  /** Everybody leaves; the server stays. */
  async clear(): Promise<void> {
    await Promise.all(this.#participants.splice(0).map((participant) => participant.end()));
    await Promise.all(this.agents.splice(0).map((agent) => agent.kill()));
  }

  async close(): Promise<void> {
    await this.clear();
    await this.server?.kill();
  }
}

/** Of a machine that is busy with other work. */
const PATIENCE_S = 180;

/** Waits until `check` gives something truthy. @throws saying what was waited for */
export async function until<T>(
  what: string,
  check: () => T | Promise<T>,
  { seconds = PATIENCE_S, state = () => '' }: { seconds?: number; state?: () => string } = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${seconds} s; ${state()}`);
    await sleep(50);
  }
}
