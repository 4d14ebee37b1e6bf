import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { LiveDepth } from '../stream/live-depth.ts';
import { type Outlet, RoomSink } from './room-sink.ts';

const TIMING = { encode: 1, send: 1, bytes: 1, latency: undefined };

/** What a room takes, and what goes wrong there. */
class Outlets {
  now = 0;
  tries = 0;
  refuses = false;
  loses = false;
  open = 0;
  sent = 0;
  failed = 0;
  released = 0;
  maps = 0;
  readonly sink: RoomSink;
  #hold: Promise<void> | undefined;
  go = () => {};

  constructor() {
    this.sink = new RoomSink(
      {} as never,
      { kind: 'data', publish: () => this.#publish(), now: () => this.now },
      { sent: () => this.sent++, failed: () => this.failed++ },
    );
  }

  /** Publishing takes until `go` is called. */
  hold(): void {
    this.#hold = new Promise((resolve) => {
      this.go = resolve;
    });
  }

  async push(): Promise<void> {
    this.maps++;
    const depth = new LiveDepth({ release: () => this.released++ } as never, {} as never, undefined);
    this.sink.push(depth);
    depth.release();
    await sleep(1);
  }

  async #publish(): Promise<Outlet> {
    this.tries++;
    await this.#hold;
    if (this.refuses) throw new Error('not now');
    this.open++;
    let closed = false;
    const outlet = {
      lost: false,
      send: async () => {
        if (!this.loses) return TIMING;
        outlet.lost = true;
        throw new Error('handle not found');
      },
      close: () => {
        if (!closed) this.open--;
        closed = true;
      },
    };
    return outlet;
  }
}

test('it publishes once, with the first map, and gives every map back', async () => {
  const room = new Outlets();
  for (let i = 0; i < 3; i++) await room.push();
  expect(room).toMatchObject({ tries: 1, open: 1, sent: 3, failed: 0, released: 3 });
  room.sink.close();
  room.sink.close();
  expect(room.open).toBe(0);
  await room.push();
  expect(room).toMatchObject({ tries: 1, sent: 3, released: 4 });
});

test('where publishing fails it is tried again after a while, not with each map', async () => {
  const room = new Outlets();
  room.refuses = true;
  for (let i = 0; i < 10; i++) {
    room.now = i * 100;
    await room.push();
  }
  expect(room).toMatchObject({ tries: 2, failed: 2, sent: 0, released: 10, open: 0 });
  room.refuses = false;
  room.now = 5000;
  await room.push();
  expect(room).toMatchObject({ tries: 3, sent: 1, open: 1 });
  room.sink.close();
});

test('what was lost is closed and published again', async () => {
  const room = new Outlets();
  await room.push();
  room.loses = true;
  await room.push();
  expect(room).toMatchObject({ sent: 1, failed: 1, open: 0, tries: 1 });
  room.loses = false;
  room.now = 1000;
  await room.push();
  expect(room).toMatchObject({ sent: 2, open: 1, tries: 2, released: 3 });
  room.sink.close();
  expect(room.open).toBe(0);
});

test('what is being published while it closes is closed as well', async () => {
  const room = new Outlets();
  room.hold();
  await room.push();
  await room.push();
  room.sink.close();
  expect(room.sink.receivers).toBe(0);
  room.go();
  await sleep(5);
  expect(room).toMatchObject({ tries: 1, open: 0, sent: 0, failed: 0, released: room.maps });
});
