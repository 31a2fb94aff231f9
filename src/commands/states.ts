/** `states`: what `ss -tan` would have shown on each host at one moment, or how many sockets of each state again and again. */
import { isIP, SocketAddress } from 'node:net';
import type { Command } from 'commander';
import type { Analysis } from '../engine/analysis.ts';
import { UsageError } from '../model/errors.ts';
import type { SocketRow } from '../model/report.ts';
import { sanitise } from '../model/sanitise.ts';
import { plural } from '../model/wording.ts';
import { socketDiffFormats, stateCountFormats, stateFormats } from '../report/index.ts';
import { countText } from '../report/narrate.ts';
import { runAnalysis } from './analysis-run.ts';
import { say } from './say.ts';
import {
  analysisOptions,
  chosenFormat,
  durationFlag,
  filterOptions,
  refuseOctetsOnTerminal,
  resultOptions,
  tablePage,
  timeFlag,
  type Flags,
} from './options.ts';
import { diffSockets, readSs } from './state-diff.ts';
import { writeResult } from './output.ts';
import type { World } from './world.ts';

export function declareStates(command: Command): Command {
  command
    .description('what ss -tan would have shown on each host, rebuilt from the capture')
    .argument('[capture...]', 'pcap, pcapng, snoop or ERF files, read as one capture; - is standard input')
    .option('--at <time>', 'at this moment (default: at the end of the capture)')
    .option('--every <duration>', 'sockets counted by host and state, from the first packet on, this far apart (500ms, 10s, 1m)')
    .option(
      '--diff <file>',
      'compare with what ss -tan printed on one of the hosts at that moment; with --fail-on, exit 1 where they differ',
    )
    .option('--host <ip>', 'only the sockets of this host');
  return filterOptions(analysisOptions(resultOptions(command, stateFormats)));
}

export async function states(world: World, words: readonly string[], flags: Flags): Promise<number> {
  const host = flags.host === undefined ? undefined : hostFlag(flags.host);
  if (flags.diff !== undefined) return beside(world, words, flags, flags.diff, host);
  return flags.every === undefined ? atOneMoment(world, words, flags, host) : overTime(world, words, flags, flags.every, host);
}

async function atOneMoment(world: World, words: readonly string[], flags: Flags, host: string | undefined): Promise<number> {
  const format = chosenFormat(flags, stateFormats, 'states');
  refuseOctetsOnTerminal(world, flags, stateFormats, 'states');
  const at = flags.at === undefined ? undefined : timeFlag('--at', flags.at);
  const { analysis, paths, exitCode } = await runAnalysis(world, words, flags);
  const sockets = analysis.sockets(at);
  let found = 0;
  const rows = host === undefined ? sockets : ofHost(sockets, host, () => found++);
  await writeResult(world, format(rows, tablePage(world, flags)), flags.output, paths);
  if (host !== undefined && found === 0 && flags.quiet !== true) await sayWhereHostIs(world, analysis, host);
  return exitCode(analysis.report.findings);
}

/** Sockets are not the same, of whatever severity `--fail-on` is: as diff(1) has it. */
const EXIT_DIFFERENT = 1;

async function beside(world: World, words: readonly string[], flags: Flags, file: string, host: string | undefined): Promise<number> {
  if (flags.every !== undefined) throw new UsageError('--diff compares one moment and --every shows many; use one of them.');
  const format = chosenFormat(flags, socketDiffFormats, 'states --diff');
  const at = flags.at === undefined ? undefined : timeFlag('--at', flags.at);
  const listed = readSs(file);
  if (listed.unread > 0 && flags.quiet !== true)
    await say(
      world,
      `tcpdiag: warning: ${plural(listed.unread, 'line')} of ${sanitise(file, 200)} could not be read, first: ${sanitise(listed.firstUnread ?? '', 80)}`,
    );
  const { analysis, paths, exitCode, mayFail } = await runAnalysis(world, words, flags);
  const { rows, differs } = diffSockets(analysis, listed, at, host);
  await writeResult(world, format(rows, tablePage(world, flags)), flags.output, [...paths, file]);
  const status = exitCode(analysis.report.findings);
  return status === 0 && differs && mayFail ? EXIT_DIFFERENT : status;
}

async function overTime(world: World, words: readonly string[], flags: Flags, duration: string, host: string | undefined): Promise<number> {
  if (flags.at !== undefined) throw new UsageError('--at asks for one moment and --every for many; use one of them.');
  const format = chosenFormat(flags, stateCountFormats, 'states --every');
  const every = durationFlag('--every', duration);
  const { analysis, paths, exitCode } = await runAnalysis(world, words, flags);
  const counts = analysis.stateCounts(every, host);
  if (counts.others > 0 && flags.quiet !== true) {
    await say(
      world,
      `tcpdiag: note: too many hosts for a row each: ${countText(counts.hosts)} that have the most sockets are counted apart, the other ${countText(counts.others)} together; --host IP counts one alone`,
    );
  }
  await writeResult(world, format(counts, tablePage(world, flags)), flags.output, paths);
  if (host !== undefined && counts.hosts === 0 && flags.quiet !== true) await sayWhereHostIs(world, analysis, host);
  return exitCode(analysis.report.findings);
}

function* ofHost(sockets: Iterable<SocketRow>, host: string, found: () => void): Generator<SocketRow> {
  for (const socket of sockets) {
    if (socket.host !== host) continue;
    found();
    yield socket;
  }
}

/** An empty table is an answer only about a host that is in the capture. */
async function sayWhereHostIs(world: World, analysis: Analysis, host: string): Promise<void> {
  for (const { client, server } of analysis.connections()) if (client.ip === host || server.ip === host) return;
  await say(world, `tcpdiag: note: no connection of the capture has an end at ${host}`);
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
