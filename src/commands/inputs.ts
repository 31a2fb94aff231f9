/** Which captures are meant: the paths that were given, or standard input; and a helpful sentence when it is neither. */
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { UnknownFormatError, UnreadableError, UsageError } from '../model/errors.ts';
import { sanitise } from '../model/sanitise.ts';
import { didYouMean, nearest } from '../model/nearest.ts';
import type { World } from './world.ts';

export const STDIN = '-';

export interface Inputs {
  readonly paths: readonly string[];
  /** Words that name a file which another word already names. They are read as asked; the user should know that their packets count again. */
  readonly again: readonly string[];
  /** Nobody named it: standard input was taken because it is not a terminal. */
  readonly implicitStdin: boolean;
}

const HOW = 'tcpdiag FILE.pcap reads a capture, tcpdump -w - | tcpdiag reads a pipe, tcpdiag --help lists the commands.';

/** @param commands names that the first word may have been meant as; empty where a command was already given. */
export function resolveInputs(world: World, words: readonly string[], commands: readonly string[]): Inputs {
  if (words.length === 0) {
    if (world.stdin.isTTY) throw new UsageError('no capture was given.', { hint: HOW });
    return { paths: [STDIN], again: [], implicitStdin: true };
  }
  if (words.filter((w) => w === STDIN).length > 1) throw new UsageError('standard input (-) can be read only once.');
  words.forEach((word, i) => {
    if (word === '') throw new UsageError('a capture needs a name, and an empty one was given.', { hint: HOW });
    if (word !== STDIN && isMissing(word)) throw missing(word, i === 0 ? commands : []);
  });
  const seen = new Set<string>();
  const again: string[] = [];
  for (const word of words) {
    const identity = identityOf(word);
    if (seen.has(identity)) again.push(word);
    seen.add(identity);
  }
  return { paths: words, again, implicitStdin: false };
}

/** What the system knows a file by, whatever its names (links, globs that overlap). */
function identityOf(path: string): string {
  if (path === STDIN) return STDIN;
  try {
    const facts = statSync(path, { bigint: true });
    if (facts.isFile() && facts.ino !== 0n) return `${String(facts.dev)}:${String(facts.ino)}`;
  } catch {
    // The reader that opens it says what is wrong.
  }
  return `path ${path}`;
}

/** Only what is certainly not there; anything else that is wrong with a file is said by the reader that opens it. */
function isMissing(path: string): boolean {
  try {
    statSync(path);
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ENOTDIR';
  }
}

function missing(word: string, commands: readonly string[]): Error {
  const shown = `"${sanitise(word)}"`;
  const command = nearest(word, commands);
  if (command !== undefined) {
    return new UsageError(`${shown} is neither a command nor a file; did you mean the command "${command}"?`);
  }
  const advice = didYouMean(basename(word), namesBeside(word), 'the file ');
  if (commands.length > 0 && /^[\w-]+$/.test(word)) {
    return new UsageError(`${shown} is neither a command nor a file${sanitise(advice === '' ? '.' : advice)}`, {
      hint: `The commands are ${commands.join(', ')}.`,
    });
  }
  return new UnreadableError(`there is no file ${shown}${sanitise(advice === '' ? '.' : advice)}`);
}

function namesBeside(path: string): readonly string[] {
  try {
    return readdirSync(dirname(path));
  } catch {
    return [];
  }
}

/** The same error, said to somebody who named no capture at all: an empty pipe was probably not meant as one. */
export function explainImplicitStdin(error: unknown): unknown {
  if (!(error instanceof UnreadableError) && !(error instanceof UnknownFormatError)) return error;
  return new UsageError(`no capture was given, and standard input is not one: ${error.message}`, { hint: HOW, cause: error });
}
