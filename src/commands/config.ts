/**
 * The configuration: the file that `--config` names, else `tcpdiag.config.json` in the working directory. What stands on the command
 * line counts before it. A file that is broken, or names what does not exist, ends the program with a sentence that points at the key.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Detector } from '../detect/detector.ts';
import { checkSetting, ruleNamed } from '../engine/option-check.ts';
import { parseEndpoint, parsePrefix } from '../model/address.ts';
import { TcpdiagError, UnreadableError, UsageError } from '../model/errors.ts';
import { isPort, type NamedHost } from '../model/names.ts';
import { sanitise } from '../model/sanitise.ts';
import { parseHostProfiles } from '../track/host-profiles.ts';
import { CONFIG_SCHEMA, keyPath, mistakeIn } from './config-schema.ts';
import { sizeFlag } from './options.ts';

export const CONFIG_NAME = 'tcpdiag.config.json';

/** The screen. */
export interface TuiConfig {
  readonly off?: boolean;
  readonly ascii?: boolean;
  readonly mouse?: boolean;
  /** Keys by the name of their command. */
  readonly keys?: Readonly<Record<string, readonly string[]>>;
}

/** As config-schema.ts describes it. */
interface ConfigFile {
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  readonly set?: Readonly<Record<string, number>>;
  readonly profile?: string;
  readonly failOn?: string;
  readonly maxMemory?: string;
  readonly rules?: readonly string[];
  readonly hosts?: Readonly<Record<string, NamedHost>>;
  readonly services?: Readonly<Record<string, string>>;
  readonly tui?: TuiConfig;
}

export interface Config extends ConfigFile {
  /** As the user knows the file. */
  readonly file: string;
  /** Files with rules, as URLs. */
  readonly rules: readonly string[];
}

/**
 * @param named the word behind `--config`; `false` for `--no-config`
 * @returns null where there is none
 */
export async function readConfig(folder: string, named: string | false | undefined): Promise<Config | null> {
  if (named === false) return null;
  const file = named ?? CONFIG_NAME;
  const path = resolve(folder, file);
  const text = await textOf(path, file, named !== undefined);
  if (text === null) return null;
  const config = parsed(text, file);
  // A folder with a capture that somebody sent may hold such a file: it may say what to report, and not what to run.
  if (named === undefined && (config.rules?.length ?? 0) > 0) {
    throw at(file, 'rules', 'names code to run, and a file that nobody asked for may not do that', {
      hint: `--config ${CONFIG_NAME} says that it may; --no-config leaves the file aside.`,
    });
  }
  return { ...config, file, rules: (config.rules ?? []).map((rule) => pathToFileURL(resolve(dirname(path), rule)).href) };
}

async function textOf(path: string, file: string, wanted: boolean): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !wanted) return null;
    const why =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EISDIR'
          ? 'it is a directory'
          : code === 'EACCES'
            ? 'permission denied'
            : message;
    throw new UnreadableError(`cannot read the configuration "${sanitise(file)}": ${why}.`);
  }
}

function parsed(text: string, file: string): ConfigFile {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    throw new UsageError(`${quoted(file)} is not JSON: ${sanitise(placed((error as SyntaxError).message, text), 200)}.`);
  }
  const mistake = mistakeIn(value, CONFIG_SCHEMA);
  if (mistake !== null) throw at(file, mistake.key, mistake.problem);
  return value as ConfigFile;
}

/** V8 says either `… in JSON at position 42`, here as a line and a column, or what stands around the place. */
function placed(message: string, text: string): string {
  const [, what, position] = /^(.*?) (?:in JSON )?at position (\d+)/s.exec(message) ?? [];
  if (what === undefined) return message.replace(/, (.*) is not valid JSON$/s, ' in $1');
  const before = text.slice(0, Number(position)).split('\n');
  return `${what} in line ${String(before.length)}, column ${String((before.at(-1)?.length ?? 0) + 1)}`;
}

/** Are there the rules, parameters, kernels and addresses that it names? */
export function checkConfig(config: Config, rules: readonly Detector[]): void {
  const { file } = config;
  const check = (key: string, look: () => unknown): void => {
    try {
      look();
    } catch (error) {
      if (error instanceof TcpdiagError) throw at(file, key, `cannot be: ${error.message}`, { hint: error.hint });
      throw error;
    }
  };
  for (const key of ['only', 'skip'] as const) config[key]?.forEach((id, i) => check(`${key}[${String(i)}]`, () => ruleNamed(id, rules)));
  for (const [name, value] of Object.entries(config.set ?? {})) check(keyPath('set', name), () => checkSetting(name, value, rules));
  check('profile', () => parseHostProfiles(config.profile));
  if (config.maxMemory !== undefined) check('maxMemory', () => sizeFlag(config.maxMemory ?? ''));
  for (const word of Object.keys(config.hosts ?? {}))
    if (parsePrefix(word) === null) throw at(file, keyPath('hosts', word), 'is no address and no prefix');
  for (const word of Object.keys(config.services ?? {}))
    if (parseEndpoint(word) === null && !isPort(word)) throw at(file, keyPath('services', word), 'is neither address:port nor a port');
}

function at(file: string, key: string, problem: string, options: { hint?: string | undefined } = {}): UsageError {
  const { hint } = options;
  return new UsageError(
    `${quoted(file)}: ${key === '' ? 'the configuration' : key} ${problem}.`.replace(/([.?])\.$/, '$1'),
    hint === undefined ? {} : { hint },
  );
}

const quoted = (file: string): string => `"${sanitise(file)}"`;
