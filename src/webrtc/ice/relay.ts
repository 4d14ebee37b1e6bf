import {
  Candidate,
  candidateFoundation,
  candidatePriority,
  StunOverTurnProtocol,
  TurnProtocol,
  UdpTransport,
} from 'werift';

/** Seconds of an allocation; refreshed in time (RFC 8656 section 3.2). */
const LIFETIME = 600;

export interface RelayServer {
  /** Numeric address and port. */
  address: readonly [string, number];
  username: string;
  password: string;
}

interface Internals {
  handleStunMessage(data: Buffer, from: readonly [string, number]): void;
}

/** An allocation on a TURN server, over UDP, and its place in werift's agent. */
export class Relay {
  readonly protocol: StunOverTurnProtocol;
  /** A packet of a peer came through. */
  onPacket: (data: Buffer, from: readonly [string, number]) => void = () => {};
  readonly #deliver: Internals['handleStunMessage'];

  /** @throws what the server answered, or that it did not */
  static async open(server: RelayServer, credentials: { generation: number; ufrag: string }): Promise<Relay> {
    const transport = await UdpTransport.init('udp4');
    const turn = new TurnProtocol([...server.address], server.username, server.password, LIFETIME, transport);
    try {
      await turn.connectionMade();
      return new Relay(turn, credentials);
    } catch (thrown) {
      await transport.close();
      throw thrown;
    }
  }

  private constructor(turn: TurnProtocol, { generation, ufrag }: { generation: number; ufrag: string }) {
    this.protocol = new StunOverTurnProtocol(turn);
    const [host, port] = turn.relayedAddress;
    this.protocol.localCandidate = new Candidate(
      candidateFoundation('relay', 'udp', host),
      1,
      'udp',
      candidatePriority('relay'),
      host,
      port,
      'relay',
      turn.mappedAddress[0],
      turn.mappedAddress[1],
      undefined,
      generation,
      ufrag,
    );
    const internals = this.protocol as unknown as Internals;
    this.#deliver = internals.handleStunMessage.bind(this.protocol);
    // Nothing reaches the agent unseen: werift would take STUN from anybody, and media without its sender's address.
    internals.handleStunMessage = (data, from) => this.onPacket(data, from);
  }

  get transactions(): Record<string, unknown> {
    return this.protocol.turn.transactions;
  }

  /** Gives the agent a STUN message that was found to be the peer's. */
  deliver(data: Buffer, from: readonly [string, number]): void {
    this.#deliver(data, from);
  }

  close(): Promise<void> {
    return this.protocol.close();
  }
}
