import { DepthcastError } from '../errors.ts';
import { type OutputChange, outputChange } from '../protocol/output.ts';
import { DATA_TRANSPORTS, type DataTransport } from './data-sink.ts';

/** What a publisher's depth is like: as a /ws session's settings, and how its data is carried. */
export interface AgentChange extends OutputChange {
  transport?: DataTransport;
}

/** Of the attributes by which a publisher sets its depth and an agent tells what it does. */
export const ATTRIBUTE = 'depthcast.';
const KEYS = ['track', 'data', 'range', 'model', 'size', 'still', 'transport'] as const;
/** Of /ws sessions alone. */
const NOT_IN_ROOMS = ['layout', 'upsampling', 'dataSize'] as const;
const MAX_METADATA = 4096;

const bad = (detail: string): DepthcastError => new DepthcastError('BAD_OPTION', { detail });

/**
 * Settings of a job's dispatch: JSON, `{"size": 192, "range": {"near": 1, "far": 0}}`. Empty where there is none.
 * @throws DepthcastError BAD_OPTION
 */
export function settingsOfMetadata(metadata: string): AgentChange {
  if (metadata.trim() === '') return {};
  if (metadata.length > MAX_METADATA) throw bad(`the dispatch's metadata is longer than ${MAX_METADATA} characters`);
  let found: unknown;
  try {
    found = JSON.parse(metadata);
  } catch {
    throw bad("the dispatch's metadata is not JSON");
  }
  if (typeof found !== 'object' || found === null || Array.isArray(found))
    throw bad("the dispatch's metadata is no object");
  return check(found as Record<string, unknown>);
}

/**
 * Settings of a participant's attributes: `depthcast.size` "192", `depthcast.range` "auto" or "1,0" (near, far),
 * `depthcast.data`, `depthcast.track`, `depthcast.model`, `depthcast.still`, `depthcast.transport`. An empty one counts as absent.
 * @throws DepthcastError BAD_OPTION
 */
export function settingsOfAttributes(attributes: Record<string, string>): AgentChange {
  const found: Record<string, unknown> = {};
  for (const key of KEYS) {
    const text = attributes[ATTRIBUTE + key];
    if (text === undefined || text === '') continue;
    if (key === 'size') found[key] = Number(text);
    else if (key === 'range' && text !== 'auto') {
      const [near, far, ...rest] = text.split(',').map(Number);
      if (far === undefined || rest.length > 0) throw bad(`${ATTRIBUTE}range: "auto" or "NEAR,FAR" is expected`);
      found[key] = { near, far };
    } else found[key] = text;
  }
  return check(found);
}

function check({ transport, replaces: _, ...rest }: Record<string, unknown>): AgentChange {
  if (transport !== undefined && !DATA_TRANSPORTS.includes(transport as DataTransport))
    throw bad(`transport: ${DATA_TRANSPORTS.join(' or ')} is expected`);
  const result = outputChange.safeParse(rest);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw bad(`${issue?.path.join('.') || 'settings'}: ${issue?.message ?? 'not valid'}`);
  }
  for (const key of NOT_IN_ROOMS) if (result.data[key] !== undefined) throw bad(`${key}: an agent has no such setting`);
  return { ...result.data, ...(transport === undefined ? {} : { transport: transport as DataTransport }) };
}
