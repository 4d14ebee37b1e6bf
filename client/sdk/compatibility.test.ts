import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { OutputSettings } from '../../src/protocol/messages.ts';
import { knownSettings, protocolMismatch, type Welcome } from './compatibility.ts';
import { welcome } from './test-server.ts';
import { VERSION } from './version.ts';

const greeting = welcome() as Welcome;

describe('a server of another version', () => {
  it('is named, and so is what to update', () => {
    expect(protocolMismatch(greeting)).toBeUndefined();
    const newer = protocolMismatch({ ...greeting, server: 'depthcast 9.1.0', protocol: 7 });
    expect(newer).toMatchObject({ code: 'PROTOCOL_VERSION', retryable: false });
    expect(newer?.message).toMatch(
      /depthcast 9\.1\.0 speaks version 7, depthcast-client\/\S+ version \d: update the client/,
    );
    expect(protocolMismatch({ ...greeting, protocol: 0 })?.message).toMatch(/update the server$/);
  });

  it('is not asked for settings that it does not have, and that is told', () => {
    expect(knownSettings(greeting, { data: 'u8', size: 128 })).toEqual({ output: { data: 'u8', size: 128 } });
    const wanted = { data: 'u8', hologram: 'on' } as Partial<OutputSettings>;
    const { output, error } = knownSettings(greeting, wanted);
    expect(output).toEqual({ data: 'u8' });
    expect(error).toMatchObject({
      code: 'NOT_IN_SERVER',
      message: expect.stringContaining('test 0 has no setting hologram'),
    });
  });
});

it('names itself as its package does', () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  expect(VERSION).toBe(version);
});
