/** `correlate`: the same traffic captured at the client's and at the server's side: is it the path, or a host? docs/correlate.md. */
import type { Command } from 'commander';
import { UsageError } from '../model/errors.ts';
import { correlationFormats } from '../report/index.ts';
import { type AnalysisRun, runAnalysis } from './analysis-run.ts';
import { analysisOptions, chosenFormat, documentPage, resultOptions, type Flags } from './options.ts';
import { throwIfInterrupted, writeResult } from './output.ts';
import type { World } from './world.ts';

export function declareCorrelate(command: Command): Command {
  command
    .description('two captures of the same traffic, at both sides: what was lost, delayed, changed or put in on the way')
    .usage('[options] <client capture> <server capture>')
    .argument('[capture...]', "the capture taken at the client's side, then the one at the server's; one of them may be -");
  return analysisOptions(resultOptions(command, correlationFormats));
}

export async function correlate(world: World, words: readonly string[], flags: Flags): Promise<number> {
  const format = chosenFormat(flags, correlationFormats, 'correlate');
  const [client, server, ...more] = words;
  if (client === undefined || server === undefined || more.length > 0)
    throw new UsageError("correlate takes two captures: the one at the client's side, then the one at the server's.", {
      hint: 'mergecap -w client.pcapng FILES makes one of several.',
    });
  const runs: AnalysisRun[] = [];
  try {
    for (const path of [client, server]) runs.push(await runAnalysis(world, [path], flags, { keep: true }));
    const [a, b] = runs;
    const correlation = await import('../engine/correlate/index.ts');
    const result = await correlation.correlate(a!.analysis, b!.analysis);
    await writeResult(world, format(result, documentPage(world, flags)), flags.output, [client, server]);
    return Math.max(...runs.map(({ exitCode, analysis }) => exitCode(analysis.report.findings)));
  } catch (error) {
    throwIfInterrupted(world); // whatever an interrupted reader says, the signal is the reason
    throw error;
  } finally {
    for (const { analysis } of runs) analysis.close();
  }
}
