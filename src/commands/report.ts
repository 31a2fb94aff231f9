/** `report`: the whole diagnosis as one document. */
import type { Command } from 'commander';
import { isPartialName, PARTIAL_NAME } from '../engine/partial-name.ts';
import { UsageError } from '../model/errors.ts';
import { sanitise } from '../model/sanitise.ts';
import {
  isIncident,
  partialReport,
  plainDocument,
  reportFormats,
  type Formatter,
  type IncidentDocument,
  type Pieces,
} from '../report/index.ts';
import { runAnalysis } from './analysis-run.ts';
import { anonymizeKey, anonymizeOptions } from './anonymize.ts';
import { withChecksums } from './checksum.ts';
import { incidentOf } from './incident.ts';
import { STDIN } from './inputs.ts';
import { liveReport } from './live-report.ts';
import {
  analysisOptions,
  chosenFormat,
  documentPage,
  filterOptions,
  refuseOctetsOnTerminal,
  resultOptions,
  toStdout,
  type Flags,
} from './options.ts';
import { throwIfInterrupted, writeResult } from './output.ts';
import type { World } from './world.ts';

export function declareReport(command: Command): Command {
  command
    .description('the whole diagnosis as one document')
    .argument('[capture...]', 'pcap, pcapng, snoop or ERF files, read as one capture; - is standard input');
  return anonymizeOptions(filterOptions(analysisOptions(resultOptions(command, reportFormats))))
    .option('--checksum', 'add the SHA-256 of each file')
    .option('--shard <i/n>', 'track one of n parts of the connections, for -f partial and merge');
}

/** How the command was called. */
export interface Call {
  /** The words after the program's name. */
  readonly argv: readonly string[];
  /** What the first word may have been meant as, where no command was given. */
  readonly commands?: readonly string[];
}

export async function report(world: World, words: readonly string[], flags: Flags, call: Call): Promise<number> {
  const format = chosenFormat(flags, reportFormats, 'report');
  const { ndjson } = reportFormats.byName;
  const { argv, commands = [] } = call;
  const anonymize = await anonymizeKey(flags);
  if (anonymize !== undefined && flags.checksum === true)
    throw new UsageError('--checksum says which capture it was, and --anonymize that nobody may know; use one of them.');
  if (format === ndjson && anonymize === undefined && isLive(words, flags)) return liveReport(world, words, flags, commands);
  const incident = isIncident(format);
  const partial = format === partialReport;
  refuseOctetsOnTerminal(world, flags, reportFormats, 'report');
  if (flags.shard !== undefined && !partial)
    throw new UsageError('--shard goes with -f partial: one part of the connections is no report.');
  if (partial) refuseForPartial(flags);
  const checksum = (incident && anonymize === undefined) || flags.checksum === true;
  const { analysis, paths, exitCode } = await runAnalysis(world, words, flags, {
    commands,
    warn: !showsNotes(world, flags, format),
    said: true,
    partial,
    keep: incident,
    checksum,
    anonymize,
  });
  try {
    const summed = checksum ? await withChecksums(analysis.report, paths) : analysis.report;
    const document = incident
      ? await incidentOf(analysis, summed, anonymize === undefined ? argv : null)
      : plainDocument(summed, () => analysis.partial());
    await writeResult(world, format(document, documentPage(world, flags)), flags.output, paths);
    return exitCode(analysis.report.findings);
  } catch (error) {
    throwIfInterrupted(world); // whatever an interrupted reader says, the signal is the reason
    throw error;
  } finally {
    analysis.close();
  }
}

const JUDGING = {
  where: '--where',
  from: '--from',
  only: '--only',
  skip: '--skip',
  set: '--set',
  failOn: '--fail-on',
  checksum: '--checksum',
} as const;

/** What would be lost without a word: options about a report that there is none of yet, and a name under which nobody takes the result. */
function refuseForPartial(flags: Flags): void {
  const option = Object.entries(JUDGING).find(([name]) => flags[name as keyof typeof JUDGING] !== undefined);
  if (option !== undefined)
    throw new UsageError(`${option[1]} is about a report, and a partial result is none yet: give it to the merge that reports.`);
  const { output } = flags;
  if (output !== undefined && !toStdout(flags) && !isPartialName(output))
    throw new UsageError(
      `the name of a partial result ends in ${PARTIAL_NAME}, or nobody takes it for one; "${sanitise(output)}" does not.`,
    );
}

/** A pipe may run for hours; whoever reads the lines behind it wants them as they come. A file appears when it is complete. */
const isLive = (words: readonly string[], flags: Flags): boolean =>
  toStdout(flags) && flags.checksum !== true && flags.stats !== true && (words.length === 0 || (words.length === 1 && words[0] === STDIN));

/** The text report says itself what is wrong with the capture; on the same screen one saying is enough. */
const showsNotes = (world: World, flags: Flags, format: Formatter<IncidentDocument, Pieces>): boolean =>
  world.stdout.isTTY && toStdout(flags) && format === reportFormats.byName[reportFormats.standard];
