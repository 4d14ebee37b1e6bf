import { Command } from 'commander';
import { printConfig } from '../config/print.ts';
import type { Config } from '../config/schema.ts';
import { toDepthcastError } from '../errors.ts';
import { allowedSizes } from '../model/size.ts';
import type { DepthServer } from '../server/server.ts';
import { precisionOption } from './models-options.ts';
import { DEFAULT_CONFIG, integer, readSettings } from './options.ts';
import { createLog, say, style } from './terminal.ts';

/** Sessions that do not end within this are cut. */
const CLOSE_MS = 5000;

interface ServeOptions {
  config?: string;
  host?: string;
  https?: boolean;
  tlsCert?: string;
  tlsKey?: string;
  port?: number;
  model?: string;
  inputSize?: number | 'auto';
  metric?: boolean;
  precision?: string;
  device?: string;
  threads?: number;
  scene?: string[];
  logLevel?: string;
  printConfig?: boolean;
}

export function serveCommand(version: string): Command {
  return new Command('serve')
    .description('serve the page, WebRTC signalling (/ws, WHIP, WHEP) and metrics')
    .option('-c, --config <file>', `settings (default: ${DEFAULT_CONFIG}, where it exists)`)
    .option('-p, --port <number>', 'TCP port (default: 8080)', integer(0, 65535))
    .option('--host <address>', 'address to listen on (default: 127.0.0.1; 0.0.0.0 for the network)')
    .option('--https', 'https with a certificate made here, on every address, so that a phone may open the page')
    .option('--tls-cert <file>', 'https with this certificate chain (PEM)')
    .option('--tls-key <file>', 'its key (PEM)')
    .option('-m, --model <name|file>', 'depth model: a name, manifest or checkpoint (default: depthcast-nano)')
    .option(
      '--size, --input-size <pixels|auto>',
      "network size, or the largest that holds the target (default: the model's own)",
      sizeOption,
    )
    .option('--metric', 'the checkpoint named by --model gives metres')
    .addOption(precisionOption())
    .option('--device <name>', 'what runs the network (default: cpu)')
    .option('--threads <number>', 'threads of each depth worker (default: measured at start)', integer(0, 128))
    .option('--scene <name...>', 'publish synthetic scenes, as streams scene-NAME')
    .option('--log-level <level>', 'trace | debug | info | warn | error | silent')
    .option('--print-config', 'print the settings in force as YAML, without secrets, and exit')
    .addHelpText(
      'after',
      '\nEnvironment: DEPTHCAST_SECTION_KEY overrides any setting, as DEPTHCAST_SERVER_PORT=9000. SIGHUP reads the settings again.',
    )
    .action((options: ServeOptions) => serve(options, version));
}

async function serve(options: ServeOptions, version: string): Promise<void> {
  const read = () =>
    readSettings(options.config, {
      'server.host': options.host ?? (options.https ? '0.0.0.0' : undefined),
      'tls.generate': options.https,
      'tls.cert': options.tlsCert,
      'tls.key': options.tlsKey,
      'server.port': options.port,
      'depth.model': options.model,
      'depth.size': options.inputSize,
      'depth.metric': options.metric,
      'depth.precision': options.precision,
      'depth.device': options.device,
      'depth.threads': options.threads,
      'sources.scenes': options.scene,
      'log.level': options.logLevel,
    });
  const config = read();
  if (options.printConfig) {
    say(...printConfig(config).trimEnd().split('\n'));
    return;
  }
  const { startServer } = await import('../server/server.ts');
  const server = await startServer({ config, version, log: createLog(config.log.level) });
  const { manifest } = server.context.pool.models[0]!;
  const line = (name: string, text: string) => say(`  ${style.dim(name.padEnd(8))}${text}`);
  say('', `${style.bold('depthcast')} ${style.dim(version)} is ready`, '');
  line('page', style.cyan(server.url));
  for (const url of server.networkUrls) line('', style.cyan(url));
  line(
    'model',
    `${manifest.name} ${style.dim(`${server.context.config.depth.size ?? allowedSizes(manifest).default} px, ${manifest.precision}, ${manifest.unit}`)}`,
  );
  line('device', server.context.device);
  line('publish', `${server.url}/whip/NAME`);
  line('view', `${server.url}/whep/NAME`);
  line('metrics', `${server.url}/metrics`);
  if (server.certificate?.generated) line('sha256', style.dim(server.certificate.fingerprint));
  line('stop', 'Ctrl-C');
  say('');
  await showToPhones(server);
  closeOnSignal(server);
  reloadOnSignal(server, read);
}

/** In a terminal: the address of the page for the camera of a phone. Browsers give theirs only to https pages. */
async function showToPhones({ networkUrls: [url] }: DepthServer): Promise<void> {
  if (!process.stdout.isTTY || url === undefined || !url.startsWith('https:')) return;
  const { renderUnicodeCompact } = await import('uqr');
  say(
    ...renderUnicodeCompact(url, { border: 2 })
      .split('\n')
      .map((line) => `  ${line}`),
    '',
  );
}

/** SIGTERM drains, Ctrl-C does not wait; both end sessions cleanly. A second signal, or a close that hangs, ends at once. */
function closeOnSignal({ drain, close, context }: DepthServer): void {
  let closing = false;
  const onSignal = async (signal: NodeJS.Signals) => {
    if (closing) process.exit(130);
    closing = true;
    if (signal === 'SIGTERM') await drain(context.config.server.drainSeconds);
    else say('', style.dim('closing sessions; once more to stop at once'));
    setTimeout(() => process.exit(1), CLOSE_MS).unref();
    await close(signal === 'SIGINT' ? 'server stopped' : 'server shutting down');
    process.exit(0);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}

/** SIGHUP: takes over what may change; settings that cannot be read leave everything as it is. */
function reloadOnSignal(server: DepthServer, read: () => Config): void {
  process.on('SIGHUP', () => {
    const { log } = server.context;
    try {
      server.reload(read());
    } catch (thrown) {
      const { code, message } = toDepthcastError(thrown);
      log.error({ code }, `settings not reloaded: ${message}`);
    }
  });
}

const sizeOption = (text: string): number | 'auto' => (text === 'auto' ? text : integer(16, 4096)(text));
