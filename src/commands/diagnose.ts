/** `tcpdiag CAPTURE`: the TUI for a person at a terminal, the text report for everything else. */
import type { Command } from 'commander';
import { isPartial } from '../engine/partial-name.ts';
import { explainImplicitStdin, resolveInputs } from './inputs.ts';
import { coloursAllowed, failOn, type Flags, screenOptions } from './options.ts';
import { type Call, declareReport, report } from './report.ts';
import { settingsOf } from './settings.ts';
import type { World } from './world.ts';

export function declareDiagnose(command: Command): Command {
  return screenOptions(declareReport(command)).description(
    'Diagnose TCP from a packet capture: what state every endpoint was in, what is stuck, whose fault it is, and the frames that prove it.',
  );
}

export async function diagnose(world: World, words: readonly string[], flags: Flags, call: Call): Promise<number> {
  if (!wantsTui(world, flags) || (await Promise.all(words.map(isPartial))).includes(true)) return report(world, words, flags, call);
  const inputs = resolveInputs(world, words, call.commands ?? []);
  const { flags: settled, options, tui } = await settingsOf(world, flags);
  if (tui.off === true) return report(world, words, flags, call);
  const exitCodeFor = failOn(settled);
  const look = {
    colour: coloursAllowed(world, flags),
    ascii: flags.ascii ?? tui.ascii ?? false,
    mouse: flags.mouse !== false && tui.mouse !== false,
    keys: tui.keys ?? {},
  };
  try {
    const end = await world.openTui(inputs.paths, options, look);
    if (end !== null) return end.exitCode === 0 ? exitCodeFor(end.findings) : end.exitCode;
  } catch (error) {
    throw inputs.implicitStdin ? explainImplicitStdin(error) : error;
  }
  return report(world, words, flags, call);
}

/** A format, a file or a checksum is for later reading, and a dumb terminal cannot place a cursor. */
function wantsTui(world: World, flags: Flags): boolean {
  const document =
    flags.format !== undefined || flags.shard !== undefined || flags.output !== undefined || flags.json === true || flags.checksum === true;
  return world.stdout.isTTY && flags.tui !== false && !document && world.env.TERM !== 'dumb';
}
