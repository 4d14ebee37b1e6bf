import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { bad } from '../image.ts';

/** Most bytes of a text file that is read whole: lists and poses, no pictures. */
const MAX_TEXT = 64 << 20;
const natural = new Intl.Collator('en', { numeric: true }).compare;

export const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** Names in a folder that match, 2 before 10. @throws DepthcastError BAD_DATASET when there is no such folder */
export function namesIn(folder: string, wanted: RegExp): string[] {
  if (!isFolder(folder)) throw bad(folder, 'the folder is missing');
  return readdirSync(folder)
    .filter((name) => wanted.test(name))
    .sort(natural);
}

/** Paths of the folders in a folder, 2 before 10, whose names match. */
export const foldersIn = (folder: string, wanted = /^[^.]/): string[] =>
  isFolder(folder)
    ? namesIn(folder, wanted)
        .map((name) => join(folder, name))
        .filter(isFolder)
    : [];

/** The first of the paths that exists. */
export const firstOf = (...paths: string[]): string | undefined => paths.find((path) => existsSync(path));

/** @throws DepthcastError BAD_DATASET */
export function readText(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > MAX_TEXT) throw bad(path, `it has ${size} bytes`);
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    const { code, message } = thrown as NodeJS.ErrnoException;
    if (code === 'BAD_DATASET') throw thrown;
    throw bad(path, code === 'ENOENT' ? 'it is missing' : message);
  }
}

/** Lines that are neither empty nor comments (#), each cut at white space. */
export const readTable = (path: string): string[][] =>
  readText(path)
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(/\s+/));

/** All numbers of a text file. "inf" and "nan" are read as what they are. @throws DepthcastError BAD_DATASET */
export function readNumbers(path: string, count: number): number[] {
  const words = readTable(path).flat();
  const numbers = words.map((word) => (/^[+-]?inf/i.test(word) ? Number.POSITIVE_INFINITY : Number(word)));
  if (numbers.length !== count) throw bad(path, `it holds ${numbers.length} numbers, not ${count}`);
  const odd = words.find((word, n) => Number.isNaN(numbers[n]) && !/^[+-]?nan/i.test(word));
  if (odd !== undefined) throw bad(path, `"${odd}" is no number`);
  return numbers;
}
