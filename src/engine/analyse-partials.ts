/**
 * The analysis of captures that other processes have read and tracked: their partial results put together, then the rules. The captures
 * themselves are read only where they still lie where they were, for what is shown segment by segment.
 */
import { statSync } from 'node:fs';
import { type CaptureInput, readCaptures } from '../capture/index.ts';
import { TcpdiagError, UsageError } from '../model/errors.ts';
import { plural } from '../model/wording.ts';
import { sanitise } from '../model/sanitise.ts';
import type { Analysis, AnalysisOptions } from './analysis.ts';
import { analysisOf } from './analysis-of.ts';
import type { AnalyseHooks } from './analyse.ts';
import { Analyzer } from './analyzer.ts';
import { completed } from './complete.ts';
import { joined, withOwnRules } from './own-rules.ts';
import { missingShards, overlap, type PartialCapture, type PartialResult, together } from './partial.ts';
import { partialFile, readPartial } from './partial-file.ts';
import { isPartial } from './partial-name.ts';
import { SecondPass } from './second-pass.ts';

/** What was decided when the captures were read. */
const OF_READING = ['to', 'count', 'profile', 'capturedUntil', 'shard'] as const;

/** @throws UsageError where they do not belong together, or some are missing */
export async function analysePartials(inputs: readonly CaptureInput[], options: AnalysisOptions, hooks: AnalyseHooks): Promise<Analysis> {
  const paths = await onlyPartials(inputs);
  refuse(options, hooks);
  hooks.stage?.('reading');
  const parts = [];
  for (const path of paths) {
    parts.push(await readPartial(path));
    hooks.signal?.throwIfAborted();
  }
  const partial = together(parts);
  const payload = options.payload !== false && partial.captures.every(({ shared }) => shared.reading.payload);
  if (hooks.partial !== true) for (const capture of partial.captures) refuseIncomplete(capture);

  const ours = await withOwnRules(options.rules);
  const analyzer = new Analyzer(
    { ...options, payload, ...(hooks.partial === true ? { only: [] } : {}) },
    hooks.detectors === undefined ? ours : joined(ours, hooks.detectors, 'detectors'),
  );
  hooks.stage?.('rules');
  // To be put together with others later, nothing need be joined now: what is written is what was read.
  const found = analyzer.restore(
    hooks.partial === true ? { ...partial, captures: partial.captures.map((c) => ({ ...c, shards: [] })) } : partial,
  );
  const signal = hooks.signal ?? new AbortController().signal;
  const pass = new SecondPass((sink, until) => readCaptures(stillThere(partial.captures), sink, { signal: until }), signal);
  const said = hooks.said !== false && hooks.partial !== true && payload;
  if (said) hooks.stage?.('reading-again');
  const report = said ? await completed(found, analyzer, pass) : found;
  return analysisOf(analyzer, pass, report, {
    partial: () => partialFile(hooks.partial === true ? shown(partial, payload) : analyzer.partial),
    close: () => undefined,
  });
}

const shown = ({ captures, ...rest }: PartialResult, payload: boolean): PartialResult => ({
  ...rest,
  captures: captures.map(({ shared, shards }) => ({ shared: { ...shared, reading: { ...shared.reading, payload } }, shards })),
});

async function onlyPartials(inputs: readonly CaptureInput[]): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const input of inputs) {
    if (typeof input === 'string' && (await isPartial(input))) paths.push(input);
    else
      throw new UsageError(`"${typeof input === 'string' ? sanitise(input) : 'a stream'}" is no partial result, and others here are.`, {
        hint: 'report -f partial makes one of a capture.',
      });
  }
  return paths;
}

function refuse(options: AnalysisOptions, hooks: AnalyseHooks): void {
  const option = OF_READING.find((name) => options[name] !== undefined);
  if (option !== undefined)
    throw new UsageError(
      `"${option}" is about reading a capture, and a partial result has been read already: give it to report -f partial.`,
    );
  if (hooks.anonymize !== undefined)
    throw new UsageError('a partial result cannot be anonymised any more: that is done while a capture is read.');
}

/** @throws UsageError where shards of the capture are missing */
function refuseIncomplete(capture: PartialCapture): void {
  const missing = missingShards(capture);
  if (missing.length === 0) return;
  const count = capture.shards[0]?.count ?? 0;
  const shown = missing.slice(0, 8).map((shard) => `${shard}/${count}`);
  const more = missing.length > shown.length ? ` and ${missing.length - shown.length} more` : '';
  const of = sanitise(capture.shared.reading.facts[0]?.path ?? '');
  throw new UsageError(
    `${of}: of ${plural(count, 'shard')} ${missing.length === 1 ? 'one is' : `${missing.length} are`} missing: ${shown.join(', ')}${more}.`,
    { hint: '-f partial puts together what is there, for a later merge.' },
  );
}

/** The captures, unchanged as far as their size tells. @throws TcpdiagError */
function stillThere(captures: readonly PartialCapture[]): readonly string[] {
  // One reading would mix them in order of time, and frames would have other numbers.
  if (captures.some((capture, i) => i > 0 && overlap(captures[i - 1]!, capture) > 0))
    throw new TcpdiagError('the captures overlap a little, and are not read again as one');
  const facts = captures.flatMap(({ shared }) => shared.reading.facts);
  for (const { path, bytes } of facts) {
    if (path === '-') throw new TcpdiagError('the capture came through standard input and was not kept');
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isFile() !== true) throw new TcpdiagError(`the capture ${sanitise(path)} is not here`);
    if (found.size !== bytes) throw new TcpdiagError(`${sanitise(path)} is not the capture any more that was read`);
  }
  return facts.map(({ path }) => path);
}
