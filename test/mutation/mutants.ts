/** One fault put into a source file. */
export interface Mutant {
  line: number;
  /** Offset in the file, and what stands there and what takes its place. */
  at: number;
  from: string;
  to: string;
}

/** What is exchanged for what. Spaces keep arrows, types and signs apart from operators. */
const SWAPS: readonly [pattern: RegExp, to: (match: string) => string][] = [
  [/ (?:<=|>=|<|>) /g, (m) => ({ ' < ': ' <= ', ' <= ': ' < ', ' > ': ' >= ', ' >= ': ' > ' })[m]!],
  [/ (?:===|!==) /g, (m) => (m === ' === ' ? ' !== ' : ' === ')],
  [/ (?:&&|\|\|) /g, (m) => (m === ' && ' ? ' || ' : ' && ')],
  [/ [+-] /g, (m) => (m === ' + ' ? ' - ' : ' + ')],
  [/ (?:\+|-)= /g, (m) => (m === ' += ' ? ' -= ' : ' += ')],
  [/ [*/%] /g, (m) => (m === ' * ' ? ' / ' : ' * ')],
  [/ (?:<<|>>>|>>) /g, (m) => (m === ' << ' ? ' >>> ' : ' << ')],
  [/ [&|] /g, (m) => (m === ' & ' ? ' | ' : ' & ')],
  [/\b(?:true|false)\b/g, (m) => (m === 'true' ? 'false' : 'true')],
  [/\bMath\.(?:min|max)\b/g, (m) => (m === 'Math.min' ? 'Math.max' : 'Math.min')],
  [/(?<![\w.'"#])(?:0x[\da-f]+|\d[\d_]*)(?![\w.'"])/gi, (m) => `${Number(m.replaceAll('_', '')) + 1}`],
  [/\bif \((?!!)/g, () => 'if (!'],
  [/\bcontinue;/g, () => 'break;'],
  [/(?<=^ +)(?:this\.#|[a-z])[\w.#]*\([^\n]*\);$/gm, () => ';'],
];

/** Lines that hold no code, or none that runs. */
const NO_CODE =
  /^\s*(?:\/\/|\/\*|\*|import |export type|export interface|interface |type |(?:readonly )?#?(?!default:)\w+[?]?: [^=]+;$)/;

/** A match after this stands in a type: `: 1 | 2`, `as 1 | 2`. */
const IN_TYPE = /(?:\bas|:) [^=,;{}()?]*$/;

/** Every mutant of a source file, in the order of its text. */
export function mutantsOf(source: string): Mutant[] {
  const mutants: Mutant[] = [];
  let at = 0;
  source.split('\n').forEach((text, index) => {
    const code = text.replace(/ \/\/.*$/, '').replace(/'[^']*'|`[^`]*`/g, (quoted) => '\0'.repeat(quoted.length));
    if (!NO_CODE.test(text))
      for (const [pattern, swap] of SWAPS)
        for (const match of code.matchAll(pattern)) {
          if (IN_TYPE.test(code.slice(0, match.index))) continue;
          const from = text.slice(match.index, match.index + match[0].length);
          const to = swap(match[0]);
          // Inside `if (a && b)` the negation has to take the whole condition; a condition of one term alone is negated.
          if (to === 'if (!' && / (?:&&|\|\||[<>=!]=*|\+|-) /.test(code.slice(match.index).split(') ')[0]!)) continue;
          mutants.push({ line: index + 1, at: at + match.index, from, to });
        }
    at += text.length + 1;
  });
  return mutants.sort((a, b) => a.at - b.at);
}

export function mutate(source: string, { at, from, to }: Mutant): string {
  return source.slice(0, at) + to + source.slice(at + from.length);
}

/** `count` of them, spread evenly. */
export function sample(mutants: Mutant[], count: number): Mutant[] {
  if (count >= mutants.length) return mutants;
  return Array.from({ length: count }, (_, i) => mutants[Math.floor(((i + 0.5) * mutants.length) / count)]!);
}
