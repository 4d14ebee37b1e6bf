import { createSocket, Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { classes, Message, methods, parseMessage } from 'werift';
import { IceTransport } from './ice.ts';

const own = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

let ice: IceTransport | undefined;

afterEach(async () => {
  await ice?.close();
  vi.restoreAllMocks();
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
    await ice.restart();
    await ice.gather();
    expect(ports()).toEqual(before);
    expect(ice.localUfrag).not.toBe(localUfrag);
    expect(ice.localPwd).not.toBe(localPwd);
  });

  it.skipIf(!own)('include what a STUN server sees', async () => {
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
