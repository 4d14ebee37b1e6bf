import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { keyPaths } from '../config/load.ts';
import { evalCommand } from './eval.ts';
import { modelsCommand } from './models.ts';
import { runCommand } from './run.ts';
import { serveCommand } from './serve.ts';
import { SettingOption, settingsOf } from './setting-option.ts';

const COMMANDS = [
  serveCommand('1'),
  runCommand(),
  evalCommand('1'),
  modelsCommand().commands.find((command) => command.name() === 'pull')!,
];

/** Options that are named like a setting and are something else. */
const OTHERS: Record<string, string[]> = {
  // Of one file and not of a server: a scene's rate, the official scripts' default size, metres by --encoder, a layout to write besides.
  run: ['fps', 'targetFps', 'metric', 'inputSize', 'layout'],
  // Of one of several models that are compared.
  eval: ['metric', 'inputSize'],
};

describe('options of the command line', () => {
  it('of serve set a key each, but for two', () => {
    const others = COMMANDS[0]!.options.filter((option) => !(option instanceof SettingOption));
    expect(others.map((option) => option.attributeName())).toEqual(['config', 'printConfig']);
  });

  it.each(COMMANDS.map((command) => [command.name(), command] as const))(
    '%s: each that is named like a setting sets it, and each has its text',
    (name, command) => {
      const names = new Set([...keyPaths().map((key) => key.split('.')[1]), 'inputSize']);
      const plain = command.options.filter((option) => !(option instanceof SettingOption));
      const alike = plain.map((option) => option.attributeName()).filter((attribute) => names.has(attribute));
      expect(alike.sort()).toEqual([...(OTHERS[name] ?? [])].sort());
      for (const { description, flags } of command.options) expect(description, flags).toMatch(/^\S.{3,}/);
      const keys = command.options.flatMap((option) => (option instanceof SettingOption ? [option.key] : []));
      for (const key of keys) expect(keyPaths()).toContain(key);
      expect(new Set(keys).size).toBe(keys.length);
    },
  );
});

describe('SettingOption', () => {
  const command = () =>
    new Command()
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .addOption(new SettingOption('server.port', '--port <number>', 'port'))
      .addOption(new SettingOption('depth.size', '--size <pixels|auto>', 'size'))
      .addOption(new SettingOption('depth.model', '--model <name>', 'model'))
      .addOption(new SettingOption('log.level', '--level <level>', 'level'))
      .addOption(new SettingOption('sources.scenes', '--scene <name...>', 'scenes'))
      .addOption(new SettingOption('depth.metric', '--metric', 'metres'))
      .addOption(new SettingOption('depth.precision', '--fp32', '32 bits', { value: 'fp32' }))
      .addOption(new SettingOption('depth.sceneCuts', '--no-scene-cuts', 'none', { value: false }));
  const parse = (...args: string[]) => settingsOf(command().parse(args, { from: 'user' }));

  it('sets nothing that was not asked for', () => expect(parse()).toEqual({}));

  it('gives values of the types in the schema', () => {
    const words = '--port 9000 --size auto --model 123 --level debug --scene a b --metric --fp32 --no-scene-cuts';
    expect(parse(...words.split(' '))).toEqual({
      'server.port': 9000,
      'depth.size': 'auto',
      'depth.model': '123',
      'log.level': 'debug',
      'sources.scenes': ['a', 'b'],
      'depth.metric': true,
      'depth.precision': 'fp32',
      'depth.sceneCuts': false,
    });
    expect(parse('--size', '256')).toEqual({ 'depth.size': 256 });
  });

  it.each([
    [['--port', '70000'], /<=65535/],
    [['--port', '80.5'], /int/],
    [['--port', 'http'], /expected number/],
    [['--size', 'large'], /expected number.*"auto"/],
    [['--size', '3'], />=16/],
    [['--level', 'loud'], /trace, debug, info/],
    [['--scene', ...Array<string>(17).fill('a')], /16/],
  ])('refuses %j as the schema does', (args, message) => {
    expect(() => parse(...args)).toThrow(message);
  });

  it("tells the schema's default and its choices in the help", () => {
    const help = command().helpInformation();
    expect(help).toContain('port (default: 8080)');
    expect(help).toContain('model (default: depthcast-nano)');
    expect(help).toMatch(/level \(default: info\)[\s\S]*"silent"/);
  });
});
