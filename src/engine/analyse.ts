/** One capture, read to its end in this thread. What the commands and the library call. */
import { type CaptureInput, type CaptureSink, readCaptures } from '../capture/index.ts';
import type { Detector } from '../detect/detector.ts';
import type { AnalysisOptions, Analysis, Stage } from './analysis.ts';
import { analysisOf } from './analysis-of.ts';
import { analysePartials } from './analyse-partials.ts';
import { Analyzer } from './analyzer.ts';
import { Company } from './company.ts';
import { Disguise, withoutNames } from './anonymize/disguise.ts';
import { joined, withOwnRules } from './own-rules.ts';
import type { Report } from '../model/report.ts';
import type { Progress } from './protocol.ts';
import { isPartial, partialFile } from './partial-file.ts';
import { completed } from './complete.ts';
import { SecondPass } from './second-pass.ts';
import { readAndKeep, Spools } from './spool.ts';

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
  /** The threads that help; null: none does. */
  company?: (inputs: readonly CaptureInput[], options: AnalysisOptions, enough?: AbortSignal) => Company | null;
  /** A stage begins. */
  stage?: (stage: Stage) => void;
  /** The capture is analysed as `extract` with this key would write it: none of its addresses, names and payloads is in what comes of it. */
  anonymize?: Uint8Array | undefined;
  /** Rules beside ours, as `--rules` loads them. */
  detectors?: readonly Detector[];
}

/** @throws UnreadableError, UnknownFormatError, UsageError */
export async function analyse(inputs: readonly CaptureInput[], options: AnalysisOptions = {}, hooks: AnalyseHooks = {}): Promise<Analysis> {
  if ((await Promise.all(inputs.map(isPartial))).includes(true)) return analysePartials(inputs, options, hooks);
  const gather = hooks.company ?? (() => Company.of(inputs, options, hooks.enough));
  const company = hooks.anonymize === undefined ? gather(inputs, options, hooks.enough) : null;
  try {
    return (await analyseWith(company, inputs, options, hooks)) ?? (await analyse(inputs, options, { ...hooks, company: () => null }));
  } finally {
    company?.close();
  }
}

/** null: what the others of the company have does not go with what this thread has. */
async function analyseWith(
  company: Company | null,
  inputs: readonly CaptureInput[],
  options: AnalysisOptions,
  hooks: AnalyseHooks,
): Promise<Analysis | null> {
  const ours = await withOwnRules(options.rules);
  // The user's own names are those of other addresses.
  const asked = hooks.anonymize === undefined ? options : { ...options, hosts: {}, services: {} };
  const analyzer = new Analyzer(
    { ...asked, ...company?.options, ...(hooks.partial === true ? { only: [] } : {}) },
    hooks.detectors === undefined ? ours : joined(ours, hooks.detectors, 'detectors'),
  );
  const spools = new Spools(hooks.checksum === true);
  const signal = hooks.signal ?? new AbortController().signal;
  const reading = hooks.enough === undefined || company !== null ? signal : AbortSignal.any([signal, hooks.enough]);
  const disguise = hooks.anonymize === undefined ? null : new Disguise(hooks.anonymize);
  const disguised = (sink: CaptureSink): CaptureSink =>
    disguise === null ? sink : { ...sink, record: (record, file) => sink.record(disguise.of(record), file) };
  const sink = disguised({
    record:
      company === null
        ? (record, file) => analyzer.record(record, file)
        : (record, file) => analyzer.packets < company.until && analyzer.record(record, file),
    chunk: (bytesRead, bytesTotal) => {
      const { packets, connections, captureSeconds } = analyzer;
      hooks.progress?.({ phase: 'reading', bytesRead, bytesTotal, packets, connections, captureSeconds });
      return company?.meet(packets);
    },
  });
  const said = hooks.said !== false && hooks.partial !== true && options.payload !== false && disguise === null;
  hooks.stage?.('reading');
  const files =
    hooks.keep === true || said || hooks.checksum === true
      ? await readAndKeep(inputs, sink, spools, reading)
      : await readCaptures(inputs, sink, { signal: reading });
  if (hooks.enough?.aborted === true) analyzer.interrupt();
  const pass = new SecondPass((again, until) => readCaptures(spools.again(inputs), disguised(again), { signal: until }), signal);
  const isUsable = analyzer.conclude(disguise === null ? files : withoutNames(files)) !== null;
  const others = company === null ? [] : await company.results(analyzer.packets);
  if (others === null || (company !== null && !isUsable)) return null;
  hooks.stage?.('rules');
  const found = withChecksums(analyzer.judge(others), inputs, spools);
  if (said) hooks.stage?.('reading-again');
  const report = said ? await completed(found, analyzer, pass) : found;
  if (hooks.keep !== true) spools.close();
  return analysisOf(analyzer, pass, report, {
    threads: others.length + 1,
    partial: () => partialFile(analyzer.partial),
    close: () => spools.close(),
  });
}

function withChecksums(report: Report, inputs: readonly CaptureInput[], spools: Spools): Report {
  const files = report.capture.files.map((file, i) => ({ ...file, sha256: spools.of(inputs[i] ?? file.path)?.sha256 ?? null }));
  return { ...report, capture: { ...report.capture, files } };
}
