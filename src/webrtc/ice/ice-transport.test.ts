import { createSocket, Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { classes, Message, methods, parseMessage } from 'werift';
import { needs } from '../../../test/support/needs.ts';
import { IceTransport } from './ice-transport.ts';

const own = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

const NEEDS_ADDRESS = needs(own, 'an IPv4 address besides loopback');

let ice: IceTransport | undefined;

afterEach(async () => {
  await ice?.close();
  vi.restoreAllMocks();
});

describe("the peer's candidates", () => {
  it('that cannot be read are passed over, and the end of candidates is none', async () => {
    ice = new IceTransport({ hostAddresses: ['127.0.0.1'] });
    await ice.gather();
    const line = 'candidate:1 1 udp 2113937151 127.0.0.1 50000 typ host';
    const remote = { iceUfrag: 'abcd', icePwd: 'x'.repeat(22), iceLite: false };
    const candidates = ['candidate:foo', line, 'candidate:', 'candidate:1 1 udp 1 127.0.0.1 70000 typ host'];
    expect(ice.setRemote({ ...remote, candidates })).toBe(2);
    for (const end of ['', 'candidate:', 'a=candidate: ', 'a=end-of-candidates', 'end-of-candidates'])
      ice.addCandidate(end);
    expect(() => ice!.addCandidate('candidate:foo')).toThrow(/malformed/);
    expect(ice.remoteAddresses).toBe(1);
  });
});

describe('our candidates', () => {
  it('are those of the host, and nobody is asked for more', async () => {
    const send = vi.spyOn(Socket.prototype, 'send');
    ice = new IceTransport({ hostAddresses: ['127.0.0.1', '127.0.0.1', 'not-an-address'] });
    await ice.gather();
    const candidates = ice.localCandidates();
    expect(candidates.filter((line) => line.includes(' 127.0.0.1 '))).toHaveLength(1);
    expect(candidates.every((line) => line.includes('typ host'))).toBe(true);
    expect(send).not.toHaveBeenCalled();
  });

  it('include an address that is not ours, which forwards to us', async () => {
    ice = new IceTransport({ hostAddresses: ['203.0.113.9'] });
    await ice.gather();
    expect(ice.localCandidates().some((line) => / 203\.0\.113\.9 \d+ typ host/.test(line))).toBe(true);
  });

  it('keep their sockets through a restart, under new credentials', async () => {
    ice = new IceTransport({ hostAddresses: ['127.0.0.1'] });
    await ice.gather();
    const { localUfrag, localPwd } = ice;
    expect(localUfrag).toMatch(/^[A-Za-z0-9+/]{8}$/);
    expect(localPwd).toMatch(/^[A-Za-z0-9+/]{32}$/);
    const ports = () => ice!.localCandidates().map((line) => line.split(' ')[5]);
    const before = ports();
    ice.restart();
    await ice.gather();
    expect(ports()).toEqual(before);
    expect(ice.localUfrag).not.toBe(localUfrag);
    expect(ice.localPwd).not.toBe(localPwd);
  });

  it('include what a STUN server sees', NEEDS_ADDRESS, async () => {
    const server = createSocket('udp4');
    server.bind(0, own);
    await once(server, 'listening');
    server.on('message', (data, from) => {
      const request = parseMessage(data);
      if (!request) return;
      const response = new Message(methods.BINDING, classes.RESPONSE, request.transactionId);
      response.setAttribute('XOR-MAPPED-ADDRESS', ['198.51.100.7', from.port]);
      server.send(response.bytes, from.port, from.address);
    });
    ice = new IceTransport({ iceServers: [{ urls: `stun:${own}:${server.address().port}` }] });
    await ice.gather();
    server.close();
    expect(ice.localCandidates().some((line) => / 198\.51\.100\.7 \d+ typ srflx/.test(line))).toBe(true);
  });
});

describe('a STUN server that is slow', NEEDS_ADDRESS, () => {
  it('does not hold the answer up, and is believed when it answers at last', async () => {
    const server = createSocket('udp4');
    server.bind(0, own ?? '127.0.0.1');
    await once(server, 'listening');
    const requests: { data: Buffer; port: number; address: string }[] = [];
    server.on('message', (data, { port, address }) => requests.push({ data, port, address }));
    ice = new IceTransport({ iceServers: [{ urls: `stun:${own}:${server.address().port}` }] });
    // Nothing answers until this is over.
    await ice.gather();
    expect(ice.localCandidates().some((line) => line.includes('srflx'))).toBe(false);
    for (const { data, port, address } of requests) {
      const response = new Message(methods.BINDING, classes.RESPONSE, parseMessage(data)!.transactionId);
      response.setAttribute('XOR-MAPPED-ADDRESS', ['198.51.100.8', port]);
      server.send(response.bytes, port, address);
    }
    await vi.waitUntil(() => ice!.localCandidates().some((line) => line.includes(' 198.51.100.8 ')), 5000);
    server.close();
  });
});

/** A browser's ICE agent in little: nominates from any number of addresses, and answers checks. */
class Nominator {
  readonly #sockets: Socket[] = [];
  readonly #ice: IceTransport;
  readonly #port: number;
  static readonly ufrag = 'peer';
  static readonly pwd = 'p'.repeat(24);

  constructor(agent: IceTransport) {
    this.#ice = agent;
    this.#port = Number(agent.localCandidates()[0]!.split(' ')[5]);
  }

  async open(): Promise<{
    port: number;
    ask: (options?: { nominate?: boolean; ufrag?: string; password?: string }) => void;
  }> {
    const socket = createSocket('udp4');
    this.#sockets.push(socket);
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.on('message', (data) => {
      const request = parseMessage(data, Buffer.from(Nominator.pwd));
      if (request?.messageClass !== classes.REQUEST) return;
      const response = new Message(methods.BINDING, classes.RESPONSE, request.transactionId);
      response.setAttribute('XOR-MAPPED-ADDRESS', ['127.0.0.1', this.#port]);
      response.addMessageIntegrity(Buffer.from(Nominator.pwd)).addFingerprint();
      socket.send(response.bytes, this.#port, '127.0.0.1');
    });
    const ask = ({ nominate = true, ufrag = this.#ice.localUfrag, password = this.#ice.localPwd } = {}) => {
      const request = new Message(methods.BINDING, classes.REQUEST);
      request.setAttribute('USERNAME', `${ufrag}:${Nominator.ufrag}`).setAttribute('PRIORITY', 1);
      request.setAttribute('ICE-CONTROLLING', 1n);
      if (nominate) request.setAttribute('USE-CANDIDATE', null);
      request.addMessageIntegrity(Buffer.from(password)).addFingerprint();
      socket.send(request.bytes, this.#port, '127.0.0.1');
    };
    return { port: socket.address().port, ask };
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }
}

describe('a peer whose address changes', () => {
  let nominator: Nominator;
  const selected = (port: number) => vi.waitUntil(() => ice!.selectedPair?.remote === `127.0.0.1:${port}`, 5000);

  async function connected(): Promise<void> {
    ice = new IceTransport({ hostAddresses: ['127.0.0.1'] });
    await ice.gather();
    ice.setRemote({ iceUfrag: Nominator.ufrag, icePwd: Nominator.pwd, iceLite: false, candidates: [] });
    nominator = new Nominator(ice);
    ice.connect();
  }
  afterEach(() => nominator.close());

  it('is followed to the address that it nominates, and back', async () => {
    await connected();
    const [home, away] = [await nominator.open(), await nominator.open()];
    home.ask();
    await selected(home.port);
    away.ask();
    await selected(away.port);
    home.ask();
    await selected(home.port);
  });

  it('is not followed without a nomination, nor to where a stranger says', async () => {
    await connected();
    const [home, away] = [await nominator.open(), await nominator.open()];
    home.ask();
    await selected(home.port);
    const { dropped } = ice!;
    away.ask({ password: 'wrong'.repeat(5) });
    await vi.waitUntil(() => ice!.dropped > dropped);
    expect(ice!.remoteAddresses).toBe(1);
    away.ask({ nominate: false });
    await vi.waitUntil(() => ice!.remoteAddresses === 2);
    expect(ice!.selectedPair?.remote).toBe(`127.0.0.1:${home.port}`);
    // Neither failed for lack of a nomination alone, nor of time.
    away.ask();
    await selected(away.port);
  });

  it('cannot make us remember more than a bounded number of addresses', async () => {
    await connected();
    const home = await nominator.open();
    home.ask();
    await selected(home.port);
    for (let i = 0; i < 60; i++) (await nominator.open()).ask();
    // Followed to one of them, and no further than the bound.
    await vi.waitUntil(() => ice!.remoteAddresses >= 32, 5000);
    await vi.waitUntil(() => ice!.selectedPair?.remote !== `127.0.0.1:${home.port}`, 5000);
    const again = setInterval(() => home.ask(), 100);
    // What home asks now arrives after all that the others asked.
    await selected(home.port).finally(() => clearInterval(again));
    expect(ice!.remoteAddresses).toBeLessThanOrEqual(33);
  });
});

describe('ICE restarts that are never completed', () => {
  const remote = { iceUfrag: Nominator.ufrag, icePwd: Nominator.pwd, iceLite: false, candidates: [] };

  async function restarted(times: number): Promise<{ ufrag: string; password: string }[]> {
    ice = new IceTransport({ hostAddresses: ['127.0.0.1'] });
    const generations: { ufrag: string; password: string }[] = [];
    for (let n = 0; n <= times; n++) {
      if (n > 0) ice.restart();
      await ice.gather();
      ice.setRemote(remote);
      ice.connect();
      generations.push({ ufrag: ice.localUfrag, password: ice.localPwd });
    }
    return generations;
  }

  it('leave no attempt behind them but the last', async () => {
    await restarted(5);
    expect(ice!.counts.pending).toBe(0);
    const nominator = new Nominator(ice!);
    const home = await nominator.open();
    home.ask();
    await vi.waitUntil(() => ice!.selectedPair?.remote === `127.0.0.1:${home.port}`, 5000);
    expect(ice!.counts.checksSent).toBe(1);
    nominator.close();
  });

  it('end the passwords before the last two', async () => {
    const generations = await restarted(3);
    const nominator = new Nominator(ice!);
    const home = await nominator.open();
    for (const { ufrag, password } of generations) home.ask({ nominate: false, ufrag, password });
    home.ask();
    await vi.waitUntil(() => ice!.selectedPair !== undefined, 5000);
    expect(ice!.dropped).toBe(2);
    nominator.close();
  });
});
