/**
 * Root cause before symptoms: which finding explains which, and the order of the report that follows from it.
 *
 * A rule names the rules whose finding would explain its own. Here it is decided whether there is such a finding: about the same
 * host, not about another port of it, and not at another time. What both say of the same connections is joined whatever its time:
 * a pool may notice minutes later that a process has died.
 */
import type { Draft, Explanation } from '../detect/detector.ts';
import { SEVERITIES } from '../model/finding.ts';
import { type Nanos, nanosOf } from '../model/units.ts';
import type { Members } from './members.ts';

/** A finding with what decides whether it explains another. */
export interface Explainable {
  readonly rule: string;
  readonly id: string;
  readonly draft: Draft;
  readonly members: Members;
}

export interface Explained {
  readonly entry: Explainable;
  /** Id of the finding that explains it. */
  readonly explainedBy: string | null;
}

/** A consequence may begin so much earlier than what is told of its cause: each rule takes its times from segments of its own. */
const EARLIER = nanosOf(1);
/** And go on or begin so long after it: what was refused is tried again, TIME_WAIT lasts. */
const AFTERWARDS = nanosOf(60);

/** @param end of observation: what has no end lasts until then. */
export function rootCausesFirst(entries: readonly Explainable[], end: Nanos): Explained[] {
  return order(explain(entries, end));
}

function explain(entries: readonly Explainable[], end: Nanos): Explained[] {
  const about = new Map<string, Explainable[]>(); // rule and host → findings
  for (const e of entries) {
    for (const host of hostsOf(e.draft)) {
      const key = `${e.rule} ${host}`;
      const list = about.get(key);
      if (list) list.push(e);
      else about.set(key, [e]);
    }
  }
  const causeOf = new Map<Explainable, Explainable>();
  for (const e of entries) {
    for (const explanation of e.draft.explainedByRules ?? []) {
      const rule = typeof explanation === 'string' ? explanation : explanation.rule;
      const candidates = hostsOf(e.draft)
        .flatMap((host) => about.get(`${rule} ${host}`) ?? [])
        .filter((c) => c !== e && !leadsTo(c, e, causeOf) && blames(c.draft, explanation));
      const cause = candidates.find((c) => c.members.overlaps(e.members)) ?? candidates.find((c) => isPlausible(c.draft, e.draft, end));
      if (cause === undefined) continue;
      causeOf.set(e, cause);
      break;
    }
  }
  return entries.map((entry) => ({ entry, explainedBy: causeOf.get(entry)?.id ?? null }));
}

const hostsOf = ({ subject }: Draft): string[] => [...new Set([subject.host, subject.peer].filter((h) => h !== undefined))];

const blames = (cause: Draft, explanation: Explanation): boolean =>
  typeof explanation === 'string' || cause.atFault === explanation.atFault;

/** Would following `from`'s causes arrive at `to`? */
function leadsTo(from: Explainable, to: Explainable, causeOf: ReadonlyMap<Explainable, Explainable>): boolean {
  for (let e: Explainable | undefined = from; e !== undefined; e = causeOf.get(e)) if (e === to) return true;
  return false;
}

/** Not about different ports of one host, and not at different times. */
function isPlausible(cause: Draft, effect: Draft, end: Nanos): boolean {
  const [a, b] = [serviceOf(cause), serviceOf(effect)];
  if (a !== null && b !== null && a.ip === b.ip && a.port !== b.port) return false;
  const begins = (cause.since ?? 0) - EARLIER;
  const ends = (cause.until ?? end) + AFTERWARDS;
  return begins <= (effect.until ?? end) && ends >= (effect.since ?? 0);
}

/** The service that a finding is about, where it names one. */
function serviceOf({ subject: s }: Draft): { ip: string | undefined; port: number } | null {
  const port = s.peerPort ?? s.port;
  if (port === undefined) return null;
  return { ip: s.peerPort !== undefined || s.role === 'client' ? s.peer : s.host, port };
}

/**
 * Most severe first, then most connections, then earliest; a consequence stands right behind its cause, and a cause is as
 * urgent as the worst that came of it.
 */
function order(explained: readonly Explained[]): Explained[] {
  const consequences = new Map<string | null, Explained[]>();
  for (const e of explained) {
    const list = consequences.get(e.explainedBy);
    if (list) list.push(e);
    else consequences.set(e.explainedBy, [e]);
  }
  const weightOf = (e: Explained): number => SEVERITIES.indexOf(e.entry.draft.severity);
  const worst = new Map<Explained, number>();
  const weigh = (e: Explained): number => {
    const weight = (consequences.get(e.entry.id) ?? []).reduce((least, c) => Math.min(least, weigh(c)), weightOf(e));
    worst.set(e, weight);
    return weight;
  };
  const roots = consequences.get(null) ?? [];
  for (const e of roots) weigh(e);
  const compare = (a: Explained, b: Explained): number =>
    worst.get(a)! - worst.get(b)! ||
    weightOf(a) - weightOf(b) ||
    b.entry.draft.count - a.entry.draft.count ||
    (a.entry.draft.since ?? 0) - (b.entry.draft.since ?? 0) ||
    (a.entry.id < b.entry.id ? -1 : 1);
  const out: Explained[] = [];
  const place = (list: readonly Explained[]): void => {
    for (const e of list.toSorted(compare)) {
      out.push(e);
      place(consequences.get(e.entry.id) ?? []);
    }
  };
  place(roots);
  return out;
}
