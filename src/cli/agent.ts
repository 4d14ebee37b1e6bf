import { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { DepthcastError } from '../errors.ts';
import { DEFAULT_CONFIG, integer, readSettings } from './options.ts';
import { createLog, say, style } from './terminal.ts';

/** Jobs that do not end within this are cut. */
const CLOSE_MS = 8000;

interface AgentCliOptions {
  config?: string;
  url?: string;
  name?: string;
  auto?: boolean;
  max?: number;
  healthPort?: number;
  model?: string;
  size?: number;
  threads?: number;
  logLevel?: string;
}

export function agentCommand(version: string): Command {
  return new Command('agent')
    .description("work for a LiveKit server: depth of publishers' video, in their own rooms")
    .option('-c, --config <file>', `settings (default: ${DEFAULT_CONFIG}, where it exists)`)
    .option('--url <address>', 'of the LiveKit server, as wss://live.example')
    .option('--name <name>', 'by which rooms ask for it; "" takes every publisher of every room (default: depth)')
    .option('--auto', 'look after publishers of rooms too that did not ask')
    .option('--max <number>', 'publishers at once (default: limits.streams)', integer(1, 4096))
    .option('--health-port <port>', 'of /livez, /readyz and /metrics (default: none)', integer(1, 65_535))
    .option('-m, --model <name|file>', 'depth model: a name, manifest or checkpoint (default: depthcast-nano)')
    .option('--size <pixels>', "network size (default: the model's own)", integer(16, 4096))
    .option('--threads <number>', 'threads of each depth worker (default: measured at start)', integer(0, 128))
    .option('--log-level <level>', 'trace | debug | info | warn | error | silent')
    .addHelpText(
      'after',
      '\nEnvironment: LIVEKIT_API_KEY and LIVEKIT_API_SECRET, and DEPTHCAST_SECTION_KEY for any setting. docs/livekit.md says more.',
    )
    .action((options: AgentCliOptions) => work(options, version));
}

async function work(options: AgentCliOptions, version: string): Promise<void> {
  const config = readSettings(options.config, {
    'livekit.url': options.url,
    'livekit.name': options.name,
    'livekit.auto': options.auto,
    'livekit.healthPort': options.healthPort,
    'limits.streams': options.max,
    'depth.model': options.model,
    'depth.size': options.size,
    'depth.threads': options.threads,
    'log.level': options.logLevel,
  });
  const { url, name, auto } = config.livekit;
  if (url === null)
    throw new DepthcastError('BAD_CONFIG', { detail: 'livekit.url: name the server with --url wss://HOST' });
  const { Agent } = await load();
  const log = createLog(config.log.level);
  const agent = await Agent.start({ config, version, log, url, agentName: name, auto, credentials: credentials() });
  const line = (key: string, text: string) => say(`  ${style.dim(key.padEnd(8))}${text}`);
  say('', `${style.bold('depthcast agent')} ${style.dim(version)}`, '');
  line('server', style.cyan(url));
  line('name', name === '' ? 'none: every publisher of every room' : name);
  line('model', agent.model);
  const { healthPort } = config.livekit;
  if (healthPort !== null) line('health', `http://${config.server.host}:${healthPort}/readyz`);
  line('stop', 'Ctrl-C');
  say('');
  closeOnSignal(agent, config);
}

/** @throws DepthcastError BAD_CONFIG */
function credentials(): { apiKey: string; apiSecret: string } {
  const { LIVEKIT_API_KEY: apiKey, LIVEKIT_API_SECRET: apiSecret } = process.env;
  if (apiKey && apiSecret) return { apiKey, apiSecret };
  throw new DepthcastError('BAD_CONFIG', {
    detail: 'LIVEKIT_API_KEY and LIVEKIT_API_SECRET have to be set in the environment',
  });
}

/** LiveKit's library is optional: no other command needs it. */
async function load(): Promise<typeof import('../agent/agent.ts')> {
  // Otherwise it logs to standard output at debug level.
  process.env['NODE_ENV'] ??= 'production';
  try {
    return await import('../agent/agent.ts');
  } catch (cause) {
    const detail = `${(cause as Error).message.split('\n')[0]}; install it with npm install @livekit/rtc-node @livekit/protocol, on Linux (glibc) x64 or arm64, macOS, or Windows x64`;
    throw new DepthcastError('LIVEKIT_MISSING', { detail, cause });
  }
}

interface Running {
  drain(seconds: number): Promise<void>;
  close(): Promise<void>;
}

/** SIGTERM drains, Ctrl-C does not wait; a second signal, or a close that hangs, ends at once. */
function closeOnSignal(agent: Running, { server }: Config): void {
  let closing = false;
  const onSignal = async (signal: NodeJS.Signals) => {
    if (closing) process.exit(130);
    closing = true;
    if (signal === 'SIGTERM') await agent.drain(server.drainSeconds);
    else say('', style.dim('ending jobs; once more to stop at once'));
    setTimeout(() => process.exit(1), CLOSE_MS).unref();
    await agent.close();
    // No exit at once: what is still at a codec would end the process with an error.
    process.exitCode = 0;
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}
