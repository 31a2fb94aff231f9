/**
 * The words that every face of the program shares: how a count, a duration, a moment, a fault and a verdict are said.
 * The text report and the TUI use the same sentences, so that a screenshot and a pasted report never disagree.
 *
 * Pure and plain: no colour, no width, no locale. Facts come from the report; nothing is judged here.
 */
import type { Finding, Level, RuleVerdict, Severity } from '../model/finding.ts';
import type { CaptureFacts, Report } from '../model/report.ts';
import { sanitise } from '../model/sanitise.ts';
import type { LastSaid, SaidGroup, Words } from '../model/said.ts';
import type { Vantage } from '../model/vantage.ts';
import { countText, durationText, plural } from '../model/wording.ts';

export { countText, durationText, plural };

/** Glyph and word, so that a severity never depends on colour alone. `short` fits a table. */
export const SEVERITY_MARK: Readonly<Record<Severity, { readonly glyph: string; readonly word: string; readonly short: string }>> = {
  critical: { glyph: '✖', word: 'CRITICAL', short: 'CRIT' },
  warning: { glyph: '▲', word: 'WARNING', short: 'WARN' },
  notice: { glyph: '◆', word: 'NOTICE', short: 'NOTE' },
  info: { glyph: '●', word: 'INFO', short: 'INFO' },
};

/** Kinds of last words that are named one by one. */
const GROUPS_NAMED = 3;

/** Addresses of the capturing host before they are only counted. */
const HOSTS_NAMED = 3;

const LIKELIHOOD_WORDS: Readonly<Record<Level, string>> = { high: 'likely', medium: 'possible', low: 'less likely' };
export const likelihoodWord = (level: Level): string => LIKELIHOOD_WORDS[level];

/** `91.0 kB`: decimal units, as file sizes and link speeds are counted. */
export function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${String(bytes)} B`;
  let value = bytes;
  let unit = -1;
  do {
    value /= 1_000;
    unit++;
  } while (value >= 999.95 && unit < 3);
  return `${value.toFixed(1)} ${['kB', 'MB', 'GB', 'TB'][unit] ?? 'TB'}`;
}

// Times arrive as `2026-11-20T08:33:00.123456789Z`; ones that no calendar holds as `+123.000000000s` (model/clock.ts).
const RFC3339 = /^(\d+-\d\d-\d\d)T(\d\d:\d\d:\d\d)\.(\d{9})Z$/;

/** `08:33:00.123`: enough to find the frame beside its number. Digits beyond milliseconds are cut, not rounded. */
export function clockText(time: string): string {
  const m = RFC3339.exec(time);
  return m ? `${m[2] ?? ''}.${(m[3] ?? '').slice(0, 3)}` : sanitise(time);
}

const dateText = (time: string): string => time.slice(0, Math.max(0, time.indexOf('T')));

/** `2026-11-20 08:33:00.123 to 08:38:12.523 UTC`; the date is said twice only when it changes. */
export function spanText(start: string, end: string): string {
  if (!RFC3339.test(start) || !RFC3339.test(end)) return sanitise(`${start} to ${end}`);
  const until = dateText(start) === dateText(end) ? clockText(end) : `${dateText(end)} ${clockText(end)}`;
  return `${dateText(start)} ${clockText(start)} to ${until} UTC`;
}

/** Seconds from one RFC 3339 time to another, to the microsecond; null when either is not one. */
export function secondsBetween(from: string, to: string): number | null {
  const [a, b] = [RFC3339.exec(from), RFC3339.exec(to)];
  if (!a || !b) return null;
  const whole = (m: RegExpExecArray): number => Date.parse(`${m[1] ?? ''}T${m[2] ?? ''}Z`) / 1_000;
  return whole(b) - whole(a) + (Number(b[3]) - Number(a[3])) / 1e9;
}

/** What was read, in one line: `849 packets, 49 connections, 2026-11-20 08:33:00.123 to 08:38:12.523 UTC (5 min 12 s)`. */
export function captureLine(capture: CaptureFacts): string {
  const facts = [plural(capture.packets, 'packet')];
  if (capture.tcpPackets !== capture.packets) facts.push(`${countText(capture.tcpPackets)} of them TCP`);
  facts.push(plural(capture.connections, 'connection'));
  if (capture.start !== null && capture.end !== null) {
    facts.push(`${spanText(capture.start, capture.end)} (${durationText(capture.durationSeconds)})`);
  }
  return facts.join(', ');
}

/**
 * `Taken at the client, 10.0.0.5`: where the packets were captured; null: not known. A tap beside a host answers as fast as the
 * host itself, so that round trips alone say only so much.
 */
export function vantageText({ kind, confidence, hosts }: Vantage): string | null {
  const named = hosts.slice(0, HOSTS_NAMED).map((h) => sanitise(h.ip));
  const more = hosts.length > named.length ? ` and ${countText(hosts.length - named.length)} more` : '';
  const at = `Taken at${confidence === 'medium' ? ' (or right beside)' : ''}`;
  switch (kind) {
    case 'client':
    case 'server':
      return `${at} the ${kind}, ${named.join(', ')}${more}`;
    case 'both':
      return `${at} a host that is client and server, ${named.join(', ')}${more}`;
    case 'forwarding':
      return `Taken on a machine that forwards, both legs seen`;
    case 'between':
      return 'Taken between the ends, near neither';
    case 'unknown':
      return null;
  }
}

/** Behind the id or outcome of a further tuple of one connection, which an address translator gave it. */
export const legMark = ({ sameAs }: { readonly sameAs?: number }): string => (sameAs === undefined ? '' : ` (leg of ${String(sameAs)})`);

/** Without the full stop that `because` or a rule's sentence may bring along. */
export const clause = (text: string): string => text.replace(/\.\s*$/, '');

/** Who, and the fact that decided it: `10.0.0.1, because …`. */
export function faultText(finding: Pick<Finding, 'atFault' | 'faultBecause'>): string {
  const { atFault, faultBecause } = finding;
  const because = faultBecause === null ? '' : `, because ${clause(faultBecause)}`;
  switch (atFault) {
    case null:
      return faultBecause === null ? 'nobody' : `not proven${because}`;
    case 'path':
      return `the path between the ends${because}`;
    case 'attacker':
      return `an attacker${because}`;
    default:
      return `${atFault}${because}`;
  }
}

/** `` `SELECT ?` (MySQL) ``, `octets that are no text`, `nothing`. */
export function wordsText({ protocol, text }: Words): string {
  switch (protocol) {
    case 'none':
    case 'cut':
    case 'binary':
      return sanitise(text);
    case 'text':
      return `\`${sanitise(text)}\``;
    default:
      return `\`${sanitise(text)}\` (${protocol})`;
  }
}

/** What `saidTexts` are about. */
export const saidLabel = ({ which }: LastSaid): string => (which === 'last' ? 'Last said' : 'Slowest');

/** What the connections of a finding said last, one sentence each: of the clients, of the servers, and of open transactions. */
export function saidTexts(said: LastSaid, count: number): readonly string[] {
  const { connections, inTransaction, inTransactionProven, groups } = said;
  const side = (name: SaidGroup['side']): string[] => {
    const own = groups.filter((g) => g.side === name);
    if (own.length === 0) return [];
    const shown = own.slice(0, GROUPS_NAMED).map((g) => (g.count === connections ? wordsText(g) : `${countText(g.count)} ${wordsText(g)}`));
    const rest = connections - own.slice(0, GROUPS_NAMED).reduce((sum, g) => sum + g.count, 0);
    const whole = connections > 1 && own[0]?.count === connections ? `all ${countText(connections)}: ` : '';
    return [`${name}: ${whole}${shown.join(', ')}${rest > 0 ? `, ${countText(rest)} something else` : ''}`];
  };
  const proof = inTransactionProven === 0 ? 'as the last statement says' : `as the server says of ${countText(inTransactionProven)}`;
  return [
    ...(connections < count ? [`of the first ${countText(connections)} of ${plural(count, 'connection')}`] : []),
    ...side('client'),
    ...side('server'),
    ...(inTransaction === 0
      ? []
      : [`${countText(inTransaction)} of ${plural(connections, 'connection')} with an open transaction, ${proof}`]),
  ];
}

/** `since 08:33:01.123, still so at the end (5 min 11 s)`, `from … until … (12 s)`; null when the finding has no time. */
export function whenText(finding: Pick<Finding, 'since' | 'until'>, captureEnd: string | null): string | null {
  const { since, until } = finding;
  if (since === null) return until === null ? null : `until ${clockText(until)}`;
  const lasting = (end: string | null): string => {
    const length = end === null ? null : secondsBetween(since, end);
    return length === null || length <= 0 ? '' : ` (${durationText(length)})`;
  };
  if (until === null) return `since ${clockText(since)}, still so at the end of the capture${lasting(captureEnd)}`;
  return since === until ? `at ${clockText(since)}` : `from ${clockText(since)} until ${clockText(until)}${lasting(until)}`;
}

/** A finding in its place: `number` is its number in the report, `depth` how far it stands below its cause. */
export interface PlacedFinding {
  readonly finding: Finding;
  readonly number: number;
  readonly depth: number;
}

/** Causes in report order, each followed by its consequences. Nothing is lost when `explainedBy` names nobody or goes in a circle. */
export function placeFindings(findings: readonly Finding[]): readonly PlacedFinding[] {
  const ids = new Set(findings.map((f) => f.id));
  const consequences = new Map<string, number[]>();
  const placed: PlacedFinding[] = [];
  const seen = new Set<number>();
  findings.forEach((f, i) => {
    if (f.explainedBy === null || !ids.has(f.explainedBy)) return;
    const list = consequences.get(f.explainedBy) ?? [];
    list.push(i);
    consequences.set(f.explainedBy, list);
  });
  const place = (index: number, depth: number): void => {
    const finding = findings[index];
    if (finding === undefined || seen.has(index)) return;
    seen.add(index);
    placed.push({ finding, number: index + 1, depth });
    for (const next of consequences.get(finding.id) ?? []) place(next, depth + 1);
  };
  findings.forEach((f, i) => {
    if (f.explainedBy === null || !ids.has(f.explainedBy)) place(i, 0);
  });
  findings.forEach((_, i) => place(i, 0)); // what only a circle leads to
  return placed;
}

/** How the severities are spread: `1 critical, 2 warnings`; empty when there is no finding. */
export function severityCounts(findings: readonly Finding[]): string {
  const say: readonly (readonly [Severity, string, string])[] = [
    ['critical', 'critical', 'critical'],
    ['warning', 'warning', 'warnings'],
    ['notice', 'notice', 'notices'],
    ['info', 'info', 'info'],
  ];
  return say
    .map(([severity, one, many]) => [findings.filter((f) => f.severity === severity).length, one, many] as const)
    .filter(([n]) => n > 0)
    .map(([n, one, many]) => plural(n, one, many))
    .join(', ');
}

/** A rule that said nothing, and why. */
export interface Unsaid {
  readonly id: string;
  readonly because: string;
}

/** The verdicts of the rules that found nothing, sorted by what that means. */
export interface Silence {
  readonly clear: readonly string[];
  readonly unsure: readonly Unsaid[];
  readonly notApplicable: readonly Unsaid[];
}

const unsaid = ({ id, because }: RuleVerdict): Unsaid => ({ id, because: clause(because ?? 'the capture does not say') });

export function silence(rules: readonly RuleVerdict[]): Silence {
  return {
    clear: rules.filter((r) => r.verdict === 'clear').map((r) => r.id),
    unsure: rules.filter((r) => r.verdict === 'inconclusive').map(unsaid),
    notApplicable: rules.filter((r) => r.verdict === 'not-applicable').map(unsaid),
  };
}

/** What to say when no finding is above `info`; null when there is something to report. */
export function nothingWrongText(report: Pick<Report, 'capture' | 'findings' | 'rules'>): string | null {
  const { capture, findings, rules } = report;
  if (capture.packets === 0) {
    if (capture.caveats.some((c) => c.code === 'interrupted')) return 'No packet was read before the interruption.';
    if (capture.caveats.some((c) => c.code === 'reading-ended'))
      return 'No packet was read: the capture begins behind the end of reading that was asked for.';
    return 'The capture is empty: it holds no packet, so there is nothing to diagnose.';
  }
  if (findings.some((f) => f.severity !== 'info')) return null;
  if (capture.tcpPackets === 0) {
    return `The capture holds ${plural(capture.packets, 'packet')} and none of them is TCP, so there is no connection to diagnose.`;
  }
  if (capture.caveats.some((c) => c.code === 'report-filtered' && c.count > 0))
    return 'Nothing wrong was found among what was asked for; other findings are left out, see the note above.';
  if (rules.length === 0) return 'No rule was asked to look at this capture.';
  const unsure = rules.filter((r) => r.verdict === 'inconclusive').length;
  const decided = rules.length - unsure;
  const looked = `${plural(decided, 'rule')} looked at ${plural(capture.connections, 'connection')}`;
  if (unsure === 0) return `Nothing is wrong: ${looked}.`;
  if (decided === 0) return `Nothing was found, and no rule could decide: see below what they miss in this capture.`;
  return `Nothing wrong was found: ${looked}; ${countText(unsure)} more could not tell.`;
}
