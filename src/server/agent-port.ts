import { createServer, type Server, type Socket } from 'node:net';
import { DepthcastError } from '../errors.ts';
import type { ServerContext } from '../session/server-context.ts';

/** Balancers ask a few times a second, one connection each time; whoever holds more is not one. */
const MAX_CONNECTIONS = 64;
const PATIENCE_MS = 1000;

type Asked = Pick<ServerContext, 'admission' | 'registry' | 'pool' | 'peers' | 'config'>;

/** Per cent of this server that newcomers may still take; 0 where nobody is taken. */
export const agentWeight = ({ free }: Pick<ServerContext['admission'], 'free'>): number => Math.round(100 * free);

/**
 * What a balancer is told: a line as HAProxy's `agent-check` reads it (HAProxy configuration manual, section 5.2).
 * The space before `#` matters: HAProxy 2.6 takes `drain#full` for a description and does not drain.
 * `drain` takes this server out of the choice for newcomers, whom others serve, while whoever belongs here still comes.
 * @param closing sessions are being cut: nobody need come any more
 */
export function agentLine({ admission, registry, pool, peers }: Asked, closing = false): string {
  if (closing) return 'down #closing\n';
  if (registry.draining) return 'up drain #draining\n';
  if (pool.workers.every((worker) => !worker.alive)) return 'up drain #depth-workers-restart\n';
  if (peers.workers.length > 0 && !peers.workers.some(({ alive }) => alive)) return 'up drain #media-workers-restart\n';
  const weight = agentWeight(admission);
  return weight === 0 ? 'up drain #full\n' : `up ready ${weight}%\n`;
}

/** The port at which balancers ask how much of this server is free. */
export class AgentPort {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #closing = false;

  private constructor(context: Asked) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      // Whatever it sends, and however slowly: balancers need every place.
      const patience = setTimeout(() => socket.destroy(), PATIENCE_MS);
      socket.on('close', () => {
        clearTimeout(patience);
        this.#sockets.delete(socket);
      });
      // Whoever asks may be gone before the answer.
      socket.on('error', () => socket.destroy());
      // What it sends is of no interest.
      socket.resume();
      socket.end(agentLine(context, this.#closing));
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /**
   * Listens where `cluster.agentPort` says; undefined where it says nothing.
   * @throws DepthcastError PORT_IN_USE, PORT_DENIED, BAD_CONFIG
   */
  static async open(context: Asked): Promise<AgentPort | undefined> {
    const { cluster, server } = context.config;
    if (cluster.agentPort === null) return undefined;
    const port = new AgentPort(context);
    const host = cluster.agentHost ?? server.host;
    await new Promise<void>((resolve, reject) => {
      port.#server.once('error', (error: NodeJS.ErrnoException) => {
        const code =
          error.code === 'EADDRINUSE' ? 'PORT_IN_USE' : error.code === 'EACCES' ? 'PORT_DENIED' : 'BAD_CONFIG';
        reject(
          new DepthcastError(code, { detail: `cluster.agentPort ${host}:${cluster.agentPort}: ${error.message}` }),
        );
      });
      port.#server.listen(cluster.agentPort!, host, resolve);
    });
    // A connection that cannot be taken (EMFILE): balancers ask again.
    port.#server.removeAllListeners('error').on('error', () => {});
    return port;
  }

  /** From now on balancers hear that this server goes down. */
  announceEnd(): void {
    this.#closing = true;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
