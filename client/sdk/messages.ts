import type { ServerMessage } from '../../src/protocol/messages.ts';
import { DepthError } from './errors.ts';

/** A text message longer than this is not of our server. */
const MESSAGE_LIMIT = 1024 * 1024;

type Fields = Record<string, unknown>;

const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

function isOutput(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { track, data, range, model, size } = value;
  const isRange = range === 'auto' || (isObject(range) && isNumber(range['near']) && isNumber(range['far']));
  return isText(track) && isText(data) && isRange && isText(model) && isNumber(size);
}

function isModel(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { name, title, unit, sizes, defaultSize } = value;
  const isUnit = unit === 'disparity' || unit === 'metres';
  return (
    isText(name) && isText(title) && isUnit && Array.isArray(sizes) && sizes.every(isNumber) && isNumber(defaultSize)
  );
}

function isStats(value: unknown): boolean {
  if (!isObject(value)) return false;
  const numbers = ['framesIn', 'framesOut', 'framesDropped', 'epoch', 'near', 'far'].every((key) =>
    isNumber(value[key]),
  );
  return numbers && ['stages', 'latency', 'source', 'depth', 'bitrate'].every((key) => isObject(value[key]));
}

/** What each message must hold before the SDK relies on it. */
const CHECKS: Record<ServerMessage['type'], (m: Fields) => boolean> = {
  welcome: (m) =>
    isNumber(m['protocol']) &&
    ['server', 'device'].every((key) => isText(m[key])) &&
    Array.isArray(m['models']) &&
    m['models'].every(isModel) &&
    isOutput(m['output']) &&
    Array.isArray(m['iceServers']),
  answer: (m) => isText(m['sdp']),
  settings: (m) => isOutput(m['output']),
  stats: (m) => isStats(m['stats']),
  pong: (m) => isNumber(m['id']),
  token: (m) => m['expires'] === null || isNumber(m['expires']),
  error: (m) => isText(m['code']) && isText(m['message']) && typeof m['fatal'] === 'boolean',
  closing: (m) => isText(m['reason']),
};

/**
 * Reads a signalling message. A type that is not known comes of a newer server and gives undefined.
 * @throws DepthError BAD_MESSAGE
 */
export function parseServerMessage(data: unknown): ServerMessage | undefined {
  if (!isText(data) || data.length > MESSAGE_LIMIT) throw new DepthError('BAD_MESSAGE', { detail: 'no text message' });
  let message: unknown;
  try {
    message = JSON.parse(data);
  } catch (cause) {
    throw new DepthError('BAD_MESSAGE', { detail: 'no JSON', cause });
  }
  if (!isObject(message) || !isText(message['type']))
    throw new DepthError('BAD_MESSAGE', { detail: 'no object with a type' });
  const type = message['type'];
  if (!Object.hasOwn(CHECKS, type)) return undefined;
  if (!CHECKS[type as ServerMessage['type']](message)) throw new DepthError('BAD_MESSAGE', { detail: type });
  if (message['retryAfter'] !== undefined && !isNumber(message['retryAfter']))
    throw new DepthError('BAD_MESSAGE', { detail: 'retryAfter' });
  return message as unknown as ServerMessage;
}
