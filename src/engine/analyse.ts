/** One capture, read to its end in this thread. What the commands and the library call. */
import { type CaptureInput, type CaptureSink, readCaptures, Waypoints } from '../capture/index.ts';
import type { Detector } from '../detect/detector.ts';
import type { AnalysisOptions, Analysis, Stage } from './analysis.ts';
import { analysisOf } from './analysis-of.ts';
import { Analyzer } from './analyzer.ts';
import { joined, withOwnRules } from './own-rules.ts';
import type { Report } from '../model/report.ts';
import type { Progress } from './protocol.ts';
import { isPartial } from './partial-name.ts';
import type { PartialResult } from './partial.ts';
import { completed } from './complete.ts';
import { SecondPass } from './second-pass.ts';
import { hashing, readAndKeep, Spools } from './spool.ts';

export interface AnalyseHooks {
  progress?: ((p: Progress) => void) | undefined;
  signal?: AbortSignal | undefined;
  /** Ends reading; what was read so far is the capture. */
  enough?: AbortSignal | undefined;
  /** Keep a copy of what can be read only once, so that a ladder or an extract can be read from it. */
  keep?: boolean;
  /** false: nobody looks at what the connections of findings said last, so that the capture need not be read again for it. */
  said?: boolean;
  /** With the SHA-256 of what can be read only once; whoever can read a file again can sum it up himself. */
  checksum?: boolean | undefined;
  /** Only `Analysis.partial` is wanted of it. */
  partial?: boolean;
  /** A stage begins. */
  stage?: (stage: Stage) => void;
  /** The capture is analysed as `extract` with this key would write it: none of its addresses, names and payloads is in what comes of it. */
  anonymize?: Uint8Array | undefined;
  /** Rules beside ours, as `--rules` loads them. */
  detectors?: readonly Detector[];
}

/** @throws UnreadableError, UnknownFormatError, UsageError */
export async function analyse(inputs: readonly CaptureInput[], options: AnalysisOptions = {}, hooks: AnalyseHooks = {}): Promise<Analysis> {
  if ((await Promise.all(inputs.map(isPartial))).includes(true))
    return (await import('./analyse-partials.ts')).analysePartials(inputs, options, hooks);
  const ours = await withOwnRules(options.rules);
  // The user's own names are those of other addresses; what was sent is not to be seen, here or where a partial result is merged.
  const asked = hooks.anonymize === undefined ? options : { ...options, hosts: {}, services: {}, payload: false };
  const analyzer = new Analyzer(
    hooks.partial === true ? { ...asked, only: [] } : asked,
    hooks.detectors === undefined ? ours : joined(ours, hooks.detectors, 'detectors'),
  );
  if (hooks.partial === true) analyzer.keepUnpacked();
  const spools = new Spools(hooks.checksum === true ? await hashing() : null);
  const waypoints = new Waypoints();
  const signal = hooks.signal ?? new AbortController().signal;
  const reading = hooks.enough === undefined ? signal : AbortSignal.any([signal, hooks.enough]);
  const disguising = hooks.anonymize === undefined ? null : await import('./anonymize/disguise.ts');
  const disguise = disguising === null || hooks.anonymize === undefined ? null : new disguising.Disguise(hooks.anonymize);
  const disguised = (sink: CaptureSink): CaptureSink =>
    disguise === null ? sink : { ...sink, record: (record, file) => sink.record(disguise.of(record), file) };
  const sink = disguised({
    record: (record, file) => analyzer.record(record, file),
    ahead: (reader, { view }) => {
      analyzer.foresight.look(reader, view);
    },
    chunk: (bytesRead, bytesTotal) => {
      if (bytesTotal !== null) analyzer.foresight.expect(bytesRead / bytesTotal);
      const { packets, connections, captureSeconds } = analyzer;
      hooks.progress?.({ phase: 'reading', bytesRead, bytesTotal, packets, connections, captureSeconds });
    },
  });
  const said = hooks.said !== false && hooks.partial !== true && asked.payload !== false;
  hooks.stage?.('reading');
  const files =
    hooks.keep === true || said || hooks.checksum === true
      ? await readAndKeep(inputs, sink, spools, reading, waypoints)
      : await readCaptures(inputs, sink, { signal: reading, noting: waypoints });
  if (hooks.enough?.aborted === true) analyzer.interrupt();
  const pass = new SecondPass(
    (again, until) => readCaptures(spools.again(inputs), disguised(again), { signal: until, noted: waypoints }),
    signal,
  );
  hooks.stage?.('rules');
  const found = withChecksums(analyzer.finish(disguising?.withoutNames(files) ?? files), inputs, spools);
  if (said) hooks.stage?.('reading-again');
  const report = said ? await completed(found, analyzer, pass) : found;
  if (hooks.keep !== true) spools.close();
  return analysisOf(analyzer, pass, report, {
    partial: () => fileOf(analyzer.partial),
    close: () => spools.close(),
  });
}

async function* fileOf(partial: PartialResult): AsyncGenerator<Uint8Array> {
  yield* (await import('./partial-file.ts')).partialFile(partial);
}

function withChecksums(report: Report, inputs: readonly CaptureInput[], spools: Spools): Report {
  const files = report.capture.files.map((file, i) => ({ ...file, sha256: spools.of(inputs[i] ?? file.path)?.sha256 ?? null }));
  return { ...report, capture: { ...report.capture, files } };
}
