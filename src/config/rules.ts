import type { z } from 'zod';

// What a setting's schema says beside its type and default: each rule stands at its key in schema.ts.

/** A running server takes a new value over; requests, peers and streams that begin afterwards follow it. */
export const live = <T extends z.ZodType>(schema: T): T => schema.meta({ ...schema.meta(), live: true });

/** The value is shown to nobody. */
export const secret = <T extends z.ZodType>(schema: T): T => schema.meta({ ...schema.meta(), secret: true });

/** Dotted paths of the settings below a schema that say so of themselves, those within lists and unions included. */
export function pathsWith(rule: 'live' | 'secret', schema: z.core.$ZodType, path: readonly string[] = []): string[] {
  const found = (schema as z.ZodType).meta()?.[rule] === true ? [path.join('.')] : [];
  const { innerType, element, options = [], shape = {} } = schema._zod.def as Inner;
  const inner = [innerType, element, ...options].filter((one) => one !== undefined);
  return [
    ...found,
    ...inner.flatMap((one) => pathsWith(rule, one, path)),
    ...Object.entries(shape).flatMap(([key, one]) => pathsWith(rule, one, [...path, key])),
  ];
}

/** Where zod keeps the schemas that a schema is made of. */
interface Inner extends z.core.$ZodTypeDef {
  innerType?: z.core.$ZodType;
  element?: z.core.$ZodType;
  options?: readonly z.core.$ZodType[];
  shape?: Record<string, z.core.$ZodType>;
}
