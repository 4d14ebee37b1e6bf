import { Command } from 'commander';
import { printConfig } from '../config/print.ts';
import type { Config } from '../config/schema.ts';
import { toDepthcastError } from '../errors.ts';
import type { DepthServer } from '../server/server.ts';
import { DEFAULT_CONFIG, readSettings } from './options.ts';
import { deviceOption, modelOption, SettingOption, settingsOf, threadsOption } from './setting-option.ts';
import { createLog, say, style } from './terminal.ts';

/** Sessions that do not end within this are cut. */
const CLOSE_MS = 5000;

export function serveCommand(version: string): Command {
  return new Command('serve')
    .description('serve the page, WebRTC signalling (/ws, WHIP, WHEP) and metrics')
    .option('-c, --config <file>', `settings (default: ${DEFAULT_CONFIG}, where it exists)`)
    .addOption(new SettingOption('server.port', '-p, --port <number>', 'TCP port'))
    .addOption(new SettingOption('server.host', '--host <address>', 'address to listen on; 0.0.0.0 for the network'))
    .addOption(
      new SettingOption(
        'tls.generate',
        '--https',
        'https with a certificate made here, on every address, so that a phone may open the page',
      ),
    )
    .addOption(new SettingOption('tls.cert', '--tls-cert <file>', 'https with this certificate chain (PEM)'))
    .addOption(new SettingOption('tls.key', '--tls-key <file>', 'its key (PEM)'))
    .addOption(modelOption())
    .addOption(
      new SettingOption(
        'depth.size',
        '--size, --input-size <pixels|auto>',
        'network size, or the largest that holds the target',
        { defaultText: "the model's own" },
      ),
    )
    .addOption(new SettingOption('depth.metric', '--metric', 'the checkpoint named by --model gives metres'))
    .addOption(
      new SettingOption('depth.precision', '--precision <type>', 'of the network', {
        defaultText: "the model's own, see: models list",
      }),
    )
    .addOption(deviceOption())
    .addOption(threadsOption('threads of each depth worker', 'measured at start'))
    .addOption(
      new SettingOption('sources.scenes', '--scene <name...>', 'publish synthetic scenes, as streams scene-NAME'),
    )
    .addOption(new SettingOption('log.level', '--log-level <level>', 'least severe messages that are logged'))
    .option('--print-config', 'print the settings in force as YAML, without secrets, and exit')
    .addHelpText(
      'after',
      '\nEnvironment: DEPTHCAST_SECTION_KEY overrides any setting, as DEPTHCAST_SERVER_PORT=9000. SIGHUP reads the settings again.',
    )
    .action((_options, command: Command) => serve(command, version));
}

async function serve(command: Command, version: string): Promise<void> {
  const { config: file, printConfig: print } = command.opts<{ config?: string; printConfig?: boolean }>();
  const given = settingsOf(command);
  // A certificate made here is for other machines: phones, above all.
  if (given['tls.generate'] === true) given['server.host'] ??= '0.0.0.0';
  const read = () => readSettings(file, given);
  const config = read();
  if (print) {
    say(...printConfig(config).trimEnd().split('\n'));
    return;
  }
  const { startServer } = await import('../server/server.ts');
  const server = await startServer({ config, version, log: createLog(config.log.level) });
  const { pool } = server.context;
  const { manifest } = pool.models[0]!;
  const line = (name: string, text: string) => say(`  ${style.dim(name.padEnd(9))}${text}`);
  say('', `${style.bold('depthcast')} ${style.dim(version)} is ready`, '');
  line('page', style.cyan(server.url));
  for (const url of server.networkUrls) line('', style.cyan(url));
  line(
    'model',
    `${manifest.name} ${style.dim(`${pool.sizeOf(manifest)} px, ${pool.workers[0]!.model.precision}, ${manifest.unit}`)}`,
  );
  line('device', server.context.device);
  line('publish', `${server.url}/whip/NAME`);
  line('view', `${server.url}/whep/NAME`);
  if (server.foxgloveUrl) line('foxglove', server.foxgloveUrl);
  line('metrics', `${server.url}/metrics`);
  const phone = phonePage(server);
  if (phone) line('phone', style.cyan(phone));
  if (server.certificate?.generated) line('sha256', style.dim(server.certificate.fingerprint));
  line('stop', 'Ctrl-C');
  say('');
  if (phone && process.stdout.isTTY) await showCode(phone);
  closeOnSignal(server);
  reloadOnSignal(server, read);
}

/** Its page for phones, where they can use it: browsers give their camera only to https pages. */
function phonePage({ networkUrls: [url] }: DepthServer): string | undefined {
  return url?.startsWith('https:') ? `${url}/ar` : undefined;
}

/** In a terminal, for the camera of a phone. */
async function showCode(url: string): Promise<void> {
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
