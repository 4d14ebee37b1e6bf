import { expect, it } from 'vitest';
import { SessionKeys } from './srtp-keys.ts';

it('derives the keys of AES-256 as RFC 6188 section 7.2 does', () => {
  const master = Buffer.from('f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6', 'hex');
  const salt = Buffer.from('3b04803de51ee7c96423ab5b78d2', 'hex');
  const keys = new SessionKeys(master, salt, 0);
  expect(keys.cipher.toString('hex')).toBe('5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4');
  expect(keys.salt.toString('hex')).toBe('fa31791685ca444a9e07c6c64e93');
  expect(keys.auth.toString('hex')).toBe('fd9c32d39ed5fbb5a9dc96b30818454d1313dc05');
});
