/**
 * Runs the rules over a capture's view and turns their drafts into findings: ids, times as text, order, display filters,
 * and the root causes before their consequences (root-causes.ts). A rule that throws becomes a caveat that names it; the others go on.
 */
import type { Category, Detection, Detector } from '../detect/detector.ts';
import type { CaptureView } from '../model/capture-view.ts';
import { hostText } from '../model/address.ts';
import type { Caveat, Finding, RuleVerdict, Subject } from '../model/finding.ts';
import type { Nanos } from '../model/units.ts';
import type { AnalysisOptions } from './analysis.ts';
import { displayFilter } from './display-filter.ts';
import type { FrameFiles } from './frame-files.ts';
import { Members } from './members.ts';
import { type Explainable, type Explained, rootCausesFirst } from './root-causes.ts';

/** contract.md: the first 1,000 ids of a finding; counts stay exact. */
const MAX_LISTED = 1_000;
/** contract.md: lists are bounded. Rules group, so that more findings than this are no list for a person either. */
const MAX_FINDINGS = 1_000;
/** Proofs per finding: what a person reads, and the report stays small. */
const MAX_EVIDENCE = 50;

export interface Diagnosis {
  /** In report order. */
  readonly findings: readonly Placed[];
  readonly verdicts: readonly RuleVerdict[];
  /** Rules that failed. */
  readonly caveats: readonly Caveat[];
}

/** A finding in its place, with what only the engine needs to know of it. */
export interface Placed {
  readonly finding: Finding;
  /** As `finding.until`. */
  readonly until: Nanos | null;
  /** Which connections it is about, all of them. */
  readonly members: Members;
}

/** A draft on its way to its place. */
interface Entry extends Explainable {
  readonly category: Category;
}

export function diagnose(capture: CaptureView, options: AnalysisOptions, files: FrameFiles, detectors: readonly Detector[]): Diagnosis {
  const entries: Entry[] = [];
  const verdicts: RuleVerdict[] = [];
  const caveats: Caveat[] = [];
  for (const detector of detectors) {
    if (!selected(detector.id, options)) continue;
    const detection = run(detector, capture, options, caveats);
    verdicts.push({ id: detector.id, verdict: detection.verdict, because: 'because' in detection ? detection.because : null });
    if (detection.verdict !== 'found') continue;
    const seen = new Set<string>();
    for (const draft of detection.findings) {
      const id = `${detector.id}/${subjectText(draft.subject)}`;
      if (!seen.has(id))
        entries.push({
          rule: detector.id,
          id,
          draft,
          members: new Members(draft.connections, detector.neighbours ?? null, draft),
          category: detector.category,
        });
      seen.add(id);
    }
  }
  const ordered = rootCausesFirst(
    entries.map((e) => withDoubts(e, entries)),
    capture.end,
  );
  const left = ordered.length - MAX_FINDINGS;
  if (left > 0)
    caveats.push({
      code: 'findings-left-out',
      text: `${left} findings of the least weight are left out; --only shows those of one rule`,
      count: left,
    });
  const kept = left > 0 ? ordered.slice(0, MAX_FINDINGS) : ordered;
  return {
    findings: kept.map((e) => ({ finding: finding(e, capture, files), until: e.entry.draft.until, members: e.entry.members })),
    verdicts: verdicts.map((v) =>
      v.verdict === 'found' && !kept.some((e) => e.entry.rule === v.id)
        ? { ...v, verdict: 'inconclusive', because: 'its findings were left out: there are too many of more weight' }
        : v,
    ),
    caveats,
  };
}

function selected(id: string, options: AnalysisOptions): boolean {
  return (options.only === undefined || options.only.includes(id)) && options.skip?.includes(id) !== true;
}

function run(detector: Detector, capture: CaptureView, options: AnalysisOptions, caveats: Caveat[]): Detection {
  const params: Record<string, number> = {};
  for (const [name, parameter] of Object.entries(detector.params))
    params[name] = options.set?.[`${detector.id}.${name}`] ?? parameter.default;
  try {
    return detector.detect(capture, params);
  } catch (error) {
    const text = error instanceof Error ? error.message : 'unknown';
    caveats.push({ code: 'rule-failed', text: `the rule ${detector.id} failed and was left out: ${text}`, count: 1 });
    return { verdict: 'inconclusive', because: `the rule failed: ${text}` };
  }
}

/** `host[:port][@peer[:port]]`, a prefix, or `capture`. A client has no service port: there `port` is its peer's. */
function subjectText(s: Subject): string {
  const ofPeer = s.role === 'client' && s.peer !== undefined;
  const end = (host: string, port: number | undefined): string => (port === undefined ? hostText(host) : `${hostText(host)}:${port}`);
  const mine = s.subnet ?? (s.host === undefined ? undefined : end(s.host, ofPeer ? undefined : s.port));
  const other = s.peer === undefined ? undefined : end(s.peer, s.peerPort ?? (ofPeer ? s.port : undefined));
  if (mine === undefined) return other ?? 'capture';
  return other === undefined ? mine : `${mine}@${other}`;
}

/** The entry with what findings about the capture make doubtful in it. */
function withDoubts(entry: Entry, all: readonly Entry[]): Entry {
  if (entry.category === 'capture') return entry;
  const doubts = all.flatMap(({ rule, draft }) => {
    const text = draft.doubtsOf?.(entry.rule, entry.draft) ?? null;
    return text === null ? [] : [{ code: rule, text, count: draft.count }];
  });
  return doubts.length === 0 ? entry : { ...entry, draft: { ...entry.draft, caveats: [...(entry.draft.caveats ?? []), ...doubts] } };
}

function finding({ entry: e, explainedBy }: Explained, capture: CaptureView, files: FrameFiles): Finding {
  const { draft } = e;
  const connections = [...draft.connections.slice(0, MAX_LISTED)];
  const listed = new Set<number>(connections);
  const proofs = draft.evidence.filter((p) => p.connection === null || listed.has(p.connection)).slice(0, MAX_EVIDENCE);
  return {
    id: e.id,
    rule: e.rule,
    severity: draft.severity,
    confidence: draft.confidence,
    title: draft.title,
    summary: draft.summary,
    subject: draft.subject,
    atFault: draft.atFault,
    faultBecause: draft.faultBecause,
    explainedBy,
    since: draft.since === null ? null : capture.timeText(draft.since),
    until: draft.until === null ? null : capture.timeText(draft.until),
    count: draft.count,
    connections,
    evidence: proofs.map((p) => {
      return { connection: p.connection, frame: p.frame, time: capture.timeText(p.time), note: p.note, ...files.of(p.frame) };
    }),
    metrics: tidied(draft.metrics),
    causes: draft.causes,
    remedies: draft.remedies,
    displayFilter: draft.displayFilter ?? displayFilter(draft, capture),
    caveats: draft.caveats ?? [],
  };
}

/** Sums and means of float64 without their noise: nine decimals, as times have. */
const tidied = (metrics: Finding['metrics']): Finding['metrics'] =>
  Object.fromEntries(
    Object.entries(metrics).map(([key, value]) => [key, typeof value === 'number' ? Math.round(value * 1e9) / 1e9 : value]),
  );
