/** `merge`: what several processes have tracked of a capture, put together and judged. */
import type { Command } from 'commander';
import { isPartial } from '../engine/partial-name.ts';
import { UsageError } from '../model/errors.ts';
import { sanitise } from '../model/sanitise.ts';
import { reportFormats } from '../report/index.ts';
import { resolveInputs } from './inputs.ts';
import { filterOptions, judgingOptions, resultOptions, ruleOptions, sayingOptions, type Flags } from './options.ts';
import { type Call, report } from './report.ts';
import type { World } from './world.ts';

export function declareMerge(command: Command): Command {
  command
    .description(
      'partial results, put together: shards of a capture, or captures that follow each other; their report, or a partial result again',
    )
    .usage('[options] <partial...>')
    .argument('[partial...]', 'files that report -f partial or merge -f partial have written');
  return filterOptions(sayingOptions(judgingOptions(ruleOptions(resultOptions(command, reportFormats)))));
}

export async function merge(world: World, words: readonly string[], flags: Flags, call: Call): Promise<number> {
  if (words.length === 0) throw new UsageError('merge takes the files that report -f partial has written.');
  for (const word of resolveInputs(world, words, []).paths) {
    if (await isPartial(word)) continue;
    throw new UsageError(`"${sanitise(word)}" is no partial result, or not named as one.`, {
      hint: 'tcpdiag report FILE -f partial -o NAME.partial makes one of a capture.',
    });
  }
  return report(world, words, flags, call);
}
