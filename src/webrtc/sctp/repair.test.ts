import { expect, it } from 'vitest';
import { RTCSctpTransport } from 'werift';
import { DtlsTransport } from '../dtls/dtls-transport.ts';
import { repairSctp, type SctpAssociation } from './repair.ts';

it('a wall clock that is set says nothing about the round trip', () => {
  const transport = new RTCSctpTransport(5000, 65_536);
  const dtls = new DtlsTransport({ role: 'client', fingerprints: [], iceRole: 'controlled', send: () => {} });
  transport.setDtlsTransport(dtls as never);
  const association = transport.sctp as unknown as SctpAssociation & { rto: number };
  repairSctp(association);
  association.updateRto(0.8);
  const { rto } = association;
  expect(rto).toBeGreaterThan(0.8);
  for (const hour of [3600, -3600]) association.updateRto(hour);
  expect(association.rto).toBe(rto);
});
