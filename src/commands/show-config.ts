/** `config`: what the configuration and the command line come to, and where each value is from. Reads no capture. */
import type { Command } from 'commander';
import type { Detector } from '../detect/detector.ts';
import { sanitise } from '../model/sanitise.ts';
import { settingFormats } from '../report/index.ts';
import type { SettingRow } from '../report/setting-rows.ts';
import { keyPath } from './config-schema.ts';
import type { Config } from './config.ts';
import { chosenFormat, type Flags, failOn, resultOptions, ruleOptions, screenOptions, settingOptions, tablePage } from './options.ts';
import { writeResult } from './output.ts';
import { configOf, rulesOf, type Settings, settingsOf } from './settings.ts';
import type { World } from './world.ts';

export function declareConfig(command: Command): Command {
  const described = command.description('the settings that count, and where each is from: command line, configuration, default');
  return screenOptions(settingOptions(ruleOptions(resultOptions(described, settingFormats)))).option(
    '--no-tui',
    'text even on a terminal (only tcpdiag without a command opens the TUI)',
  );
}

export async function showConfig(world: World, flags: Flags): Promise<number> {
  const format = chosenFormat(flags, settingFormats, 'config');
  const settings = await settingsOf(world, flags); // says what is wrong with them
  failOn(settings.flags);
  const rows = settingsIn(flags, await configOf(world, flags), settings, await rulesOf(world, flags));
  await writeResult(world, format(rows, tablePage(world, flags)), flags.output);
  return 0;
}

type From = SettingRow['from'];

function* settingsIn(flags: Flags, config: Config | null, settings: Settings, rules: readonly Detector[]): Generator<SettingRow> {
  const { options, flags: words, tui } = settings;
  const from = (given: unknown, configured: unknown): From =>
    given !== undefined ? 'command line' : configured !== undefined ? 'configuration' : 'default';
  const chosen = flags.only !== undefined || flags.skip !== undefined;
  const listFrom = (key: 'only' | 'skip'): From => from(flags[key], chosen ? undefined : config?.[key]);

  yield {
    key: 'config',
    value: config === null ? null : sanitise(config.file),
    from: flags.config !== undefined ? 'command line' : config === null ? 'default' : 'working directory',
  };
  yield { key: 'only', value: options.only ?? null, from: listFrom('only') };
  yield { key: 'skip', value: options.skip ?? null, from: listFrom('skip') };
  yield* thresholds(options.set ?? {}, flags, rules);
  yield { key: 'profile', value: words.profile ?? null, from: from(flags.profile, config?.profile) };
  yield { key: 'failOn', value: words.failOn ?? null, from: from(flags.failOn, config?.failOn) };
  yield { key: 'maxMemory', value: options.maxMemory ?? null, from: from(flags.maxMemory, config?.maxMemory) };
  yield* ownRules(flags, config);
  yield* names(config);
  yield { key: 'tui.off', value: flags.tui === false || tui.off === true, from: from(notTrue(flags.tui), tui.off), default: false };
  yield { key: 'tui.ascii', value: flags.ascii ?? tui.ascii ?? false, from: from(flags.ascii, tui.ascii), default: false };
  yield {
    key: 'tui.mouse',
    value: flags.mouse !== false && tui.mouse !== false,
    from: from(notTrue(flags.mouse), tui.mouse),
    default: true,
  };
  const keys = Object.entries(tui.keys ?? {});
  for (const [name, value] of keys) yield { key: keyPath('tui.keys', name), value, from: 'configuration' };
  if (keys.length === 0) yield { key: 'tui.keys', value: null, from: 'default' };
}

/** commander says true of `--no-x` that nobody gave. */
const notTrue = (flag: boolean | undefined): false | undefined => (flag === false ? false : undefined);

function* thresholds(set: Readonly<Record<string, number>>, flags: Flags, rules: readonly Detector[]): Generator<SettingRow> {
  const given = new Set((flags.set ?? []).map((word) => word.slice(0, word.indexOf('='))));
  for (const [name, value] of Object.entries(set)) {
    const [id = '', param = ''] = name.split('.');
    const usual = rules.find((rule) => rule.id === id)?.params[param]?.default;
    yield {
      key: keyPath('set', name),
      value,
      from: given.has(name) ? 'command line' : 'configuration',
      ...(usual === undefined ? {} : { default: usual }),
    };
  }
  if (Object.keys(set).length === 0) yield { key: 'set', value: null, from: 'default' };
}

function* ownRules(flags: Flags, config: Config | null): Generator<SettingRow> {
  const all = [
    ...(config?.rules ?? []).map((url): [string, From] => [decodeURIComponent(new URL(url).pathname), 'configuration']),
    ...(flags.rules ?? []).map((path): [string, From] => [path, 'command line']),
  ];
  for (const [i, [value, from]] of all.entries()) yield { key: `rules[${String(i)}]`, value, from };
  if (all.length === 0) yield { key: 'rules', value: null, from: 'default' };
}

function* names(config: Config | null): Generator<SettingRow> {
  const hosts = Object.entries(config?.hosts ?? {});
  for (const [address, host] of hosts) {
    for (const [what, value] of Object.entries<string>({ ...host }))
      yield { key: `${keyPath('hosts', address)}.${what}`, value, from: 'configuration' };
  }
  if (hosts.length === 0) yield { key: 'hosts', value: null, from: 'default' };
  const services = Object.entries(config?.services ?? {});
  for (const [address, value] of services) yield { key: keyPath('services', address), value, from: 'configuration' };
  if (services.length === 0) yield { key: 'services', value: null, from: 'default' };
}
