/**
 * The options that commands share: how they are declared, what their words mean, and a sentence for each word that means nothing.
 * Values are checked against the rules, formats and profiles that exist, before a byte of the capture is read.
 */
import { basename, extname } from 'node:path';
import { type Command, Option } from 'commander';
import type { Detector } from '../detect/detector.ts';
import type { AnalysisOptions } from '../engine/analysis.ts';
import { checkSetting, ruleNamed } from '../engine/option-check.ts';
import { parseDurationArgument, parseTimeArgument, type TimeArgument } from '../model/clock.ts';
import { UsageError } from '../model/errors.ts';
import { atLeast, type Finding, SEVERITIES } from '../model/finding.ts';
import { sanitise } from '../model/sanitise.ts';
import { type Formats, FORMATS_BY_EXTENSION, type Formatter, type Pieces } from '../report/index.ts';
import { DEFAULT_WIDTH, type Page } from '../report/layout.ts';
import { didYouMean } from '../model/nearest.ts';
import { PROFILES } from '../model/profiles.ts';
import type { Nanos } from '../model/units.ts';
import { parseWhere } from '../model/where/parse.ts';
import { parseHostProfiles } from '../track/host-profiles.ts';
import { MAX_SHARDS, type Shard } from '../track/shard.ts';
import type { World } from './world.ts';

/** As commander hands them over: what was not given is not there. */
export interface Flags {
  readonly format?: string;
  readonly output?: string;
  readonly json?: true;
  readonly where?: string;
  readonly from?: string;
  readonly to?: string;
  readonly count?: string;
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  readonly set?: readonly string[];
  /** false: `--no-config`. */
  readonly config?: string | false;
  readonly rules?: readonly string[];
  readonly profile?: string;
  readonly capturedUntil?: string;
  readonly payload?: boolean;
  readonly maxMemory?: string;
  readonly failOn?: string;
  readonly checksum?: true;
  readonly shard?: string;
  readonly crossRead?: true;
  /** Of `extract`: where to, and what. */
  readonly write?: string;
  readonly finding?: string;
  readonly connection?: string;
  readonly context?: string;
  readonly anonymize?: true;
  readonly anonymizeKey?: string;
  readonly at?: string;
  readonly every?: string;
  readonly diff?: string;
  readonly host?: string;
  readonly tui?: boolean;
  readonly ascii?: true;
  readonly mouse?: boolean;
  readonly color?: boolean;
  readonly progress?: boolean;
  readonly quiet?: true;
  readonly verbose?: true;
  readonly stats?: true;
}

const gather = (word: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), word];
const gatherList = (words: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  ...words.split(',').filter((w) => w !== ''),
];

/** `-f`, `-o`, `--json` and how loud to be: for everything that prints a result. */
export function resultOptions<T, P extends Pieces>(command: Command, formats: Formats<T, P> | null): Command {
  if (formats !== null) {
    const names = Object.keys(formats.byName);
    const format = new Option('-f, --format <format>', `${names.join(', ')} (default: what -o ends in, or ${formats.standard})`);
    format.argChoices = names; // for completion; not .choices(): the sentence for a word that means nothing is ours
    command.addOption(format).option('--json', `the same as -f ${formats.machine}`);
  }
  return command
    .option('-o, --output <file>', 'write to this file instead of standard output')
    .option('--no-color', 'no colours (the variable NO_COLOR does the same)')
    .option('-q, --quiet', 'no warnings')
    .option('-v, --verbose', 'say more on standard error');
}

/** For everything that knows rules. */
export function ruleOptions(command: Command): Command {
  return command
    .addOption(new Option('--rules <file>', 'load rules of your own from this JavaScript file (docs/own-rules.md)').argParser(gather))
    .option('--config <file>', 'take this configuration (default: tcpdiag.config.json in the working directory, if there is one)')
    .option('--no-config', 'take none');
}

/** Which rules, and what they find severe. */
export function judgingOptions(command: Command): Command {
  return command
    .addOption(new Option('--only <rules>', 'report only these rules (comma-separated)').argParser(gatherList))
    .addOption(new Option('--skip <rules>', 'leave these rules out (comma-separated)').argParser(gatherList))
    .addOption(new Option('--set <rule.param=value>', 'change a threshold; tcpdiag rules lists them').argParser(gather))
    .option('--fail-on <severity>', `exit 1 when a finding is at least this severe: ${SEVERITIES.join(', ')}`);
}

/** What a configuration can say, too. */
export function settingOptions(command: Command): Command {
  return judgingOptions(command)
    .option(
      '--profile <name>',
      `kernel of the hosts, instead of guessing it from their SYNs: ${PROFILES.map((p) => p.name).join(', ')}; or of some: 10.0.0.0/8=windows,linux`,
    )
    .option(
      '--max-memory <size>',
      'fold connections into counts rather than take more than this: 512M, 2G (default: half of what the machine or its container has)',
    );
}

/** How the screen is drawn and driven. */
export function screenOptions(command: Command): Command {
  return command
    .option('--ascii', 'draw the TUI without Unicode')
    .option('--no-mouse', 'leave wheel and clicks to the terminal, so that text can be selected');
}

/** For everything that reads a capture. */
export function analysisOptions(command: Command): Command {
  return sayingOptions(
    settingOptions(ruleOptions(command))
      .option('--to <time>', 'stop reading after this time (RFC 3339 in UTC, epoch seconds, or +SECONDS from the first packet)')
      .option('-c, --count <n>', 'stop reading after this many packets')
      .option('--captured-until <time>', 'the capture ran until then although nothing more came'),
  );
}

/** For everything that analyses: what is shown of it, and on the way. */
export function sayingOptions(command: Command): Command {
  return command
    .option('--no-payload', 'show nothing of what applications sent: no last requests, no names from packets')
    .option('--no-progress', 'no progress line')
    .option('--stats', 'say on standard error how fast it was and where the memory went')
    .option('--no-tui', 'text even on a terminal (only tcpdiag without a command opens the TUI)');
}

/** For everything that lists what an analysis found. What is left out changes nothing of what is shown. */
export function filterOptions(command: Command): Command {
  return command
    .option(
      '--where <expr>',
      'report only connections that match, and the findings that concern them: server.port:3306 duration>60 close-wait not 10.0.0.0/8',
    )
    .option('--from <time>', 'report only what was still so then; packets before it are analysed all the same');
}

type AnyFormats = Formats<never, Pieces>;

/** The formatter that `-f` or `--json` asks for; where neither is given, the one that the end of the result's name stands for. */
export function chosenFormat<T, P extends Pieces>(flags: Flags, formats: Formats<T, P>, command: string): Formatter<T, P> {
  const name = chosenName(flags, formats, command);
  const formatter = Object.hasOwn(formats.byName, name) ? formats.byName[name] : undefined;
  if (formatter !== undefined) return formatter;
  const names = Object.keys(formats.byName);
  throw new UsageError(`${command} has no format ${quoted(name)}${didYouMean(name, names) || `; it has ${names.join(', ')}.`}`);
}

/** Throws UsageError, before a long analysis, where the result would be octets on somebody's screen. */
export function refuseOctetsOnTerminal(world: World, flags: Flags, formats: AnyFormats, command: string): void {
  const name = chosenName(flags, formats, command);
  if (!world.stdout.isTTY || !toStdout(flags) || formats.binary?.includes(name) !== true) return;
  throw new UsageError(`${name} is nothing to look at: -o FILE.${name} writes it to a file.`);
}

function chosenName(flags: Flags, formats: AnyFormats, command: string): string {
  if (flags.format !== undefined && flags.json === true && flags.format !== formats.machine) {
    throw new UsageError(`--json means -f ${formats.machine}, and -f ${quoted(flags.format)} was given too; use one of them.`);
  }
  return flags.format ?? (flags.json === true ? formats.machine : (formatByName(flags, formats, command) ?? formats.standard));
}

/** `x.md` is Markdown. An end that stands for a format which the command does not have is no word for its standard one. */
function formatByName(flags: Flags, formats: AnyFormats, command: string): string | undefined {
  const file = toStdout(flags) ? '' : (flags.output ?? '');
  const meant = FORMATS_BY_EXTENSION.get(extname(file).slice(1).toLowerCase());
  if (meant === undefined) return undefined;
  const name = meant.find((format) => Object.hasOwn(formats.byName, format));
  if (name !== undefined) return name;
  throw new UsageError(`${command} has no format ${quoted(meant[0] ?? '')}, which the name ${quoted(basename(file))} asks for.`, {
    hint: `It has ${Object.keys(formats.byName).join(', ')}; -f says which of them to write, whatever the file is called.`,
  });
}

/** Checked against `rules`; throws UsageError with the nearest word that exists. */
export function resolveAnalysis(flags: Flags, rules: readonly Detector[]): AnalysisOptions {
  for (const id of [...(flags.only ?? []), ...(flags.skip ?? [])]) ruleNamed(id, rules);
  if (flags.where !== undefined)
    parseWhere(
      flags.where,
      rules.map((r) => r.id),
    );
  return {
    ...(flags.where === undefined ? {} : { where: flags.where }),
    ...(flags.from === undefined ? {} : { from: timeFlag('--from', flags.from) }),
    ...(flags.to === undefined ? {} : { to: timeFlag('--to', flags.to) }),
    ...(flags.count === undefined ? {} : { count: countFlag(flags.count) }),
    ...(flags.only === undefined ? {} : { only: flags.only }),
    ...(flags.skip === undefined ? {} : { skip: flags.skip }),
    ...(flags.set === undefined ? {} : { set: Object.fromEntries(flags.set.map((word) => settingFlag(word, rules))) }),
    ...(flags.profile === undefined ? {} : { profile: profileFlag(flags.profile) }),
    ...(flags.payload === false ? { payload: false } : {}),
    ...(flags.maxMemory === undefined ? {} : { maxMemory: sizeFlag(flags.maxMemory) }),
    ...(flags.shard === undefined ? {} : { shard: shardFlag(flags.shard) }),
    ...(flags.capturedUntil === undefined ? {} : { capturedUntil: timeFlag('--captured-until', flags.capturedUntil) }),
  };
}

export function timeFlag(flag: string, word: string): TimeArgument {
  const time = parseTimeArgument(word);
  if (time !== undefined) return time;
  throw new UsageError(`${quoted(word)} is not a time for ${flag}.`, {
    hint: 'A time is RFC 3339 in UTC (2026-11-20T08:33:00.5Z), epoch seconds (1795163580.5), or +SECONDS from the first packet (+12.5).',
  });
}

export function durationFlag(flag: string, word: string): Nanos {
  const duration = parseDurationArgument(word);
  if (duration !== undefined) return duration;
  throw new UsageError(`${flag} takes a duration above 0, as in 500ms, 10 (seconds) or 1m, not ${quoted(word)}.`);
}

/** Less than this, and there is no room for a capture beside the program itself. Octets. */
const LEAST_MEMORY = 128 * 2 ** 20;
const UNITS = ['', 'K', 'M', 'G', 'T'];

/** Octets, as `--max-memory` says them: units are powers of 1,024. */
export function sizeFlag(word: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/i.exec(word) ?? [];
  const octets = number === undefined ? 0 : Number(number) * 1_024 ** UNITS.indexOf(unit.toUpperCase());
  if (octets >= LEAST_MEMORY) return octets;
  throw new UsageError(`--max-memory takes a size from 128M on, as in 512M or 2G, not ${quoted(word)}.`);
}

function countFlag(word: string): number {
  const count = /^\d{1,15}$/.test(word) ? Number(word) : 0;
  if (count > 0) return count;
  throw new UsageError(`--count takes a number of packets from 1 on, not ${quoted(word)}.`);
}

function shardFlag(word: string): Shard {
  const [, index = '0', count = '0'] = /^(\d{1,4})\/(\d{1,4})$/.exec(word) ?? [];
  const shard = { index: Number(index) - 1, count: Number(count) };
  if (shard.index >= 0 && shard.index < shard.count && shard.count <= MAX_SHARDS) return shard;
  throw new UsageError(`--shard takes a part and their number, as in 1/4 to 4/4 and no more than ${MAX_SHARDS}, not ${quoted(word)}.`);
}

export function settingFlag(word: string, rules: readonly Detector[]): readonly [string, number] {
  const m = /^([^.=]+)\.([^.=]+)=(.*)$/.exec(word);
  if (!m) throw new UsageError(`--set takes RULE.PARAM=VALUE, as in close-wait-stuck.minSeconds=30, not ${quoted(word)}.`);
  const [, id = '', param = '', text = ''] = m;
  // Number() also takes '', '0x10' and 'Infinity', which nobody means.
  const isNumber = /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);
  checkSetting(`${id}.${param}`, isNumber ? Number(text) : text, rules);
  return [`${id}.${param}`, Number(text)];
}

function profileFlag(word: string): string {
  parseHostProfiles(word);
  return word;
}

/** 0, or 1 when `--fail-on` was given and one of the findings is severe enough. */
export function failOn(flags: Flags): (findings: readonly Finding[]) => number {
  if (flags.failOn === undefined) return () => 0;
  const limit = SEVERITIES.find((s) => s === flags.failOn);
  if (limit === undefined) {
    const near = didYouMean(flags.failOn, SEVERITIES);
    throw new UsageError(`--fail-on takes a severity (${SEVERITIES.join(', ')}), not ${quoted(flags.failOn)}${near || '.'}`);
  }
  return (findings) => (findings.some((f) => atLeast(f.severity, limit)) ? 1 : 0);
}

/** Colours only for a person at a terminal that has them, and only when nobody said no (https://no-color.org). */
export function coloursAllowed(world: World, flags: Flags): boolean {
  const refused = flags.color === false || (world.env.NO_COLOR ?? '') !== '' || world.env.TERM === 'dumb';
  return world.stdout.isTTY && toStdout(flags) && !refused;
}

export const toStdout = (flags: Flags): boolean => flags.output === undefined || flags.output === '-';

/** A document is wrapped to the terminal it goes to, or to a width that fits anywhere. */
export const documentPage = (world: World, flags: Flags): Page => ({
  width: (toStdout(flags) && world.stdout.isTTY ? world.stdout.columns : undefined) ?? DEFAULT_WIDTH,
  colour: coloursAllowed(world, flags),
});

/** A table keeps all its columns where no terminal limits it. */
export const tablePage = (world: World, flags: Flags): Page => ({
  width: (toStdout(flags) && world.stdout.isTTY ? world.stdout.columns : undefined) ?? Number.POSITIVE_INFINITY,
  colour: coloursAllowed(world, flags),
});

const quoted = (word: string): string => `"${sanitise(word, 200)}"`;
