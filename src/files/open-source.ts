import { existsSync, statSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import { isDynamicPattern } from 'tinyglobby';
import { DepthcastError } from '../errors.ts';
import { MediaReader } from '../video/media-reader.ts';
import { ImageSource } from './image-source.ts';
import { SceneFileSource } from './scene-file-source.ts';
import type { FileSource } from './source.ts';

/** Frames of a scene where no length is asked for: ten seconds. */
export const SCENE_FRAMES = 300;

export interface InputOptions {
  /** Frames a second of images and scenes, which have none of their own. */
  fps: number;
  timeoutSeconds: number;
  /** Ends a wait for the network. */
  signal: AbortSignal;
}

/** What INPUT on the command line means. */
export interface Input {
  kind: 'file' | 'images' | 'url' | 'live' | 'stdin' | 'scene';
  /** What outputs are named after. */
  name: string;
  /** That the same pictures come again when it is opened again. */
  repeatable: boolean;
}

/** Leaves room for the longest ending, and for the mark of what is not whole yet. */
const MAX_NAME_BYTES = 220;

const SCENE = /^scene:([\w-]+)(?:@(\d{2,4})x(\d{2,4}))?$/;

/** @throws DepthcastError BAD_VIDEO: nothing is there. BAD_OPTION: a scene or an address that is not well formed */
export function parseInput(input: string): Input {
  if (input === '-') return { kind: 'stdin', name: 'stdin', repeatable: false };
  if (input.startsWith('scene:')) {
    const scene = SCENE.exec(input)?.[1];
    if (!scene) throw new DepthcastError('BAD_OPTION', { detail: `${input}: scene:NAME or scene:NAME@640x480` });
    return { kind: 'scene', name: `scene-${scene}`, repeatable: true };
  }
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(input)) {
    const { protocol, pathname, hostname } = addressOf(input);
    const stem = decoded(basename(pathname, extname(pathname))) || hostname;
    const live = !/^https?:$/.test(protocol);
    return { kind: live ? 'live' : 'url', name: safe(stem), repeatable: !live };
  }
  if (!existsSync(input) && isDynamicPattern(input)) {
    const fixed = input.slice(0, input.search(/[*?[{!(]/));
    const folder = basename(resolve(fixed.slice(0, fixed.lastIndexOf('/') + 1)));
    return { kind: 'images', name: safe(folder), repeatable: true };
  }
  if (!existsSync(input)) throw new DepthcastError('BAD_VIDEO', { detail: `${input} does not exist` });
  if (statSync(input).isDirectory()) return { kind: 'images', name: safe(basename(resolve(input))), repeatable: true };
  return { kind: 'file', name: safe(basename(input, extname(input))), repeatable: statSync(input).isFile() };
}

/** @throws DepthcastError BAD_VIDEO, UNKNOWN_SCENE, BAD_OPTION */
export async function openSource(input: string, { fps, timeoutSeconds, signal }: InputOptions): Promise<FileSource> {
  switch (parseInput(input).kind) {
    case 'scene': {
      const [, scene = '', width = '640', height = '480'] = SCENE.exec(input) ?? [];
      return new SceneFileSource({ scene, width: Number(width), height: Number(height), fps });
    }
    case 'images':
      return ImageSource.open(input, fps);
    case 'stdin':
      return MediaReader.open('pipe:0');
    case 'file':
      return MediaReader.open(`file:${input}`, { keepPackets: true });
    default:
      return MediaReader.open(input, { timeoutSeconds, signal });
  }
}

function addressOf(input: string): URL {
  if (URL.canParse(input)) return new URL(input);
  throw new DepthcastError('BAD_OPTION', { detail: `${input} is no address` });
}

/** Of a part of an address; what is not well escaped stays as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** What stands of the input's name before an output's ending: file systems hold 255 bytes. */
function safe(name: string): string {
  let short = name.replace(/[\\/:\0]/g, '_');
  while (Buffer.byteLength(short) > MAX_NAME_BYTES) short = [...short].slice(0, -1).join('');
  return short || 'video';
}
