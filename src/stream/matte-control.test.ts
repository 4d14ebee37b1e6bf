import { expect, it } from 'vitest';
import { DEFAULT_MATTE } from '../protocol/matte.ts';
import { MatteControl, type MatteView } from './matte-control.ts';

it("a viewer's own settings hold until they are changed for the stream", () => {
  const control = new MatteControl();
  const own = control.own({ far: 0.8, soft: 0.02 }) as MatteView;
  expect(own.settings).toEqual({ ...DEFAULT_MATTE, far: 0.8, soft: 0.02 });
  control.set({ ...DEFAULT_MATTE, near: 0.9 }, { near: 0.9 });
  expect(own.settings).toEqual({ ...DEFAULT_MATTE, near: 0.9, far: 0.8, soft: 0.02 });
  control.set({ ...DEFAULT_MATTE, near: 0.9, far: 0.3 }, { far: 0.3 });
  expect(own.settings).toEqual({ ...DEFAULT_MATTE, near: 0.9, far: 0.3, soft: 0.02 });
  // Another unit: nothing of one's own means anything in it.
  const metres = { unit: 'metres', near: 1, far: 3, soft: 0.2 } as const;
  control.set(metres, { unit: 'metres', near: 1, far: 3, soft: 0.2 });
  expect(own.settings).toEqual(metres);
});

it('what cannot be is told, and what no longer can is given up', () => {
  const control = new MatteControl();
  expect(control.own({ far: 1 })).toContain('must be greater');
  const own = control.own({ far: 0.7 }) as MatteView;
  control.set({ ...DEFAULT_MATTE, near: 0.6, far: 0.2 }, { near: 0.6 });
  expect(own.settings).toEqual({ ...DEFAULT_MATTE, near: 0.6, far: 0.2 });
});

it('whoever asks for the same has the same, as long as nothing of it is changed for the stream', () => {
  const control = new MatteControl();
  const first = control.own({ near: 0.9, far: 0.4 });
  expect(control.own({ far: 0.4, near: 0.9 })).toBe(first);
  control.set({ ...control.settings, far: 0.2 }, { far: 0.2 });
  expect(control.own({ near: 0.9, far: 0.4 })).not.toBe(first);
  expect(control.own({ near: 0.9 })).toBe(first);
});
