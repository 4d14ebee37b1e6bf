import * as z from 'zod/mini';

/** What distances of a matte are measured in: 0, the far end of the display range, to 1, its near end; or metres from the camera. */
export const MATTE_UNITS = ['normalised', 'metres'] as const;
export type MatteUnit = (typeof MATTE_UNITS)[number];

/** What a matte shows white: all that stands between two distances. */
export interface MatteSettings {
  unit: MatteUnit;
  /** Where it begins, seen from the camera. Normalised 1, or 0 metres: whatever is nearer is white too. */
  near: number;
  /** Where it ends. Normalised 0: whatever is farther is white too. */
  far: number;
  /** Width of the ramp from black to white around each of both, in the same unit; 0 for a hard edge. */
  soft: number;
}

/** Of what the present display range shows, the nearer half. */
export const DEFAULT_MATTE: Readonly<MatteSettings> = { unit: 'normalised', near: 1, far: 0.5, soft: 0.1 };

/** Metres; farther than any depth network tells apart. */
const FARTHEST = 10_000;

const distance = z.number().check(z.minimum(0), z.maximum(FARTHEST));

export const matteChange = z.strictObject({
  unit: z.optional(z.enum(MATTE_UNITS)),
  near: z.optional(distance),
  far: z.optional(distance),
  soft: z.optional(distance),
});
export type MatteChange = z.infer<typeof matteChange>;

export const matteSettings = z.strictObject({
  unit: z.enum(MATTE_UNITS),
  near: distance,
  far: distance,
  soft: distance,
}) satisfies z.ZodMiniType<MatteSettings, MatteSettings>;

/**
 * Settings with a change in them.
 * @returns a sentence that says what is wrong, where they cannot be used together
 */
export function withMatteChange(now: Readonly<MatteSettings>, change: MatteChange): MatteSettings | string {
  const { unit = now.unit, soft = now.soft, near = now.near, far = now.far } = change;
  if (unit !== now.unit && (change.near === undefined || change.far === undefined || change.soft === undefined))
    return 'near, far and soft are to come with another unit';
  const next = { unit, near, far, soft };
  if (unit === 'normalised' && Math.max(near, far, soft) > 1)
    return `normalised distances lie between 0 and 1: near ${near}, far ${far}, soft ${soft}`;
  if (unit === 'normalised' ? near <= far : near >= far)
    return unit === 'normalised'
      ? `near (${near}) must be greater than far (${far}): 1 is nearest`
      : `near (${near} m) must be less than far (${far} m)`;
  return next;
}
