import { describe, expect, it } from 'vitest';
import { AddressPlaces } from './address-places.ts';

const limits = { streams: 16, sessionsPerAddress: 5, setupsPerAddress: 3, setups: 7 };

describe('places', () => {
  it('bound the set-ups of one address and its sessions', () => {
    const places = new AddressPlaces(limits);
    const taken = [places.take('a'), places.take('a'), places.take('a')];
    expect(() => places.take('a')).toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }));
    for (const place of taken) place.settle();
    places.take('a');
    places.take('a').settle();
    expect(() => places.take('a')).toThrow(/has 5 sessions/);
    taken[0]!.leave();
    places.take('a');
  });

  it('tell an address that holds all set-ups alone that it is the one', () => {
    const places = new AddressPlaces({ ...limits, setupsPerAddress: 64, setups: 2 });
    const first = places.take('a');
    places.take('a');
    const limited = {
      code: 'RATE_LIMITED',
      detail: expect.stringMatching(/of one address.*at most 2$/),
      retryAfter: 5,
    };
    expect(() => places.take('a')).toThrow(expect.objectContaining(limited));
    expect(() => places.take('b')).toThrow(expect.objectContaining({ code: 'BUSY', retryAfter: 5 }));
    first.settle();
    places.take('b');
  });

  it('bound the set-ups of all addresses together, however they end', () => {
    const places = new AddressPlaces(limits);
    const taken = Array.from({ length: limits.setups }, (_, i) => places.take(`address ${i}`));
    const refused = () => expect(() => places.take('z')).toThrow(expect.objectContaining({ code: 'BUSY' }));
    refused();
    taken[0]!.settle();
    taken[0]!.settle();
    taken[0]!.leave();
    taken[0]!.leave();
    places.take('y');
    refused();
    taken[1]!.leave();
    places.take('z');
    refused();
  });
});
