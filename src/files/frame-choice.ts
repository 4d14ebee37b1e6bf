import { DepthcastError } from '../errors.ts';

/** Frames that are chosen: told by their numbers. */
export type FrameChoice = (index: number) => boolean;

const MAX_PARTS = 1000;

/**
 * Frames as people list them: `0,30,60-90`, `0-300/30` for each 30th of them, `all`.
 * @throws DepthcastError BAD_OPTION
 */
export function frameChoice(text: string): FrameChoice {
  if (text === 'all') return () => true;
  const parts = text.split(',').map((part) => {
    const [, first, last, step] = /^(\d{1,9})(?:-(\d{1,9})(?:\/(\d{1,9}))?)?$/.exec(part.trim()) ?? [];
    const range = { first: Number(first), last: Number(last ?? first), step: Number(step ?? 1) };
    if (first === undefined || range.last < range.first || range.step === 0)
      throw new DepthcastError('BAD_OPTION', {
        detail: `${text}: frames are told as 0,30,60-90, as 0-300/30 or as all`,
      });
    return range;
  });
  if (parts.length > MAX_PARTS)
    throw new DepthcastError('BAD_OPTION', { detail: `more than ${MAX_PARTS} frames and ranges` });
  return (index) =>
    parts.some(({ first, last, step }) => index >= first && index <= last && (index - first) % step === 0);
}
