/** `compare`: the findings of two captures matched by their ids, and the traffic of each in the same figures. */
import { endpointText } from '../model/address.ts';
import type {
  Comparison,
  FindingBrief,
  FindingChange,
  Quantiles,
  ServiceChange,
  ServiceSummary,
  TrafficSummary,
} from '../model/comparison.ts';
import type { Outcome } from '../model/connection.ts';
import { type Finding, SEVERITIES } from '../model/finding.ts';
import { type ConnectionRow, type Report, SCHEMA_VERSION } from '../model/report.ts';
import type { StateName } from '../model/state.ts';
import { TOOL_NAME, TOOL_VERSION } from '../model/version.ts';
import { plural } from '../model/wording.ts';

/** What is compared of an analysis. */
export interface Compared {
  readonly report: Report;
  connections(): Iterable<ConnectionRow>;
}

/** A count that changed by less is the same: no two minutes are alike. */
const NOTABLE = 1.5;
const MAX_FINDINGS = 1_000;
const MAX_SERVICES = 20;
/** Services are counted apart up to here; a scan of all ports makes more. */
const COUNTED_SERVICES = 10_000;

const TROUBLED: ReadonlySet<Outcome> = new Set<Outcome>(['refused', 'unanswered', 'half-open', 'reset', 'leaked']);

export function compare(before: Compared, after: Compared): Comparison {
  const a = summarise(before);
  const b = summarise(after);
  const findings = findingChanges(before.report, after.report);
  const services = serviceChanges(a.services, b.services);
  return {
    type: 'comparison',
    schemaVersion: SCHEMA_VERSION,
    tool: { name: TOOL_NAME, version: TOOL_VERSION },
    verdict: verdictOf(findings),
    before: a.traffic,
    after: b.traffic,
    findings: findings.slice(0, MAX_FINDINGS),
    findingsLeftOut: Math.max(0, findings.length - MAX_FINDINGS),
    services: services.slice(0, MAX_SERVICES),
    servicesLeftOut: Math.max(0, services.length - MAX_SERVICES),
    caveats: { before: before.report.capture.caveats, after: after.report.capture.caveats },
  };
}

const rank = (f: FindingBrief): number => SEVERITIES.indexOf(f.severity);
const ORDER: readonly FindingChange['change'][] = ['appeared', 'worse', 'vanished', 'better', 'same'];

function findingChanges(before: Report, after: Report): readonly FindingChange[] {
  const earlier = new Map(before.findings.map((f) => [f.id, f]));
  const later = new Map(after.findings.map((f) => [f.id, f]));
  const ids = [...new Set([...later.keys(), ...earlier.keys()])];
  const changes = ids.map((id) => findingChange(id, earlier.get(id), later.get(id), after));
  const weight = ({ before: b, after: a }: FindingChange): number => Math.min(...[a, b].flatMap((f) => (f === null ? [] : [rank(f)])));
  return changes.sort((x, y) => ORDER.indexOf(x.change) - ORDER.indexOf(y.change) || weight(x) - weight(y));
}

function findingChange(id: string, before: Finding | undefined, after: Finding | undefined, report: Report): FindingChange {
  const rule = (after ?? before)?.rule ?? '';
  const answer = report.rules.find((r) => r.id === rule);
  return {
    id,
    rule,
    change: changeOf(before, after),
    before: briefOf(before),
    after: briefOf(after),
    unanswered: after === undefined && answer?.verdict === 'inconclusive' ? answer.because : null,
  };
}

function changeOf(before: Finding | undefined, after: Finding | undefined): FindingChange['change'] {
  if (before === undefined) return 'appeared';
  if (after === undefined) return 'vanished';
  if (rank(before) !== rank(after)) return rank(after) < rank(before) ? 'worse' : 'better';
  if (after.count >= before.count * NOTABLE) return after.count === before.count ? 'same' : 'worse';
  return after.count * NOTABLE <= before.count ? 'better' : 'same';
}

const briefOf = (f: Finding | undefined): FindingBrief | null =>
  f === undefined ? null : { severity: f.severity, title: f.title, atFault: f.atFault, count: f.count };

function verdictOf(findings: readonly FindingChange[]): string {
  const count = (change: FindingChange['change']): number => findings.filter((f) => f.change === change).length;
  const said = [
    [count('appeared'), 'appeared'],
    [count('worse'), 'got worse'],
    [count('vanished'), 'vanished'],
    [count('better'), 'got better'],
  ] as const;
  const parts = said.filter(([n]) => n > 0).map(([n, what]) => `${plural(n, 'finding')} ${what}`);
  if (parts.length > 0) return `${parts.join(', ')}.`;
  return findings.length === 0 ? 'Nothing is wrong in either capture.' : 'What was wrong before is wrong after.';
}

interface Tally {
  connections: number;
  troubled: number;
  readonly connects: number[];
}

interface Summary {
  readonly traffic: TrafficSummary;
  readonly services: ReadonlyMap<string, Tally>;
}

function summarise(compared: Compared): Summary {
  const { capture } = compared.report;
  const outcomes: Partial<Record<Outcome, number>> = {};
  const endStates: Partial<Record<StateName, number>> = {};
  const services = new Map<string, Tally>();
  const connects: number[] = [];
  const durations: number[] = [];
  let rows = 0;
  let troubled = 0;
  let packets = 0;
  let retransmissions = 0;
  for (const c of compared.connections()) {
    rows++;
    outcomes[c.outcome] = (outcomes[c.outcome] ?? 0) + 1;
    const failed = TROUBLED.has(c.outcome);
    if (failed) troubled++;
    if (c.connectSeconds !== null) connects.push(c.connectSeconds);
    durations.push(c.duration);
    for (const end of [c.client, c.server]) {
      packets += end.packets;
      retransmissions += end.retransmissions;
      if (end.state !== 'CLOSED') endStates[end.state] = (endStates[end.state] ?? 0) + 1;
    }
    const service = tallyOf(services, endpointText(c.server.ip, c.server.port));
    if (service === null) continue;
    service.connections++;
    if (failed) service.troubled++;
    if (c.connectSeconds !== null) service.connects.push(c.connectSeconds);
  }
  const seconds = capture.durationSeconds;
  const traffic: TrafficSummary = {
    path: capture.files.map(({ path }) => path).join(', '),
    start: capture.start,
    end: capture.end,
    seconds,
    packets: capture.packets,
    connections: rows,
    connectionsPerSecond: seconds > 0 ? rows / seconds : null,
    outcomes,
    troubledShare: rows > 0 ? troubled / rows : null,
    retransmittedShare: packets > 0 ? retransmissions / packets : null,
    endStates,
    connectSeconds: quantiles(connects),
    durationSeconds: quantiles(durations),
  };
  return { traffic, services };
}

function tallyOf(services: Map<string, Tally>, name: string): Tally | null {
  const known = services.get(name);
  if (known !== undefined || services.size >= COUNTED_SERVICES) return known ?? null;
  const made: Tally = { connections: 0, troubled: 0, connects: [] };
  services.set(name, made);
  return made;
}

function serviceChanges(before: ReadonlyMap<string, Tally>, after: ReadonlyMap<string, Tally>): readonly ServiceChange[] {
  const names = [...new Set([...before.keys(), ...after.keys()])];
  const size = (name: string): number => Math.max(before.get(name)?.connections ?? 0, after.get(name)?.connections ?? 0);
  const largest = names.sort((x, y) => size(y) - size(x) || (x < y ? -1 : 1));
  return largest.map((service) => ({ service, before: serviceSummary(before.get(service)), after: serviceSummary(after.get(service)) }));
}

const serviceSummary = (tally: Tally | undefined): ServiceSummary | null =>
  tally === undefined ? null : { connections: tally.connections, troubled: tally.troubled, connectSeconds: quantiles(tally.connects) };

/** The nearest rank: a value that was measured. */
function quantiles(values: number[]): Quantiles {
  values.sort((x, y) => x - y);
  const at = (share: number): number | null => values[Math.max(0, Math.ceil(values.length * share) - 1)] ?? null;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}
