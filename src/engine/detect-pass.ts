/**
 * Runs the rules over a capture's view and turns their drafts into findings: ids, times as text, order, display filters,
 * and which finding explains which. A rule that throws becomes a caveat that names it; the others go on.
 */
import type { Detection, Detector, Draft } from '../detect/detector.ts';
import type { CaptureView } from '../model/capture-view.ts';
import { hostText } from '../model/address.ts';
import { type Caveat, type Finding, type RuleVerdict, SEVERITIES, type Subject } from '../model/finding.ts';
import type { Nanos } from '../model/units.ts';
import type { AnalysisOptions } from './analysis.ts';
import { displayFilter } from './display-filter.ts';
import type { FrameFiles } from './frame-files.ts';

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

/** The connections of one finding: a sorted array and not a set, because a flood has a million. */
class Members {
  readonly #ids: Int32Array;

  constructor(ids: readonly number[]) {
    this.#ids = Int32Array.from(ids).sort();
  }

  get size(): number {
    return this.#ids.length;
  }

  some(test: (id: number) => boolean): boolean {
    return this.#ids.some(test);
  }

  has(id: number): boolean {
    let low = 0;
    let high = this.#ids.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const value = this.#ids[middle]!;
      if (value === id) return true;
      if (value < id) low = middle + 1;
      else high = middle - 1;
    }
    return false;
  }
}

interface Entry {
  readonly detector: Detector;
  readonly draft: Draft;
  readonly id: string;
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
      if (!seen.has(id)) entries.push({ detector, draft, id });
      seen.add(id);
    }
  }
  const ordered = order(explain(entries.map((e) => withDoubts(e, entries))));
  const left = ordered.length - MAX_FINDINGS;
  if (left > 0)
    caveats.push({
      code: 'findings-left-out',
      text: `${left} findings of the least weight are left out; --only shows those of one rule`,
      count: left,
    });
  const kept = left > 0 ? ordered.slice(0, MAX_FINDINGS) : ordered;
  return {
    findings: kept.map((e) => ({ finding: finding(e, capture, files), until: e.draft.until, members: new Members(e.draft.connections) })),
    verdicts: verdicts.map((v) =>
      v.verdict === 'found' && !kept.some((e) => e.detector.id === v.id)
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
  if (entry.detector.category === 'capture') return entry;
  const doubts = all.flatMap(({ detector, draft }) => {
    const text = draft.doubtsOf?.(entry.detector.id, entry.draft) ?? null;
    return text === null ? [] : [{ code: detector.id, text, count: draft.count }];
  });
  return doubts.length === 0 ? entry : { ...entry, draft: { ...entry.draft, caveats: [...(entry.draft.caveats ?? []), ...doubts] } };
}

interface Linked extends Entry {
  explainedBy: string | null;
}

/** Joins a finding to the one that its rule names as its cause, when both are about the same host or service. */
function explain(entries: readonly Entry[]): Linked[] {
  const linked: Linked[] = entries.map((e) => ({ ...e, explainedBy: null }));
  const byId = new Map(linked.map((e) => [e.id, e]));
  const about = new Map<string, Linked[]>(); // rule and host → findings
  for (const e of linked) {
    for (const host of hostsOf(e.draft)) {
      const key = `${e.detector.id} ${host}`;
      const list = about.get(key);
      if (list) list.push(e);
      else about.set(key, [e]);
    }
  }
  for (const e of linked) {
    const candidates = (e.draft.explainedByRules ?? []).flatMap((rule) =>
      hostsOf(e.draft).flatMap((host) => about.get(`${rule} ${host}`) ?? []),
    );
    e.explainedBy = candidates.find((c) => c !== e && !leadsTo(c, e, byId))?.id ?? null;
  }
  return linked;
}

/** Would following `from`'s causes arrive at `to`? */
function leadsTo(from: Linked, to: Linked, byId: ReadonlyMap<string, Linked>): boolean {
  for (let e: Linked | undefined = from; e; e = e.explainedBy === null ? undefined : byId.get(e.explainedBy)) if (e === to) return true;
  return false;
}

const hostsOf = (d: Draft): string[] => [d.subject.host, d.subject.peer].filter((h) => h !== undefined);

/** Most severe first, then most connections, then earliest; a consequence stands right behind its cause. */
function order(entries: readonly Linked[]): Linked[] {
  const weight = (e: Linked): number => SEVERITIES.indexOf(e.draft.severity);
  const sorted = entries.toSorted(
    (a, b) =>
      weight(a) - weight(b) || b.draft.count - a.draft.count || (a.draft.since ?? 0) - (b.draft.since ?? 0) || (a.id < b.id ? -1 : 1),
  );
  const consequences = new Map<string | null, Linked[]>();
  for (const e of sorted) {
    const list = consequences.get(e.explainedBy);
    if (list) list.push(e);
    else consequences.set(e.explainedBy, [e]);
  }
  const out: Linked[] = [];
  const place = (e: Linked): void => {
    out.push(e);
    for (const c of consequences.get(e.id) ?? []) place(c);
  };
  for (const e of consequences.get(null) ?? []) place(e);
  return out;
}

function finding(e: Linked, capture: CaptureView, files: FrameFiles): Finding {
  const { draft } = e;
  const connections = draft.connections.slice(0, MAX_LISTED);
  const listed = new Set<number>(connections);
  const proofs = draft.evidence.filter((p) => p.connection === null || listed.has(p.connection)).slice(0, MAX_EVIDENCE);
  return {
    id: e.id,
    rule: e.detector.id,
    severity: draft.severity,
    confidence: draft.confidence,
    title: draft.title,
    summary: draft.summary,
    subject: draft.subject,
    atFault: draft.atFault,
    faultBecause: draft.faultBecause,
    explainedBy: e.explainedBy,
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
