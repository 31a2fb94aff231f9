/** `connection <id>` or `connection <ip:port>`: one connection in full. The capture is read twice: once for the states, once for this connection's segments. */
import type { Command } from 'commander';
import { UsageError } from '../model/errors.ts';
import type { ConnectionRow } from '../model/report.ts';
import { sanitise } from '../model/sanitise.ts';
import { connectionDetailFormats } from '../report/index.ts';
import { runAnalysis } from './analysis-run.ts';
import { findConnection, parseConnectionWord } from './connection-word.ts';
import { analysisOptions, chosenFormat, documentPage, filterOptions, resultOptions, type Flags } from './options.ts';
import { throwIfInterrupted, writeResult } from './output.ts';
import type { World } from './world.ts';

export function declareConnection(command: Command): Command {
  command
    .description('one connection: its states on both ends beside its segments, and what is wrong with it')
    .usage('[options] [capture...] <id | ip:port[-ip:port][@time]>')
    .argument(
      '<capture... id...>',
      'pcap, pcapng, snoop or ERF files, read as one capture (- is standard input), then an id as tcpdiag connections lists it, or one end or both as a log names them, and perhaps the moment',
    );
  return filterOptions(analysisOptions(resultOptions(command, connectionDetailFormats)));
}

export async function connection(world: World, words: readonly string[], flags: Flags): Promise<number> {
  const format = chosenFormat(flags, connectionDetailFormats, 'connection');
  const word = words.at(-1) ?? '';
  const wanted = parseConnectionWord(word);
  if (wanted === null) throw misunderstood(word);
  const { analysis, paths, exitCode } = await runAnalysis(world, words.slice(0, -1), flags, { keep: true });
  try {
    const id = wanted.kind === 'id' ? wanted.id : findConnection(analysis.connections(), wanted, analysis.clock);
    const { capture, findings } = analysis.report;
    const filtered = capture.caveats.some(({ code }) => code === 'report-filtered');
    if (filtered && id < capture.connections && !listed(analysis.connections(), id)) {
      throw new UsageError(`connection ${String(id)} is not among those that --where and --from select.`, {
        hint: 'tcpdiag connections lists them with the same options; without these, connection shows any.',
      });
    }
    const ladder = await analysis.ladder(id);
    const named = new Set([...ladder.connection.findings, ...ladder.evidence.map(({ finding }) => finding)]);
    const about = findings.filter((f) => named.has(f.id));
    await writeResult(world, format({ ladder, findings: about, captureEnd: capture.end }, documentPage(world, flags)), flags.output, paths);
    return exitCode(about);
  } catch (error) {
    throwIfInterrupted(world); // whatever an interrupted reader says, the signal is the reason
    throw error;
  } finally {
    analysis.close();
  }
}

function listed(rows: Iterable<ConnectionRow>, id: number): boolean {
  for (const row of rows) if (row.id === id) return true;
  return false;
}

const misunderstood = (word: string): UsageError =>
  new UsageError(
    `the last word of connection is the connection's id, a number from 0 on, or IP:PORT[-IP:PORT][@TIME], not "${sanitise(word, 200)}".`,
    {
      hint: 'tcpdiag connections CAPTURE lists the ids; tcpdiag connection CAPTURE 17 shows one.',
    },
  );
