import { networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { PeerAddresses, type PeerAddressRules } from './peer-addresses.ts';

const RULES: PeerAddressRules = { minPort: 1024, privateAddresses: 'local', allow: [], deny: [] };
const rules = (client?: string, more: Partial<PeerAddressRules> = {}) =>
  new PeerAddresses({ ...RULES, ...more }, client);

const STRANGER = '203.0.113.7';

describe('checks go', () => {
  it.each(['198.51.100.1', '2001:db8::1', '::ffff:198.51.100.1'])('to %s, on ports from 1024 on', (address) => {
    expect(rules(STRANGER).mayCheck(address, 1024)).toBe(true);
    expect(rules(STRANGER).mayCheck(address, 1023)).toBe(false);
    expect(rules('127.0.0.1').mayCheck(address, 53)).toBe(false);
  });

  it.each([
    ...['224.0.0.251', '239.255.255.250', '255.255.255.255', '240.0.0.1', '0.0.0.0', '0.1.2.3'],
    ...['ff02::1', 'ff0e::1', '::', '::ffff:224.0.0.1', '64:ff9b::255.255.255.255', '2002:e000:1::1'],
  ])('never to %s', (address) => {
    for (const client of [STRANGER, '127.0.0.1', undefined])
      for (const privateAddresses of ['always', 'local', 'never'] as const) {
        const all = rules(client, { privateAddresses, allow: ['0.0.0.0/0', '::/0'], minPort: 0 });
        expect(all.mayCheck(address, 5000)).toBe(false);
        expect(all.mayAnswer(address, 5000)).toBe(false);
      }
  });

  it('never to the broadcast address of a network of ours', () => {
    const own = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .find(({ family, netmask, internal }) => family === 'IPv4' && !internal && netmask === '255.255.255.0');
    if (!own) return;
    const broadcast = own.address.replace(/\d+$/, '255');
    expect(rules(own.address, { privateAddresses: 'always' }).mayCheck(broadcast, 5000)).toBe(false);
  });

  it.each(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1', '::127.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::'])(
    'to %s only for a client of this machine',
    (address) => {
      for (const client of ['127.0.0.1', '::1', '::ffff:127.0.0.1'])
        expect(rules(client).mayCheck(address, 5000)).toBe(true);
      for (const client of [STRANGER, '10.0.0.9', '169.254.1.1', undefined, 'unix', ''])
        expect(rules(client, { privateAddresses: 'always' }).mayCheck(address, 5000)).toBe(false);
    },
  );

  it.each(['169.254.169.254', 'fe80::1', '::ffff:169.254.0.1'])('to %s only for a client of this link', (address) => {
    for (const client of ['127.0.0.1', '169.254.3.4', 'fe80::2', 'fe80::2%eth0'])
      expect(rules(client).mayCheck(address, 5000)).toBe(true);
    for (const client of [STRANGER, '10.0.0.9', undefined])
      expect(rules(client, { privateAddresses: 'always' }).mayCheck(address, 5000)).toBe(false);
  });

  it.each(['10.1.2.3', '172.31.0.1', '192.168.1.1', '100.64.0.1', 'fd00::1', '::ffff:10.0.0.1'])(
    'to %s as rtc.privatePeers says',
    (address) => {
      expect(rules('192.168.7.7').mayCheck(address, 5000)).toBe(true);
      expect(rules('127.0.0.1').mayCheck(address, 5000)).toBe(true);
      expect(rules(STRANGER).mayCheck(address, 5000)).toBe(false);
      expect(rules(undefined).mayCheck(address, 5000)).toBe(false);
      expect(rules(STRANGER, { privateAddresses: 'always' }).mayCheck(address, 5000)).toBe(true);
      expect(rules('127.0.0.1', { privateAddresses: 'never' }).mayCheck(address, 5000)).toBe(false);
    },
  );

  it('as the lists say before all else', () => {
    const listed = rules(STRANGER, { allow: ['10.5.0.0/16', '127.0.0.1'], deny: ['198.51.100.0/24', '2001:db8::/32'] });
    expect(listed.mayCheck('10.5.9.9', 53)).toBe(true);
    expect(listed.mayCheck('127.0.0.1', 5000)).toBe(true);
    expect(listed.mayCheck('10.6.0.1', 5000)).toBe(false);
    expect(listed.mayCheck('198.51.100.9', 5000)).toBe(false);
    expect(listed.mayCheck('::ffff:198.51.100.9', 5000)).toBe(false);
    expect(listed.mayAnswer('2001:db8::9', 5000)).toBe(false);
  });
});

it('a check that came with the password is answered from private and local addresses too', () => {
  for (const address of ['10.0.0.9', '127.0.0.1', 'fd00::1', '198.51.100.1']) {
    expect(rules(STRANGER).mayAnswer(address, 5000)).toBe(true);
    expect(rules(STRANGER).mayAnswer(address, 53)).toBe(false);
  }
});
