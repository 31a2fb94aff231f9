/** `connections`: one row per connection. Rows are made, formatted and written one after the other: there may be millions. */
import type { Command } from 'commander';
import { connectionFormats } from '../report/index.ts';
import { runAnalysis } from './analysis-run.ts';
import { analysisOptions, chosenFormat, filterOptions, refuseOctetsOnTerminal, resultOptions, tablePage, type Flags } from './options.ts';
import { writeResult } from './output.ts';
import type { World } from './world.ts';

export function declareConnections(command: Command): Command {
  command
    .description('one row per connection')
    .argument('[capture...]', 'pcap, pcapng, snoop or ERF files, read as one capture; - is standard input');
  return filterOptions(analysisOptions(resultOptions(command, connectionFormats)));
}

export async function connections(world: World, words: readonly string[], flags: Flags): Promise<number> {
  const format = chosenFormat(flags, connectionFormats, 'connections');
  refuseOctetsOnTerminal(world, flags, connectionFormats, 'connections');
  const { analysis, paths, exitCode } = await runAnalysis(world, words, flags);
  await writeResult(world, format(analysis.connections(), tablePage(world, flags)), flags.output, paths);
  return exitCode(analysis.report.findings);
}
