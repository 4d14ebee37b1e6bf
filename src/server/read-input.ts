import { z } from 'zod';
import { DepthcastError } from '../errors.ts';

/** Problems of one request that are told. */
const MAX_ISSUES = 5;

/**
 * What a request says, by a schema.
 * @param whole names what has no key
 * @throws DepthcastError BAD_REQUEST
 */
export function readInput<T>(schema: z.core.$ZodType<T>, value: unknown, whole: 'body' | 'query'): T {
  const parsed = z.safeParse(schema, value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues
    .slice(0, MAX_ISSUES)
    .map(({ path, message }) => `${path.join('.') || whole}: ${message}`);
  throw new DepthcastError('BAD_REQUEST', { detail: issues.join('; ') });
}
