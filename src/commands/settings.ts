/** What a command works with: the words of the command line over those of the configuration, checked before a byte of a capture is read. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Detector } from '../detect/detector.ts';
import type { AnalysisOptions } from '../engine/analysis.ts';
import { sanitise } from '../model/sanitise.ts';
import { checkConfig, type Config, readConfig, type TuiConfig } from './config.ts';
import { type Flags, resolveAnalysis } from './options.ts';
import { say } from './say.ts';
import type { World } from './world.ts';

/** Of the machine's memory, for this program where nobody says how much. */
const MEMORY_SHARE = 1 / 2;

export interface Settings {
  /** The words that count, wherever they stood. */
  readonly flags: Flags;
  readonly options: AnalysisOptions;
  readonly tui: TuiConfig;
}

export async function settingsOf(world: World, flags: Flags): Promise<Settings> {
  const config = await configOf(world, flags);
  const own = ownRules(world, flags, config);
  const words = merged(flags, config);
  const rules = needsRules(words, config, own) ? await world.rules(own) : [];
  if (config !== null) checkConfig(config, rules);
  const share = world.memory() * MEMORY_SHARE;
  const options: AnalysisOptions = {
    ...(Number.isFinite(share) ? { maxMemory: share } : {}),
    ...resolveAnalysis(words, rules),
    ...(config?.hosts === undefined ? {} : { hosts: config.hosts }),
    ...(config?.services === undefined ? {} : { services: config.services }),
    ...(own.length === 0 ? {} : { rules: own }),
  };
  return { flags: words, options, tui: config?.tui ?? {} };
}

/** The rules that there are, those of the user's own included. */
export async function rulesOf(world: World, flags: Flags): Promise<readonly Detector[]> {
  return world.rules(ownRules(world, flags, await configOf(world, flags)));
}

/** null: there is none. */
export async function configOf(world: World, flags: Flags): Promise<Config | null> {
  const config = await readConfig(world.folder, flags.config);
  if (config !== null && flags.verbose === true) await say(world, `tcpdiag: configuration: ${sanitise(config.file)}`);
  return config;
}

/** As URLs, so that whoever loads them needs no working directory. */
const ownRules = (world: World, flags: Flags, config: Config | null): readonly string[] => [
  ...(config?.rules ?? []),
  ...(flags.rules ?? []).map((path) => pathToFileURL(resolve(world.folder, path)).href),
];

/** `--only` and `--skip` are one choice: whoever makes it on the command line makes it anew. Thresholds are changed one by one. */
function merged(flags: Flags, config: Config | null): Flags {
  if (config === null) return flags;
  const chosen = flags.only !== undefined || flags.skip !== undefined;
  const set = Object.entries(config.set ?? {}).map(([name, value]) => `${name}=${String(value)}`);
  return {
    ...(chosen || config.only === undefined ? {} : { only: config.only }),
    ...(chosen || config.skip === undefined ? {} : { skip: config.skip }),
    ...(config.profile === undefined ? {} : { profile: config.profile }),
    ...(config.failOn === undefined ? {} : { failOn: config.failOn }),
    ...(config.maxMemory === undefined ? {} : { maxMemory: config.maxMemory }),
    ...flags,
    ...(set.length === 0 ? {} : { set: [...set, ...(flags.set ?? [])] }),
  };
}

/** They are loaded only when their names matter. */
const needsRules = (words: Flags, config: Config | null, own: readonly string[]): boolean =>
  config !== null || own.length > 0 || [words.only, words.skip, words.set, words.where].some((word) => word !== undefined);
