/** `completion`: what a shell needs to complete tcpdiag's commands, options, formats, rules and fields. A new shell is a file and a line. */
import { Argument, type Command } from 'commander';
import { UsageError } from '../../model/errors.ts';
import { didYouMean } from '../../model/nearest.ts';
import { sanitise } from '../../model/sanitise.ts';
import { resultOptions, ruleOptions, type Flags } from '../options.ts';
import { writeResult } from '../output.ts';
import { rulesOf } from '../settings.ts';
import type { World } from '../world.ts';
import { bash } from './bash.ts';
import { fish } from './fish.ts';
import { wordsOf, type Words } from './words.ts';
import { zsh } from './zsh.ts';

const SHELLS: Readonly<Record<string, (words: Words) => string>> = { bash, zsh, fish };
const NAMES = Object.keys(SHELLS);

export function declareCompletion(command: Command): Command {
  const shell = new Argument('<shell>', NAMES.join(', '));
  shell.argChoices = NAMES; // not .choices(): the sentence for a shell that we do not know is ours
  return ruleOptions(resultOptions(command.description('a script that completes tcpdiag in your shell').addArgument(shell), null));
}

export async function completion(world: World, name: string, program: Command, flags: Flags): Promise<number> {
  const script = Object.hasOwn(SHELLS, name) ? SHELLS[name] : undefined;
  if (script === undefined) {
    const near = didYouMean(name, NAMES);
    throw new UsageError(`completion knows ${NAMES.join(', ')}, not "${sanitise(name, 200)}"${near === '' ? '.' : near}`);
  }
  await writeResult(world, [script(wordsOf(program, await rulesOf(world, flags)))], flags.output);
  return 0;
}
