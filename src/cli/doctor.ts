import { Command } from 'commander';
import type { Finding } from './doctor/finding.ts';
import { DEFAULT_CONFIG } from './options.ts';
import { say, sayJson, style } from './terminal.ts';

const MARK = { ok: style.green('ok  '), warn: style.yellow('warn'), fail: style.red('fail') };

export function doctorCommand(version: string): Command {
  return new Command('doctor')
    .description('look at this machine: what depthcast needs, what there is, and what to do about each problem')
    .option('-c, --config <file>', `settings to examine (default: ${DEFAULT_CONFIG}, where it exists)`)
    .option('--json', 'printFinding JSON')
    .addHelpText(
      'after',
      `
Contacts nothing outside this machine. Exit status: 1 when something fails, 0 otherwise.

Examples:
  depthcast doctor
  depthcast doctor --config config/depthcast.yaml --json`,
    )
    .action(async ({ config, json }: { config?: string; json?: boolean }) => {
      const { examine } = await import('./doctor/examine.ts');
      let area = '';
      const findings = await examine(config, (finding) => {
        if (json) return;
        if (finding.area !== area) say(...(area === '' ? [] : ['']), style.bold(finding.area));
        area = finding.area;
        printFinding(finding);
      });
      const count = (state: Finding['state']) => findings.filter((finding) => finding.state === state).length;
      const failed = count('fail');
      if (json) sayJson({ version, ok: failed === 0, findings }, { indent: 2 });
      else
        say(
          '',
          `${failed === 0 ? style.green('depthcast can run here') : style.red(`${failed} failed`)}${style.dim(`; ${count('warn')} warnings`)}`,
        );
      // A look that hung may hold the process.
      process.stdout.write('', () => process.exit(failed === 0 ? 0 : 1));
    });
}

function printFinding({ state, name, value, advice }: Finding): void {
  say(`  ${MARK[state]}  ${name.padEnd(15)} ${value}`);
  if (advice !== undefined) say(`        ${style.dim(`→ ${advice}`)}`);
}
