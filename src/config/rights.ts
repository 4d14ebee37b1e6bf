import { z } from 'zod';

const patterns = z.array(z.string().min(1).max(128)).max(64).default([]);

/**
 * What a token allows: the value of the claim `depthcast` of a JWT, or the rights of a static token. A pattern is a
 * stream's name in which each `*` stands for any characters, none included.
 */
export const rightsSchema = z.object({
  /** Streams that may be published by WHIP. */
  publish: patterns,
  /** Streams that may be viewed by WHEP. */
  view: patterns,
  /** Two-way sessions at `/ws`, whose streams have no name; `publish: ["*"]` includes them. */
  duplex: z.boolean().default(false),
  /** `/api/...`, where `server.protect` lists it. */
  api: z.boolean().default(false),
  /** `/metrics`, where `server.protect` lists it. */
  metrics: z.boolean().default(false),
});
export type Rights = z.infer<typeof rightsSchema>;

export const ALL_RIGHTS: Rights = { publish: ['*'], view: ['*'], duplex: true, api: true, metrics: true };

/** Whether a name follows a pattern. Linear in both for any pattern: no regular expression, no backtracking over stars. */
export function matches(pattern: string, name: string): boolean {
  const parts = pattern.split('*');
  const first = parts.shift()!;
  const last = parts.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of parts) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= name.length - last.length;
}
