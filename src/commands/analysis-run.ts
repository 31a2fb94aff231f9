/**
 * What every command that reads a capture does: check the words, find the inputs, analyse with progress, warn. It returns the
 * analysis and how findings turn into an exit status; printing the result is the command's own business.
 */
import type { Analysis, AnalysisOptions } from '../engine/analysis.ts';
import { isPartial } from '../engine/partial-name.ts';
import type { Finding } from '../model/finding.ts';
import type { CaptureFacts } from '../model/report.ts';
import { sanitise } from '../model/sanitise.ts';
import { countText, durationText } from '../report/narrate.ts';
import { explainImplicitStdin, type Inputs, resolveInputs, STDIN } from './inputs.ts';
import { failOn, type Flags } from './options.ts';
import { throwIfInterrupted } from './output.ts';
import { untilInterrupted } from './partial.ts';
import { progressLine } from './progress.ts';
import { say } from './say.ts';
import { settingsOf } from './settings.ts';
import { captureWarnings } from './warnings.ts';
import { sayStats, StageTimes } from './stats.ts';
import type { AnalyseHooks, World } from './world.ts';

export interface AnalysisRun {
  readonly analysis: Analysis;
  readonly paths: readonly string[];
  /** What `--fail-on` makes of findings; that of the signal where one ended reading. */
  readonly exitCode: (findings: readonly Finding[]) => number;
  /** Whether there is a `--fail-on`, on the command line or in the configuration. */
  readonly mayFail: boolean;
}

export interface RunHints {
  /** What the first word may have been meant as, where no command was given. */
  readonly commands?: readonly string[];
  /** false: the result itself says what is wrong with the capture. */
  readonly warn?: boolean;
  /** Keep a copy of standard input: the capture will be read again. */
  readonly keep?: boolean;
  /** The key by which addresses are mapped before anything is analysed. */
  readonly anonymize?: Uint8Array | undefined;
  /** The result shows the SHA-256 of the captures. */
  readonly checksum?: boolean;
  /** The result shows findings, and so what their connections said last. */
  readonly said?: true;
  /** Nothing is asked of the analysis but what it has tracked. */
  readonly partial?: boolean;
}

export async function runAnalysis(world: World, words: readonly string[], flags: Flags, hints: RunHints = {}): Promise<AnalysisRun> {
  const inputs = resolveInputs(world, words, hints.commands ?? []);
  const { flags: settled, options: wanted } = await settingsOf(world, flags);
  const options = flags.profile === undefined && (await isPartial(inputs.paths[0] ?? STDIN)) ? asTracked(wanted) : wanted;
  const exitCode = failOn(settled);
  const started = world.now();
  const times = new StageTimes(world.now);
  const { value: analysis, status } = await untilInterrupted(world, (enough) =>
    analyseWithProgress(world, inputs, options, flags, { ...hints, enough, stage: (stage) => times.begin(stage) }),
  );
  if (flags.stats === true) await sayStats(world, analysis, times);
  await sayWhatWasRead(world, inputs, flags, analysis.report.capture, { started, warn: hints.warn !== false });
  return { analysis, paths: inputs.paths, exitCode: (findings) => status ?? exitCode(findings), mayFail: settled.failOn !== undefined };
}

/** Whose kernels are meant was decided when a partial result was tracked: what the configuration says of them is for captures. */
const asTracked = (options: AnalysisOptions): AnalysisOptions =>
  Object.fromEntries(Object.entries(options).filter(([name]) => name !== 'profile'));

/** The warnings, and with `-v` how long it took. */
export async function sayWhatWasRead(
  world: World,
  inputs: Inputs,
  flags: Flags,
  capture: CaptureFacts,
  { started, warn }: { readonly started: number; readonly warn: boolean },
): Promise<void> {
  if (flags.quiet !== true) {
    for (const word of inputs.again)
      await say(
        world,
        `tcpdiag: warning: "${sanitise(word)}" was named before under this or another name: its packets count again, as if they had been sent twice`,
      );
  }
  if (flags.quiet !== true && warn) {
    for (const warning of captureWarnings(capture)) await say(world, `tcpdiag: warning: ${warning}`);
  }
  if (flags.verbose === true) {
    const took = durationText((world.now() - started) / 1_000);
    await say(world, `tcpdiag: read ${countText(capture.packets)} packets in ${took}`);
  }
}

async function analyseWithProgress(
  world: World,
  inputs: Inputs,
  options: AnalysisOptions,
  flags: Flags,
  hints: RunHints & Required<Pick<AnalyseHooks, 'enough' | 'stage'>>,
): Promise<Analysis> {
  const progress = progressLine(world, flags.progress !== false && flags.quiet !== true);
  try {
    const analysis = await world.analyse(inputs.paths, options, {
      progress: (p) => progress.show(p),
      signal: world.interrupted,
      enough: hints.enough,
      stage: hints.stage,
      ...(hints.anonymize === undefined ? {} : { anonymize: hints.anonymize }),
      keep: hints.keep === true,
      checksum: hints.checksum === true,
      said: hints.said === true,
      partial: hints.partial === true,
    });
    throwIfInterrupted(world);
    return analysis;
  } catch (error) {
    throwIfInterrupted(world); // whatever an interrupted reader says, the signal is the reason
    throw inputs.implicitStdin ? explainImplicitStdin(error) : error;
  } finally {
    await progress.clear();
  }
}
