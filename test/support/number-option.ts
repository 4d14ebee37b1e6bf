/** The number that an option of the command line gives; ends the process where it is none of the range. */
export function numberOption(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (value >= min && value <= max) return value;
  console.error(`--${name} takes a number from ${min} to ${max}`);
  process.exit(1);
}
