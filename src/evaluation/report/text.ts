const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text that can stand in HTML, between tags or in a quoted attribute. */
export const escaped = (text: string): string => text.replace(/[&<>"]/g, (c) => ENTITIES[c]!);

/** A number with fixed digits; a dash where there is none. */
export const fixed = (value: number | undefined, digits: number): string =>
  value === undefined || !Number.isFinite(value) ? '–' : value.toFixed(digits);
