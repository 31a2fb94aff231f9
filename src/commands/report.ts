/** `report`: the whole diagnosis as one document. */
import type { Command } from 'commander';
import type { Report } from '../model/report.ts';
import { reportFormats, type Formatter } from '../report/index.ts';
import { runAnalysis } from './analysis-run.ts';
import { withChecksums } from './checksum.ts';
import { STDIN } from './inputs.ts';
import { liveReport } from './live-report.ts';
import { analysisOptions, chosenFormat, documentPage, filterOptions, resultOptions, toStdout, type Flags } from './options.ts';
import { writeResult } from './output.ts';
import type { World } from './world.ts';

export function declareReport(command: Command): Command {
  command
    .description('the whole diagnosis as one document')
    .argument('[capture...]', 'pcap, pcapng, snoop or ERF files, read as one capture; - is standard input');
  return filterOptions(analysisOptions(resultOptions(command, reportFormats))).option('--checksum', 'add the SHA-256 of each file');
}

export async function report(world: World, words: readonly string[], flags: Flags, commands: readonly string[] = []): Promise<number> {
  const format = chosenFormat(flags, reportFormats, 'report');
  const { ndjson } = reportFormats.byName;
  if (format === ndjson && isLive(words, flags)) return liveReport(world, words, flags, commands);
  const { analysis, paths, exitCode } = await runAnalysis(world, words, flags, {
    commands,
    warn: !showsNotes(world, flags, format),
    said: true,
  });
  const document = flags.checksum === true ? await withChecksums(analysis.report, paths) : analysis.report;
  await writeResult(world, format(document, documentPage(world, flags)), flags.output, paths);
  return exitCode(analysis.report.findings);
}

/** A pipe may run for hours; whoever reads the lines behind it wants them as they come. A file appears when it is complete. */
const isLive = (words: readonly string[], flags: Flags): boolean =>
  toStdout(flags) && flags.checksum !== true && flags.stats !== true && (words.length === 0 || (words.length === 1 && words[0] === STDIN));

/** The text report says itself what is wrong with the capture; on the same screen one saying is enough. */
const showsNotes = (world: World, flags: Flags, format: Formatter<Report>): boolean =>
  world.stdout.isTTY && toStdout(flags) && format === reportFormats.byName[reportFormats.standard];
