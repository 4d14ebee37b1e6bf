import * as z from 'zod/mini';

/** How an error reaches a client: the body of an HTTP answer, and part of an `error` message on `/ws`. */
export const errorPayload = z.object({
  /** For programs: one of src/errors.ts, or of a newer server. */
  code: z.string(),
  /** For people: a whole sentence. */
  message: z.string(),
  /** Seconds after which trying again makes sense. */
  retryAfter: z.exactOptional(z.number()),
});
export type ErrorPayload = z.infer<typeof errorPayload>;

/** The payload alone of an error that holds more. */
export function toErrorPayload(
  error: Omit<ErrorPayload, 'retryAfter'> & { retryAfter: number | undefined },
): ErrorPayload {
  const { code, message, retryAfter } = error;
  return { code, message, ...(retryAfter === undefined ? {} : { retryAfter }) };
}
