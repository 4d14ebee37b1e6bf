import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from './load.ts';
import { printConfig } from './print.ts';
import { reloadConfig } from './reload.ts';

const shipped = new URL('../../config/depthcast.yaml', import.meta.url).pathname;
const write = (text: string) => {
  const file = join(mkdtempSync(join(tmpdir(), 'depthcast-')), 'c.yaml');
  writeFileSync(file, text);
  return file;
};

describe('loadConfig', () => {
  it('reads the shipped file to the defaults', () => {
    const { targets, ...rest } = loadConfig({ file: shipped });
    const { targets: _none, ...defaults } = loadConfig();
    expect(rest).toEqual(defaults);
    expect(targets.length).toBeGreaterThan(1);
  });

  it('lets the environment and then the command line win', () => {
    const env = { DEPTHCAST_SERVER_PORT: '9000', DEPTHCAST_SERVER_HOST: '::1', DEPTHCAST_RTC_CODECS: '[H264]' };
    const config = loadConfig({ file: shipped, env, overrides: { 'server.port': 9001 } });
    expect(config.server).toMatchObject({ port: 9001, host: '::1' });
    expect(config.rtc.codecs).toEqual(['H264']);
  });

  it.each([
    ['server: { prot: 1 }', /unknown key server\.prot; did you mean server\.port\?/],
    ['sever: {}', /unknown key sever; did you mean server\?/],
    ['server: { port: seventy }', /server\.port/],
    ['server: 5', /server/],
    ['- a', /mapping of sections/],
    ['a: [', /c\.yaml/],
    ['a: &a [*a]', /c\.yaml/],
  ])('refuses %s with BAD_CONFIG', (text, message) => {
    expect(() => loadConfig({ file: write(text) })).toThrowError(message);
    expect(() => loadConfig({ file: write(text) })).toThrowError(expect.objectContaining({ code: 'BAD_CONFIG' }));
  });

  it('refuses a missing file', () => {
    expect(() => loadConfig({ file: '/nonexistent/x.yaml' })).toThrowError(/does not exist/);
  });

  it('reads variables with and without underscores in a key', () => {
    for (const name of ['DEPTHCAST_LIMITS_VIEWERSPERSTREAM', 'DEPTHCAST_LIMITS_VIEWERS_PER_STREAM'])
      expect(loadConfig({ env: { [name]: '7' } }).limits.viewersPerStream).toBe(7);
  });

  it('refuses a variable that names no setting, but not those of Kubernetes', () => {
    const env = { DEPTHCAST_SERVICE_HOST: '10.0.0.1', DEPTHCAST_PORT: 'tcp://10.0.0.1:80', DEPTHCAST_PORT_80_TCP: 'x' };
    expect(loadConfig({ env })).toEqual(loadConfig());
    expect(() => loadConfig({ env: { DEPTHCAST_SERVER_PROT: '1' } })).toThrowError(
      /DEPTHCAST_SERVER_PROT names no setting; did you mean DEPTHCAST_SERVER_PORT\?/,
    );
  });

  it('says where a wrong value stands: variable, command line or file', () => {
    const file = write('limits: { streams: 0 }');
    const env = { DEPTHCAST_SERVER_PORT: 'seventy', DEPTHCAST_SERVER_TOKENS: '[short]' };
    const load = () => loadConfig({ file, env, overrides: { 'depth.threads': -1 } });
    expect(load).toThrowError(/DEPTHCAST_SERVER_PORT: server\.port: /);
    expect(load).toThrowError(/DEPTHCAST_SERVER_TOKENS: server\.tokens\.0: /);
    expect(load).toThrowError(/c\.yaml: limits\.streams: /);
    expect(load).toThrowError(/command line: depth\.threads: /);
  });
});

describe('printConfig', () => {
  it('prints what loads again to the same settings, without secrets', () => {
    const plain = loadConfig({ file: shipped });
    expect(loadConfig({ file: write(printConfig(plain)) })).toEqual(plain);
    const iceServers = [{ urls: 'turn:x', username: 'u', credential: 'turn-secret' }];
    const text = printConfig(
      loadConfig({
        overrides: {
          'server.tokens': ['very-secret', { token: 'other-secret', view: ['*'] }],
          'jwt.secret': 'jwt-secret of thirty-two characters at least',
          'rtc.iceServers': iceServers,
        },
      }),
    );
    expect(text).not.toMatch(/-secret/);
    expect(text).toMatch(/tokens:\n\s+- \(hidden\)/);
  });
});

describe('reloadConfig', () => {
  it('takes over what may change, in place, and names what needs a restart', () => {
    const config = loadConfig();
    const { limits, server } = config;
    const overrides = { 'limits.streams': 3, 'server.tokens': ['a-new-token'], 'server.port': 1234 };
    const report = reloadConfig(config, loadConfig({ overrides }));
    expect(report).toEqual({ changed: ['server.tokens', 'limits.streams'], needRestart: ['server.port'] });
    expect(limits.streams).toBe(3);
    expect(server.tokens).toEqual(['a-new-token']);
    expect(server.port).toBe(8080);
    expect(reloadConfig(config, config)).toEqual({ changed: [], needRestart: [] });
  });
});

it('refuses a name of any length without comparing it letter by letter', () => {
  const name = `DEPTHCAST_${'X'.repeat(1_000_000)}`;
  expect(() => loadConfig({ env: { [name]: '1' } })).toThrow(/names no setting$|…$/);
});

it.each(['[', '{a: ', '- ', '? ', '[1, '])('refuses %s ten thousand times, which would abort the process', (open) => {
  const text = open.repeat(10_000);
  expect(() => loadConfig({ env: { DEPTHCAST_SERVER_HOST: text } })).toThrow(/names? no|is no YAML value/);
});

it('refuses thousands of steps of indentation', () => {
  const text = Array.from({ length: 2000 }, (_, n) => `${' '.repeat(n)}a:`).join('\n');
  expect(() => loadConfig({ env: { DEPTHCAST_SERVER_HOST: text } })).toThrow(/is no YAML value/);
});
