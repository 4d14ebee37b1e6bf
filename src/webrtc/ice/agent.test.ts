import { describe, expect, it } from 'vitest';
import { IceAgent } from './agent.ts';
import { type Candidate, candidatePriority } from './candidate.ts';
import type { Path } from './check-list.ts';
import { isAuthentic, parseStun, type StunFields, type StunMessage, writeStun } from './stun.ts';

const PEER = { ufrag: 'peer', pwd: 'p'.repeat(24) };
const host = (address: string, port: number): Candidate => ({
  type: 'host',
  foundation: '1',
  priority: candidatePriority('host', 50_000 - (port % 1000)),
  address,
  port,
});

interface Sent {
  at: number;
  packet: Buffer;
  message: StunMessage;
  address: string;
  port: number;
}

/** An agent with one socket on a clock that is turned by hand, and all that it sends. */
class Bench {
  now = 0;
  readonly sent: Sent[] = [];
  readonly selections: string[] = [];
  expired = 0;
  /** Answers what the agent sends, at once. */
  answer: (check: Sent) => void = () => {};
  readonly agent: IceAgent;
  readonly path: Path = {
    candidate: host('192.0.2.1', 5000),
    send: (packet, port, address) => {
      const sent = { at: this.now, packet: Buffer.from(packet), message: parseStun(packet)!, address, port };
      this.sent.push(sent);
      if (sent.message.kind === 'request') this.answer(sent);
    },
  };

  constructor(options: { mayCheck?: (address: string, port: number) => boolean } = {}) {
    this.agent = new IceAgent({
      ...options,
      onSelected: ({ remote }) => this.selections.push(`${remote.address}:${remote.port}`),
      onExpired: () => this.expired++,
    });
    this.agent.addPath(this.path);
  }

  begin(candidates: Candidate[], { lite = false, signalling = 1e6, ufrag = PEER.ufrag } = {}): void {
    this.agent.setRemote(ufrag, PEER.pwd, lite);
    this.agent.addSignalling(signalling);
    for (const candidate of candidates) this.agent.addRemote(candidate);
    this.agent.start(this.now);
  }

  /** Lets so much time pass, doing what is due when it is due. */
  run(ms: number): void {
    const end = this.now + ms;
    for (let turns = 0; ; turns++) {
      if (turns > 100_000) throw new Error('the agent does not come to rest');
      const at = this.agent.nextAt();
      if (at > end) break;
      this.now = Math.max(this.now, at);
      this.agent.poll(this.now);
    }
    this.now = end;
  }

  get checks(): Sent[] {
    return this.sent.filter(({ message }) => message.kind === 'request');
  }

  receive(packet: Buffer, { address, port }: { address: string; port: number }): boolean {
    const message = parseStun(packet)!;
    return this.agent.receive({ packet, message, path: this.path, address, port }, this.now);
  }

  reply(check: Sent, fields: Partial<StunFields> = {}, password: string | null = PEER.pwd): void {
    const { address, port, message } = check;
    const mapped = { address: '192.0.2.1', port: 5000 };
    const error = fields.errorCode !== undefined;
    const whole: StunFields = {
      kind: error ? 'error' : 'response',
      id: message.id,
      ...(error ? {} : { mapped }),
      ...fields,
    };
    this.receive(writeStun(whole, password ?? undefined), { address, port });
  }

  /** A check of the peer's. */
  ask(
    from: { address: string; port: number },
    fields: Partial<StunFields> = {},
    password = this.agent.localPwd,
  ): boolean {
    const { localUfrag } = this.agent;
    const whole: StunFields = {
      kind: 'request',
      username: `${localUfrag}:${PEER.ufrag}`,
      priority: 1,
      role: { controlling: true, tieBreaker: 1n },
      nominates: true,
      ...fields,
    };
    return this.receive(writeStun(whole, password), from);
  }
}

const A = { address: '198.51.100.1', port: 4000 };
const B = { address: '198.51.100.2', port: 4001 };

describe('checks', () => {
  it('are sent one in 50 ms, repetitions included, and end', () => {
    const bench = new Bench();
    bench.begin(Array.from({ length: 64 }, (_, i) => host('198.51.100.1', 4000 + i)));
    bench.run(600_000);
    const times = bench.checks.map(({ at }) => at);
    for (let i = 1; i < times.length; i++) expect(times[i]! - times[i - 1]!).toBeGreaterThanOrEqual(50);
    expect(bench.checks.length).toBe(64 * 7);
    expect(bench.agent.nextAt()).toBe(Number.POSITIVE_INFINITY);
    expect(bench.agent.pending).toBe(0);
  });

  it('wait longer from one repetition to the next', () => {
    const bench = new Bench();
    bench.begin([host(A.address, A.port)]);
    bench.run(60_000);
    expect(bench.checks.map(({ at }) => at)).toEqual([0, 500, 1500, 3500, 7500, 15_500, 31_500]);
    expect(new Set(bench.checks.map(({ message }) => message.id)).size).toBe(1);
  });

  it('go first to where the peer checks from', () => {
    const bench = new Bench();
    bench.begin(Array.from({ length: 30 }, (_, i) => host('198.51.100.9', 4000 + i)));
    bench.run(100);
    bench.ask(A, { nominates: false });
    bench.run(50);
    expect(bench.checks.at(-1)).toMatchObject(A);
  });

  it('are signed with the password of the peer and name both', () => {
    const bench = new Bench();
    bench.begin([host(A.address, A.port)]);
    bench.run(0);
    const [{ packet, message }] = bench.checks as [Sent];
    expect(isAuthentic(packet, message, PEER.pwd)).toBe(true);
    expect(message.username).toBe(`${PEER.ufrag}:${bench.agent.localUfrag}`);
    expect(message.role?.controlling).toBe(false);
  });

  it('number at most a hundred pairs', () => {
    const bench = new Bench();
    bench.begin(Array.from({ length: 500 }, (_, i) => host('198.51.100.1', 2000 + i)));
    bench.run(60_000);
    expect(new Set(bench.checks.map(({ port }) => port)).size).toBe(100);
  });
});

describe('an answer', () => {
  it.each([400, 401, 403, 420, 438, 500, 300])('of %i is final, whatever the peer asks afterwards', (errorCode) => {
    for (const password of [PEER.pwd, null]) {
      const bench = new Bench();
      bench.answer = (check) => bench.reply(check, { errorCode }, password);
      bench.begin([host(A.address, A.port)]);
      for (let i = 0; i < 100; i++) {
        bench.ask(A);
        bench.run(1000);
      }
      expect(bench.checks.length).toBe(1);
      expect(bench.selections).toEqual([]);
    }
  });

  it('of 487 changes our role once', () => {
    const bench = new Bench();
    bench.answer = (check) => bench.reply(check, { errorCode: 487 });
    bench.begin([host(A.address, A.port), host(B.address, B.port)]);
    bench.run(60_000);
    expect(bench.checks.length).toBeLessThanOrEqual(4);
    expect(bench.checks[0]!.message.role!.controlling).toBe(false);
    expect(bench.checks.at(-1)!.message.role!.controlling).toBe(true);
    expect(bench.agent.controlling).toBe(true);
  });

  it('of 487 without the password changes nothing', () => {
    const bench = new Bench();
    bench.answer = (check) => bench.reply(check, { errorCode: 487 }, null);
    bench.begin([host(A.address, A.port)]);
    bench.run(60_000);
    expect(bench.checks.length).toBe(1);
    expect(bench.agent.controlling).toBe(false);
  });

  it('from another address, with another password or without one is ignored', () => {
    const bench = new Bench();
    bench.answer = (check) => {
      bench.reply({ ...check, ...B });
      bench.reply(check, {}, 'x'.repeat(24));
      bench.reply(check, {}, null);
    };
    bench.begin([host(A.address, A.port)]);
    bench.ask(A);
    bench.run(60_000);
    expect(bench.selections).toEqual([]);
  });
});

describe('roles', () => {
  it('a conflict in a check of the peer goes to the greater tie breaker', () => {
    for (const [tieBreaker, controlling] of [
      [0n, true],
      [2n ** 64n - 1n, false],
    ] as const) {
      const bench = new Bench();
      bench.begin([]);
      bench.ask(A, { role: { controlling: false, tieBreaker }, nominates: false });
      expect(bench.agent.controlling).toBe(controlling);
      const [reply] = bench.sent as [Sent];
      expect(reply.message).toMatchObject(controlling ? { kind: 'response' } : { kind: 'error', errorCode: 487 });
    }
  });

  it('change once: a peer that goes on is told of the conflict', () => {
    const bench = new Bench();
    bench.begin([]);
    for (let i = 0; i < 50; i++) {
      bench.ask(A, { role: { controlling: i % 2 === 1, tieBreaker: 0n }, nominates: false });
      bench.run(10);
    }
    expect(bench.agent.controlling).toBe(true);
    expect(bench.sent.filter(({ message }) => message.errorCode === 487).length).toBe(25);
  });

  it('as the controlling side it nominates what works best, and asks the next where that fails', () => {
    const bench = new Bench();
    bench.answer = (check) => {
      if (check.message.nominates && check.port === A.port) bench.reply(check, { errorCode: 400 });
      else bench.reply(check);
    };
    bench.begin([host(A.address, A.port), host(B.address, B.port)], { lite: true });
    bench.run(3000);
    expect(bench.selections).toEqual([`${B.address}:${B.port}`]);
    expect(bench.checks.filter(({ message }) => message.nominates).length).toBe(2);
  });
});

describe('an address that has not answered', () => {
  const total = (sent: Sent[]) => sent.reduce((sum, { packet }) => sum + packet.length + 28, 0);

  it.each([0, 300, 700, 3000])('gets at most three times the %i bytes of the offer', (signalling) => {
    const bench = new Bench();
    bench.begin(
      Array.from({ length: 64 }, (_, i) => host('198.51.100.1', 4000 + i)),
      { signalling },
    );
    bench.run(600_000);
    expect(total(bench.sent)).toBeLessThanOrEqual(3 * signalling);
    if (signalling >= 300) expect(total(bench.sent)).toBeGreaterThan(2 * signalling);
    // It does not wake up for what it cannot send.
    expect(bench.agent.nextAt()).toBeGreaterThan(bench.now);
  });

  it('gets at most three times what authentic checks came from it', () => {
    const bench = new Bench();
    bench.begin([], { signalling: 0 });
    let came = 0;
    for (let i = 0; i < 20; i++) {
      bench.ask(A);
      const { localUfrag, localPwd } = bench.agent;
      came +=
        writeStun(
          {
            kind: 'request',
            username: `${localUfrag}:${PEER.ufrag}`,
            priority: 1,
            role: { controlling: true, tieBreaker: 1n },
            nominates: true,
          },
          localPwd,
        ).length + 28;
      bench.run(100_000);
      expect(total(bench.sent)).toBeLessThanOrEqual(3 * came);
    }
    expect(bench.sent.length).toBeGreaterThan(20);
  });

  it('is checked again once more signalling came', () => {
    const bench = new Bench();
    bench.begin([host(A.address, A.port)], { signalling: 0 });
    bench.run(1000);
    expect(bench.sent.length).toBe(0);
    bench.agent.addSignalling(100);
    bench.run(0);
    expect(bench.sent.length).toBe(1);
  });

  it('is not checked where the rules forbid it, and counted', () => {
    const bench = new Bench({ mayCheck: (_address, port) => port >= 1024 });
    bench.begin([host(A.address, 53), host(A.address, A.port)]);
    bench.run(60_000);
    expect(new Set(bench.checks.map(({ port }) => port))).toEqual(new Set([A.port]));
    expect(bench.agent.refusedCandidates).toBe(1);
  });
});

describe('consent', () => {
  function connected(): Bench {
    const bench = new Bench();
    bench.answer = (check) => bench.reply(check);
    bench.begin([host(A.address, A.port)]);
    bench.ask(A);
    bench.run(100);
    expect(bench.selections).toEqual([`${A.address}:${A.port}`]);
    return bench;
  }

  it('lasts for as long as the checks are answered', () => {
    const bench = connected();
    const before = bench.checks.length;
    bench.run(600_000);
    expect(bench.expired).toBe(0);
    const count = bench.checks.length - before;
    expect(count).toBeGreaterThanOrEqual(120);
    expect(count).toBeLessThanOrEqual(150);
  });

  it.each<[string, (bench: Bench) => Bench['answer']]>([
    ['goes silent', () => () => {}],
    ['answers with errors', (bench) => (check) => bench.reply(check, { errorCode: 403 })],
    ['answers with another password', (bench) => (check) => bench.reply(check, {}, 'x'.repeat(24))],
    ['answers from elsewhere', (bench) => (check) => bench.reply({ ...check, ...B })],
  ])('ends within 30 s where the peer %s, though it checks us', (_name, how) => {
    const bench = connected();
    bench.answer = how(bench);
    const since = bench.now;
    while (bench.expired === 0 && bench.now - since < 60_000) {
      bench.ask(A);
      bench.run(500);
    }
    expect(bench.expired).toBe(1);
    expect(bench.now - since).toBeLessThanOrEqual(30_000 + 500);
    const asked = bench.checks.length;
    bench.run(600_000);
    expect(bench.checks.length).toBe(asked);
    expect(bench.expired).toBe(1);
  });

  it('survives an event loop that stands still', () => {
    const bench = connected();
    bench.now += 120_000;
    bench.run(60_000);
    expect(bench.expired).toBe(0);
  });
});

describe('a peer that moves', () => {
  it('is followed, and its new address is asked for consent at once', () => {
    const bench = new Bench();
    bench.answer = (check) => bench.reply(check);
    bench.begin([]);
    for (const from of [A, B, A]) {
      bench.ask(from);
      bench.run(1000);
    }
    expect(bench.selections).toEqual([A, B, A].map(({ address, port }) => `${address}:${port}`));
  });

  it('keeps what it has through a restart, until that brings another pair', () => {
    const bench = new Bench();
    bench.answer = (check) => bench.reply(check);
    bench.begin([host(A.address, A.port)]);
    bench.ask(A);
    bench.run(1000);
    bench.agent.renew();
    expect(bench.agent.selected?.remote.port).toBe(A.port);
    bench.begin([host(B.address, B.port)]);
    bench.ask(B);
    bench.run(1000);
    expect(bench.selections).toEqual([`${A.address}:${A.port}`, `${B.address}:${B.port}`]);
  });

  it('restarts, and names us as before until it has our answer: it is checked by that name, and by no other', () => {
    const bench = new Bench();
    // As libwebrtc, which takes no other name for a pair once it has begun to check it.
    let expected = `peer:${bench.agent.localUfrag}`;
    bench.answer = (check) =>
      check.message.username === expected ? bench.reply(check) : bench.reply(check, { errorCode: 401 }, null);
    bench.begin([]);
    bench.ask(A);
    bench.run(1000);
    const { localUfrag, localPwd } = bench.agent;
    bench.agent.renew();
    const askAsBefore = (theirs: string) => bench.ask(B, { username: `${localUfrag}:${theirs}` }, localPwd);
    expect(askAsBefore('again')).toBe(true);
    bench.begin([host(B.address, B.port)], { ufrag: 'again' });
    expected = `again:${localUfrag}`;
    bench.run(1000);
    expect(askAsBefore('peer')).toBe(true);
    bench.run(1000);
    expect(bench.selections).toEqual([`${A.address}:${A.port}`]);
    for (let n = 0; n < 3; n++) {
      expect(askAsBefore('again')).toBe(true);
      bench.run(1000);
    }
    expect(bench.selections).toEqual([`${A.address}:${A.port}`, `${B.address}:${B.port}`]);
    bench.run(20_000);
    expect(bench.checks.at(-1)!.message.username).toBe(expected);
    expect(bench.expired).toBe(0);
  });

  it('restarts, and nominates only once, naming us as before: that counts under the new names', () => {
    const bench = new Bench();
    bench.answer = (check) => bench.reply(check);
    bench.begin([]);
    bench.ask(A);
    bench.run(1000);
    const { localUfrag, localPwd } = bench.agent;
    bench.agent.renew();
    bench.begin([], { ufrag: 'again' });
    // As pion, which answers no check that names it or us otherwise than the last descriptions do.
    bench.answer = (check) => {
      if (check.message.username === `again:${bench.agent.localUfrag}`) bench.reply(check);
    };
    bench.ask(B, { username: `${localUfrag}:again` }, localPwd);
    bench.run(200);
    bench.ask(B, { username: `${bench.agent.localUfrag}:again`, nominates: false });
    bench.run(1000);
    expect(bench.selections).toEqual([A, B].map(({ address, port }) => `${address}:${port}`));
  });

  it('is not forgotten by a flood of addresses', () => {
    const bench = new Bench();
    bench.answer = (check) => bench.reply(check);
    bench.begin([]);
    bench.ask(A);
    bench.run(1000);
    for (let i = 0; i < 5000; i++) {
      bench.ask({ address: '203.0.113.1', port: 2000 + i }, { nominates: false });
      bench.run(1);
    }
    expect(bench.agent.remotes).toBeLessThanOrEqual(40);
    expect(bench.agent.isTrusted(A.address, A.port)).toBe(true);
    expect(bench.agent.selected?.remote.port).toBe(A.port);
  });
});
