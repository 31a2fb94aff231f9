/** `compare`: what got better and what got worse between two captures. */
import type { Command } from 'commander';
import { isRegression } from '../model/comparison.ts';
import { UsageError } from '../model/errors.ts';
import { comparisonFormats } from '../report/index.ts';
import { type AnalysisRun, runAnalysis } from './analysis-run.ts';
import { analysisOptions, chosenFormat, documentPage, filterOptions, resultOptions, type Flags } from './options.ts';
import { throwIfInterrupted, writeResult } from './output.ts';
import type { World } from './world.ts';

export function declareCompare(command: Command): Command {
  command
    .description('what got better and what got worse between two captures; --fail-on counts what appeared or rose')
    .usage('[options] <before> <after>')
    .argument('[capture...]', 'the capture from before, then the one from after; one of them may be -');
  return filterOptions(analysisOptions(resultOptions(command, comparisonFormats)));
}

export async function compare(world: World, words: readonly string[], flags: Flags): Promise<number> {
  const format = chosenFormat(flags, comparisonFormats, 'compare');
  const [before, after, ...more] = words;
  if (before === undefined || after === undefined || more.length > 0)
    throw new UsageError('compare takes two captures: the one from before, then the one from after.', {
      hint: 'mergecap -w before.pcapng FILES makes one of several.',
    });
  const runs: AnalysisRun[] = [];
  try {
    for (const path of [before, after]) runs.push(await runAnalysis(world, [path], flags));
    const [a, b] = runs;
    const comparison = (await import('../engine/compare.ts')).compare(a!.analysis, b!.analysis);
    await writeResult(world, format(comparison, documentPage(world, flags)), flags.output, [before, after]);
    const risen = new Set(comparison.findings.filter(isRegression).map(({ id }) => id));
    return Math.max(a!.exitCode([]), b!.exitCode(b!.analysis.report.findings.filter(({ id }) => risen.has(id))));
  } catch (error) {
    throwIfInterrupted(world); // whatever an interrupted reader says, the signal is the reason
    throw error;
  } finally {
    for (const { analysis } of runs) analysis.close();
  }
}
