import { createServer, type Server } from 'node:http';
import { DepthcastError } from '../errors.ts';
import type { Metrics } from '../metrics/metrics.ts';

const MAX_CONNECTIONS = 64;
const PATIENCE_MS = 5000;

export interface HealthOptions {
  host: string;
  port: number;
  metrics: Pick<Metrics, 'registry' | 'text'>;
  /** What keeps the agent from taking a job now; empty where nothing does. */
  whyNotReady(): string[];
}

/** `/livez`, `/readyz` and `/metrics` of an agent, as a server has them: for supervisors and Prometheus, without rights. */
export class HealthPort {
  readonly #server: Server;

  private constructor({ metrics, whyNotReady }: HealthOptions) {
    this.#server = createServer(
      { requestTimeout: PATIENCE_MS, headersTimeout: PATIENCE_MS },
      async (request, response) => {
        response.setHeader('cache-control', 'no-store');
        // Nothing here takes a body.
        request.resume();
        switch (request.method === 'GET' ? request.url?.split('?')[0] : undefined) {
          case '/livez':
            response.setHeader('content-type', 'text/plain').end('live\n');
            break;
          case '/readyz': {
            const reasons = whyNotReady();
            response
              .writeHead(reasons.length > 0 ? 503 : 200, { 'content-type': 'application/json' })
              .end(JSON.stringify({ ready: reasons.length === 0, reasons }));
            break;
          }
          case '/metrics':
            response.setHeader('content-type', metrics.registry.contentType);
            response.end(await metrics.text().catch(() => ''));
            break;
          default:
            response.writeHead(404, { 'content-type': 'text/plain' }).end('there are /livez, /readyz and /metrics\n');
        }
      },
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** @throws DepthcastError PORT_IN_USE, PORT_DENIED, BAD_CONFIG */
  static async open(options: HealthOptions): Promise<HealthPort> {
    const { host, port } = options;
    const opened = new HealthPort(options);
    await new Promise<void>((resolve, reject) => {
      opened.#server.once('error', (error: NodeJS.ErrnoException) => {
        const known = { EADDRINUSE: 'PORT_IN_USE', EACCES: 'PORT_DENIED' } as const;
        const code = known[error.code as keyof typeof known] ?? 'BAD_CONFIG';
        reject(new DepthcastError(code, { detail: `livekit.healthPort ${host}:${port}: ${error.message}` }));
      });
      opened.#server.listen(port, host, resolve);
    });
    // No descriptor for one more connection is no reason to end.
    opened.#server.removeAllListeners('error').on('error', () => {});
    return opened;
  }

  /** Where it listens. */
  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}
