/**
 * What a terminal, a log viewer or a reader may take for something else than text: control characters, which move the cursor,
 * change titles and forge lines; marks that turn the direction of writing; characters that are not seen, but for the joiners of
 * Persian words and of emoji; halves of pairs.
 */
const UNPRINTABLE = /(?!\u200c|\u200d)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Foreign text on one line, fit to be shown to a person: what would not print as itself is written as in JSON, `\u001b`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, escapeUnits);
}

function escapeUnits(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
