import type { OutputSettings, ServerMessage } from '../../src/protocol/messages.ts';
import { PROTOCOL_VERSION } from '../../src/protocol/versions.ts';
import { DepthError } from './errors.ts';
import { CLIENT } from './version.ts';

export type Welcome = Extract<ServerMessage, { type: 'welcome' }>;

/** What is wrong between this client and a server that greets; undefined when they speak the same protocol. */
export function protocolMismatch({ server, protocol }: Welcome): DepthError | undefined {
  if (protocol === PROTOCOL_VERSION) return undefined;
  const older = protocol > PROTOCOL_VERSION ? 'the client' : 'the server';
  const detail = `${server} speaks version ${protocol}, ${CLIENT} version ${PROTOCOL_VERSION}: update ${older}`;
  return new DepthError('PROTOCOL_VERSION', { detail });
}

/**
 * Takes out of the wanted settings what this server, which tells all of its settings in its welcome, does not know: an
 * older one would refuse the whole message.
 * @returns the settings to ask for, and the notices about those that were left out
 */
export function knownSettings(
  { server, output }: Welcome,
  wanted: Partial<OutputSettings>,
): { output: Partial<OutputSettings>; error?: DepthError } {
  const unknown = Object.keys(wanted).filter((key) => !(key in output));
  if (unknown.length === 0) return { output: wanted };
  const known = Object.fromEntries(Object.entries(wanted).filter(([key]) => key in output));
  const detail = `${server} has no setting ${unknown.join(', ')}, which ${CLIENT} asks for; it is left out`;
  return { output: known, error: new DepthError('NOT_IN_SERVER', { detail }) };
}
