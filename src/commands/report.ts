/** `report`: the whole diagnosis as one document. */
import type { Command } from 'commander';
import { reportFormats } from '../report/index.ts';
import { runAnalysis } from './analysis-run.ts';
import { withChecksums } from './checksum.ts';
import { analysisOptions, chosenFormat, documentPage, resultOptions, type Flags } from './options.ts';
import { writeResult } from './output.ts';
import type { World } from './world.ts';

export function declareReport(command: Command): Command {
  command
    .description('the whole diagnosis as one document')
    .argument('[capture...]', 'pcap or pcapng files, read as one capture; - is standard input');
  return analysisOptions(resultOptions(command, reportFormats)).option('--checksum', 'add the SHA-256 of each file');
}

export async function report(world: World, words: readonly string[], flags: Flags, commands: readonly string[] = []): Promise<number> {
  const format = chosenFormat(flags, reportFormats, 'report');
  const { analysis, paths, exitCode } = await runAnalysis(world, words, flags, { commands });
  const document = flags.checksum === true ? await withChecksums(analysis.report, paths) : analysis.report;
  await writeResult(world, format(document, documentPage(world, flags)), flags.output, paths);
  return exitCode(analysis.report.findings);
}
