const MAX_OPEN = 64;
const MAX_INDENT = 256;
/** `- - - - ...`: sequences in sequences on one line. */
const NESTED_ITEMS = /(?:[-?:][ \t]+){64}/;

/**
 * Whether a YAML text nests far deeper than any settings do. The parser recurses: thousands of brackets exhaust the stack
 * inside V8's regular expressions, which aborts the process. Brackets in strings and comments count too: none has so many.
 */
export function nestsTooDeep(text: string): boolean {
  let open = 0;
  let indent = 0;
  let lineBegins = true;
  for (const character of text) {
    if (character === '[' || character === '{') open++;
    else if (character === ']' || character === '}') open = Math.max(0, open - 1);
    if (character === '\n') [indent, lineBegins] = [0, true];
    else if (lineBegins && character === ' ') indent++;
    else lineBegins = false;
    if (open > MAX_OPEN || indent > MAX_INDENT) return true;
  }
  return NESTED_ITEMS.test(text);
}
