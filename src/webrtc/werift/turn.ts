import { classes, Message, methods, type Transport, TurnProtocol } from 'werift';
import { UdpPort } from '../udp-port.ts';

/** Seconds of an allocation (RFC 8656 section 3.2), and the part of them after which it is refreshed. */
const LIFETIME = 600;
const REFRESH_PART = 5 / 6;
/** Seconds after which a channel is bound anew: a permission, which that renews, lasts for 300 (RFC 8656 section 9). */
const REBIND = 240;
/** The allocation is released, and the answer waited for, this long at most. */
const RELEASE_MS = 1000;

type Address = readonly [host: string, port: number];

export interface TurnServer {
  /** Numeric. */
  address: Address;
  username: string;
  password: string;
}

/** What werift keeps to itself, and has to be different here. */
export interface TurnInternals {
  /** It sleeps through an allocation's lifetime, and can be ended by nothing. */
  refresh(lifetime: number): void;
}

/** An allocation on a TURN server, over UDP. */
export class TurnAllocation {
  readonly relayed: Address;
  readonly mapped: Address;
  /** A packet of a peer came through. */
  onPacket: (data: Buffer, address: string, port: number) => void = () => {};
  readonly #turn: TurnProtocol;
  readonly #port: UdpPort;
  #refreshAt: NodeJS.Timeout | undefined;
  #closed = false;

  /** @throws what the server answered, or that it did not */
  static async open({ address, username, password }: TurnServer): Promise<TurnAllocation> {
    const port = await UdpPort.open('0.0.0.0');
    const transport = transportOn(port, address);
    const turn = new TurnProtocol([...address], username, password, LIFETIME, transport, {
      channelRefreshTime: REBIND,
    });
    let lifetime = LIFETIME;
    (turn as unknown as TurnInternals).refresh = (granted) => {
      lifetime = granted;
    };
    try {
      await turn.connectionMade();
      return new TurnAllocation(turn, port, lifetime);
    } catch (thrown) {
      await port.close();
      throw thrown;
    }
  }

  private constructor(turn: TurnProtocol, port: UdpPort, lifetime: number) {
    this.#turn = turn;
    this.#port = port;
    this.relayed = turn.relayedAddress;
    this.mapped = turn.mappedAddress;
    turn.onData.subscribe((data, [address, from]) => this.onPacket(data, address, from));
    this.#refreshLater(lifetime);
  }

  /** Lets packets through from that address, on any port. */
  permit(address: string): void {
    this.#turn.getPermission([address, 0]).catch(() => {});
  }

  send(data: Buffer, port: number, address: string): void {
    if (!this.#closed) this.#turn.sendData(data, [address, port]).catch(() => {});
  }

  /** Gives the allocation back. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#refreshAt);
    this.onPacket = () => {};
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((resolve) => {
      timer = setTimeout(resolve, RELEASE_MS);
    });
    await Promise.race([this.#refresh(0).catch(() => {}), patience]);
    clearTimeout(timer);
    for (const transaction of Object.values(this.#turn.transactions)) transaction.cancel();
    await this.#port.close();
  }

  #refreshLater(lifetime: number): void {
    this.#refreshAt = setTimeout(
      () => {
        this.#refresh(LIFETIME).then(
          (granted) => {
            if (!this.#closed) this.#refreshLater(granted);
          },
          // The server no longer answers: what used the relay ends by itself.
          () => {},
        );
      },
      lifetime * REFRESH_PART * 1000,
    );
  }

  /** @returns seconds granted */
  async #refresh(lifetime: number): Promise<number> {
    const request = new Message(methods.REFRESH, classes.REQUEST).setAttribute('LIFETIME', lifetime);
    const [answer] = await this.#turn.requestWithRetry(request as Message, this.#turn.server);
    const granted = answer.getAttributeValue('LIFETIME') as unknown;
    return typeof granted === 'number' && granted >= 1 ? Math.min(granted, LIFETIME) : LIFETIME;
  }
}

/** A socket of ours as werift wants it; packets of others than the server are nobody's. */
function transportOn(port: UdpPort, [host, serverPort]: Address): Transport {
  const transport: Transport = {
    type: 'udp',
    address: port.address,
    closed: false,
    onData: () => {},
    send: async (data, to = [host, serverPort]) => port.sendTo(data, to[1], to[0]),
    close: () => port.close(),
  };
  port.onPacket = (data, from) => {
    if (from.address === host && from.port === serverPort) transport.onData(data, [from.address, from.port]);
  };
  return transport;
}
