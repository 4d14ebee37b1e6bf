import type { z } from 'zod';

// What a setting's schema says beside its type and default: each mark stands at its key in schema.ts.

interface Marks {
  reload?: 'live' | 'restart';
  secrecy?: 'secret' | 'shown';
}

const mark = <T extends z.ZodType>(schema: T, marks: Marks): T => schema.meta({ ...schema.meta(), ...marks });

/** A running server takes a new value over; requests, peers and streams that begin afterwards follow it. */
export const live = <T extends z.ZodType>(schema: T): T => mark(schema, { reload: 'live' });

/** A new value waits for a restart. */
export const restart = <T extends z.ZodType>(schema: T): T => mark(schema, { reload: 'restart' });

/** The value is shown to nobody. */
export const secret = <T extends z.ZodType>(schema: T): T => mark(schema, { secrecy: 'secret' });

/** The value is text that anybody may see who sees the settings. */
export const shown = <T extends z.ZodType>(schema: T): T => mark(schema, { secrecy: 'shown' });

/** A schema within another one: of a section, a key, a list's elements, one of several types. */
export interface Part {
  /** Dotted, without places in lists: `rtc.iceServers.credential`. */
  path: string;
  schema: z.core.$ZodType;
  /** Its own marks, and those that it has from the schemas around it. */
  own: Marks;
  marks: Marks;
}

export function* partsOf(schema: z.core.$ZodType, path: readonly string[] = [], around: Marks = {}): Generator<Part> {
  const own = ((schema as z.ZodType).meta() ?? {}) as Marks;
  const marks = { ...around, ...own };
  yield { path: path.join('.'), schema, own, marks };
  const { innerType, element, options = [], items = [], shape = {} } = schema._zod.def as Inner;
  for (const one of [innerType, element, ...options, ...items]) if (one !== undefined) yield* partsOf(one, path, marks);
  for (const [key, one] of Object.entries(shape)) yield* partsOf(one, [...path, key], marks);
}

/** Where zod keeps the schemas that a schema is made of. */
interface Inner extends z.core.$ZodTypeDef {
  innerType?: z.core.$ZodType;
  element?: z.core.$ZodType;
  options?: readonly z.core.$ZodType[];
  items?: readonly z.core.$ZodType[];
  shape?: Record<string, z.core.$ZodType>;
}
