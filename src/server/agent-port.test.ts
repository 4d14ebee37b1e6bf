import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../config/load.ts';
import { Admission } from '../session/admission.ts';
import { Registry } from '../session/registry.ts';
import { AgentPort, agentLine } from './agent-port.ts';

interface Load {
  rate: number;
  milliseconds: number;
}

/** A server's parts that the agent port asks; streams have the demand given, workers live or do not. */
function server(
  settings: Record<string, unknown> = {},
  loads: Load[] = [],
  workers = [true],
  mediaWorkers: boolean[] = [],
) {
  const config = loadConfig({ overrides: settings }) as never as ConstructorParameters<typeof Admission>[0]['config'];
  const registry = new Registry();
  for (const [i, demand] of loads.entries())
    registry.reserve(`s${i}`).filled({ model: 'm', demand, close: () => {} } as never);
  const pool = { workersLimit: 1, models: [{ manifest: { name: 'm' } }], workers: workers.map((alive) => ({ alive })) };
  const admission = new Admission({ registry, pool: pool as never, config });
  const peers = { workers: mediaWorkers.map((alive) => ({ alive })) };
  return { config, registry, admission, pool: pool as never, peers: peers as never };
}

describe('agentLine', () => {
  it('gives an empty server all of its weight', () => {
    expect(agentLine(server())).toBe('up ready 100%\n');
  });

  it('follows what is scarcer: places, or the time of the depth workers', () => {
    const idle = { rate: 1, milliseconds: 1 };
    expect(agentLine(server({ 'limits.streams': 4 }, [idle, idle, idle]))).toBe('up ready 25%\n');
    // 10 pictures a second of 50 ms are half a worker, a quarter of the limit of 2.
    expect(agentLine(server({ 'limits.streams': 100 }, [{ rate: 10, milliseconds: 50 }]))).toBe('up ready 75%\n');
    const half = server({ 'limits.streams': 100, 'limits.utilisation': null }, [{ rate: 10, milliseconds: 100 }]);
    expect(agentLine(half)).toBe('up ready 50%\n');
  });

  it('turns newcomers away where a publisher would be refused', () => {
    const idle = { rate: 1, milliseconds: 1 };
    expect(agentLine(server({ 'limits.streams': 2 }, [idle, idle]))).toBe('up drain #full\n');
    const busy = server({ 'limits.utilisation': 1 }, [{ rate: 10, milliseconds: 90 }]);
    expect(agentLine(busy)).toBe('up drain #full\n');
    expect(() => busy.admission.checkWorkers()).toThrow('depth workers');
  });

  it('keeps a sliver of weight as long as somebody is taken, however high the load', () => {
    const full = server({ 'limits.utilisation': null }, [{ rate: 100, milliseconds: 100 }]);
    expect(agentLine(full)).toBe('up ready 1%\n');
  });

  it('drains while it drains and while no depth worker or no media worker is alive, and goes down in the end', async () => {
    expect(agentLine(server({}, [], [false]))).toBe('up drain #depth-workers-restart\n');
    expect(agentLine(server({}, [], [false, true]))).toBe('up ready 100%\n');
    expect(agentLine(server({}, [], [true], [false, false]))).toBe('up drain #media-workers-restart\n');
    expect(agentLine(server({}, [], [true], [false, true]))).toBe('up ready 100%\n');
    const draining = server();
    await draining.registry.drain(0);
    expect(agentLine(draining)).toBe('up drain #draining\n');
    expect(agentLine(draining, true)).toBe('down #closing\n');
  });
});

describe('AgentPort', () => {
  let port: AgentPort | undefined;
  afterEach(() => port?.close());

  const ask = (at: number): Promise<string> =>
    new Promise((resolve, reject) => {
      let text = '';
      connect(at, '127.0.0.1')
        .on('data', (piece) => {
          text += String(piece);
        })
        .on('end', () => resolve(text))
        .on('error', reject);
    });

  it('answers each connection with one line and closes it', async () => {
    const context = server({ 'cluster.agentPort': 29_417, 'limits.streams': 2 });
    port = await AgentPort.open(context);
    expect(await ask(29_417)).toBe('up ready 100%\n');
    context.registry.reserve('cam');
    expect(await ask(29_417)).toBe('up ready 50%\n');
    port!.announceEnd();
    expect(await ask(29_417)).toBe('down #closing\n');
  });

  it('gives nobody a place for longer than a second, whatever is sent', async () => {
    port = await AgentPort.open(server({ 'cluster.agentPort': 29_419 }));
    // Half open: the answer is read, the connection is not closed.
    const socket = connect({ port: 29_419, host: '127.0.0.1', allowHalfOpen: true });
    const dribble = setInterval(() => socket.write('.'), 100);
    await new Promise((resolve) =>
      socket
        .on('error', () => {})
        .on('close', resolve)
        .resume(),
    );
    clearInterval(dribble);
  });

  it('is not there unless it is asked for, and says which setting is to blame where it cannot listen', async () => {
    expect(await AgentPort.open(server())).toBeUndefined();
    port = await AgentPort.open(server({ 'cluster.agentPort': 29_418 }));
    await expect(AgentPort.open(server({ 'cluster.agentPort': 29_418 }))).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining('cluster.agentPort'),
    });
  });
});
