/** `tcpdiag CAPTURE`: the TUI for a person at a terminal, the text report for everything else. */
import type { Command } from 'commander';
import { explainImplicitStdin, resolveInputs } from './inputs.ts';
import { needsRules } from './analysis-run.ts';
import { chosenFormat, coloursAllowed, failOnFlag, resolveAnalysis, type Flags } from './options.ts';
import { declareReport, report } from './report.ts';
import { reportFormats } from '../report/index.ts';
import type { World } from './world.ts';

export function declareDiagnose(command: Command): Command {
  return declareReport(command)
    .description(
      'Diagnose TCP from a packet capture: what state every endpoint was in, what is stuck, whose fault it is, and the frames that prove it.',
    )
    .option('--no-tui', 'the text report even on a terminal');
}

export async function diagnose(world: World, words: readonly string[], flags: Flags, commands: readonly string[]): Promise<number> {
  chosenFormat(flags, reportFormats, 'report');
  const { openTui } = world;
  if (openTui === undefined || !wantsTui(world, flags)) return report(world, words, flags, commands);
  const inputs = resolveInputs(world, words, commands);
  const options = resolveAnalysis(flags, needsRules(flags) ? await world.rules() : []);
  try {
    return await openTui(inputs.paths, options, { colour: coloursAllowed(world, flags) });
  } catch (error) {
    throw inputs.implicitStdin ? explainImplicitStdin(error) : error;
  }
}

/** A format, a file, a checksum or an exit status to decide on are for programs, and a dumb terminal cannot place a cursor. */
function wantsTui(world: World, flags: Flags): boolean {
  const forPrograms =
    flags.format !== undefined ||
    flags.output !== undefined ||
    flags.json === true ||
    flags.checksum === true ||
    failOnFlag(flags) !== null;
  return world.stdout.isTTY && flags.tui !== false && !forPrograms && world.env.TERM !== 'dumb';
}
