/** `states`: what `ss -tan` would have shown on each host at one moment. */
import { isIP, SocketAddress } from 'node:net';
import type { Command } from 'commander';
import { UsageError } from '../model/errors.ts';
import type { SocketRow } from '../model/report.ts';
import { sanitise } from '../model/sanitise.ts';
import { stateFormats } from '../report/index.ts';
import { runAnalysis } from './analysis-run.ts';
import { analysisOptions, chosenFormat, resultOptions, tablePage, timeFlag, type Flags } from './options.ts';
import { writeResult } from './output.ts';
import type { World } from './world.ts';

export function declareStates(command: Command): Command {
  command
    .description('what ss -tan would have shown on each host, rebuilt from the capture')
    .argument('[capture...]', 'pcap or pcapng files, read as one capture; - is standard input')
    .option('--at <time>', 'at this moment (default: at the end of the capture)')
    .option('--host <ip>', 'only the sockets of this host');
  return analysisOptions(resultOptions(command, stateFormats));
}

export async function states(world: World, words: readonly string[], flags: Flags): Promise<number> {
  const format = chosenFormat(flags, stateFormats, 'states');
  const at = flags.at === undefined ? undefined : timeFlag('--at', flags.at);
  const host = flags.host === undefined ? undefined : hostFlag(flags.host);
  const { analysis, paths, exitCode } = await runAnalysis(world, words, flags);
  const sockets = analysis.sockets(at);
  const rows = host === undefined ? sockets : ofHost(sockets, host);
  await writeResult(world, format(rows, tablePage(world, flags)), flags.output, paths);
  return exitCode(analysis.report.findings);
}

function* ofHost(sockets: Iterable<SocketRow>, host: string): Generator<SocketRow> {
  for (const socket of sockets) if (socket.host === host) yield socket;
}

/** The address as rows spell it (RFC 5952), from any way to write it, with or without brackets. */
function hostFlag(word: string): string {
  const bare = word.replace(/^\[(.*)\]$/, '$1');
  switch (isIP(bare)) {
    case 4:
      return bare;
    case 6:
      return new SocketAddress({ address: bare, family: 'ipv6' }).address;
    default:
      throw new UsageError(`--host takes an IP address, not "${sanitise(word, 200)}".`);
  }
}
