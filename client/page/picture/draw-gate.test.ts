import { expect, it } from 'vitest';
import { DrawGate } from './draw-gate.ts';

/** A context whose drawing is done when the test says so. */
function context() {
  const state = { done: false, lost: false, fences: 0, flushed: 0 };
  const gl = {
    SYNC_STATUS: 1,
    SIGNALED: 2,
    SYNC_GPU_COMMANDS_COMPLETE: 3,
    fenceSync: () => ({ n: ++state.fences }),
    getSyncParameter: () => (state.done ? 2 : 0),
    deleteSync: () => void state.fences--,
    isContextLost: () => state.lost,
    flush: () => void state.flushed++,
  };
  return { state, gate: new DrawGate(gl as unknown as WebGL2RenderingContext) };
}

it('is closed from a drawing until it is done, and leaves no fence behind', () => {
  const { state, gate } = context();
  expect(gate.open).toBe(true);
  gate.close();
  expect([gate.open, gate.open, state.fences, state.flushed]).toEqual([false, false, 1, 1]);
  // What is drawn although it is closed, as a line that is moved, waits for the same fence.
  gate.close();
  expect([gate.open, state.fences]).toEqual([false, 1]);
  state.done = true;
  expect([gate.open, state.fences]).toEqual([true, 0]);
});

it('opens where the graphics card is lost: its fence never comes', () => {
  const { state, gate } = context();
  gate.close();
  state.lost = true;
  expect(gate.open).toBe(true);
});
