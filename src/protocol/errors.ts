import * as z from 'zod/mini';

/** How an error reaches a client: the body of an HTTP answer, and part of an `error` message on `/ws`. */
export interface ErrorPayload {
  /** For programs: one of src/errors.ts, or of a newer server. */
  code: string;
  /** For people: a whole sentence. */
  message: string;
  /** Seconds after which trying again makes sense. */
  retryAfter?: number;
}

export const errorPayload = z.object({
  code: z.string(),
  message: z.string(),
  retryAfter: z.exactOptional(z.number()),
}) satisfies z.ZodMiniType<ErrorPayload, ErrorPayload>;

/** The payload alone of an error that holds more. */
export function toErrorPayload(
  error: Omit<ErrorPayload, 'retryAfter'> & { retryAfter: number | undefined },
): ErrorPayload {
  const { code, message, retryAfter } = error;
  return { code, message, ...(retryAfter === undefined ? {} : { retryAfter }) };
}
