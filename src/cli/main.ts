#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { toDepthcastError } from '../errors.ts';
import { agentCommand } from './agent.ts';
import { doctorCommand } from './doctor.ts';
import { evalCommand } from './eval.ts';
import { modelsCommand } from './models.ts';
import { runCommand } from './run.ts';
import { serveCommand } from './serve.ts';
import { complain, style } from './terminal.ts';

// src/cli/ and dist/server/cli/ lie at different depths.
const root = import.meta.url.includes('/dist/server/') ? '../../../' : '../../';
const { version } = JSON.parse(readFileSync(new URL(`${root}package.json`, import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('depthcast')
  .description('Live depth server: video in over WebRTC, depth back within milliseconds.')
  .version(version)
  .configureHelp({ showGlobalOptions: true })
  .showHelpAfterError('(depthcast --help lists what there is)')
  .addCommand(serveCommand(version))
  .addCommand(runCommand())
  .addCommand(evalCommand(version))
  .addCommand(modelsCommand())
  .addCommand(agentCommand(version))
  .addCommand(doctorCommand(version));

try {
  await program.parseAsync();
} catch (thrown) {
  const error = toDepthcastError(thrown);
  complain(`${style.red('error')} ${style.dim(error.code)} ${error.message}`);
  if (error.code === 'INTERNAL' && thrown instanceof Error)
    complain(...(thrown.stack ?? '').split('\n').map(style.dim));
  process.exitCode = 1;
}
