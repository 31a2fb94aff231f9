/**
 * Which packets are taken out of a capture: those of a finding, of one connection, or of the connections that `--where` and `--from`
 * select. Chosen by connection and frame after the analysis; `extract.ts` reads the capture again and asks for each packet.
 */
import type { Packet } from '../decode/packet.ts';
import type { Neighbours } from '../detect/detector.ts';
import { inPrefix, ipv4Text, ipv6Text, parsePrefix, type Prefix } from '../model/address.ts';
import { UsageError } from '../model/errors.ts';
import type { ConnectionView } from '../model/connection.ts';
import type { Finding, Subject } from '../model/finding.ts';
import { didYouMean } from '../model/nearest.ts';
import { sanitise } from '../model/sanitise.ts';
import { nanosOf } from '../model/units.ts';
import type { Members } from './members.ts';
import { missing } from './missing.ts';

/** What is wanted. A finding by its id or its number in the report; `selected`: what `--where` and `--from` select; `everything`: all packets. */
export type Wanted = { readonly finding: string } | { readonly connection: number } | 'selected' | 'everything';

/** What there is to choose from. */
export interface Selectable {
  readonly connections: number;
  /** In report order. */
  readonly findings: readonly Finding[];
  /** All connections of a finding, and all their legs. */
  members(finding: Finding): Members;
  /** null: all. */
  readonly shown: ((id: number) => boolean) | null;
  /** Its first leg, where it was captured on both sides of an address translator; itself elsewhere. */
  firstLeg(id: number): number;
  connection(id: number): Pick<ConnectionView, 'start' | 'end' | 'previous'>;
}

export interface Selection {
  /** By id: 1 where its packets are taken. */
  readonly connections: Uint8Array;
  /** Packets that are taken although they are of none of these; null: none. */
  readonly others: ((packet: Packet, ofConnection: boolean) => boolean) | null;
  /** Packets that are none of the finding's, but of those by whom its rule judged; null: none. `id` of the connection, -1 of none. */
  readonly neighbours: ((packet: Packet, id: number) => boolean) | null;
  /** Findings whose proofs among the packets are marked as such. */
  readonly findings: readonly Finding[];
  /** Frames that are taken whatever they are, ascending: the proofs of the finding that is wanted. */
  readonly frames: readonly number[];
  /** What was taken, for a person: `close-wait-stuck/10.0.0.1`. */
  readonly title: string;
}

/** @throws UsageError where there is no such finding or connection */
export function select(from: Selectable, wanted: Wanted): Selection {
  if (wanted === 'selected') {
    const { shown } = from;
    return byConnection(from, (id) => shown === null || shown(id), from.findings, 'the connections that were selected');
  }
  if (wanted === 'everything') return { ...byConnection(from, () => true, from.findings, 'the capture'), others: () => true };
  if ('connection' in wanted) {
    const { connection } = wanted;
    if (!Number.isSafeInteger(connection) || connection < 0 || connection >= from.connections)
      throw missing('connection', connection, 0, from.connections - 1);
    const first = from.firstLeg(connection);
    return byConnection(from, (id) => from.firstLeg(id) === first, from.findings, `connection ${String(connection)}`);
  }
  const finding = findingOf(from.findings, wanted.finding);
  const members = from.members(finding);
  const { evidence } = finding;
  // A proof may be of a connection that the finding is not about: the attempt that is refused after a process was killed.
  const proving = new Set(evidence.map(({ connection }) => connection));
  // And the one before on its tuple may be what a segment belonged to.
  for (let id = 0; id < from.connections; id++) {
    const before = members.has(id) ? from.connection(id).previous : null;
    if (before !== null) proving.add(before);
  }
  const has = (id: number): boolean => members.has(id) || proving.has(id);
  const beside = members.size === 0 || evidence.some(({ connection }) => connection === null);
  return {
    ...byConnection(from, (id) => has(id) || has(from.firstLeg(id)), [finding], finding.id),
    others: beside ? about(finding.subject, members.size === 0) : null,
    neighbours: members.neighbours === null ? null : neighboursOf(from, finding.subject, members, members.neighbours),
    frames: [...new Set(finding.evidence.map(({ frame }) => frame))].sort((a, b) => a - b),
  };
}

function byConnection(from: Selectable, has: (id: number) => boolean, findings: readonly Finding[], title: string): Selection {
  const connections = new Uint8Array(from.connections);
  for (let id = 0; id < connections.length; id++) if (has(id)) connections[id] = 1;
  return { connections, others: null, neighbours: null, findings, frames: [], title };
}

/** Findings named where none has the id. */
const NAMED = 5;

/** By id, or by number as the report counts, from 1 on. */
export function findingOf(findings: readonly Finding[], word: string): Finding {
  const found = findings.find(({ id }) => id === word) ?? (/^\d{1,7}$/.test(word) ? findings[Number(word) - 1] : undefined);
  if (found !== undefined) return found;
  const shown = `there is no finding "${sanitise(word, 200)}"`;
  if (findings.length === 0) throw new UsageError(`${shown}: nothing was found in this capture.`);
  const ids = findings.map(({ id }) => id);
  const near = didYouMean(word, ids);
  const some = `${ids.slice(0, NAMED).join(', ')}${ids.length > NAMED ? ', …' : ''}`;
  throw new UsageError(near === '' ? `${shown}; the report has 1 to ${String(ids.length)}: ${some}.` : `${shown}${near}`);
}

/** So long before and behind a finding do rules look for others at most: for refusals after a process has ended (`refusedSeconds`, aborts.ts). */
const BESIDE = nanosOf(5);

/**
 * Those that were there at the time, so that a day of a busy service does not come with one of its connections. They come whole: one that is
 * cut looks like one of which the capture lost packets.
 */
function neighboursOf(from: Selectable, subject: Subject, members: Members, neighbours: Neighbours): Selection['neighbours'] {
  const { period } = members;
  let since = period.since ?? Infinity;
  let until = period.until ?? (period.since === null ? -Infinity : Infinity);
  for (let id = 0; id < from.connections; id++) {
    if (!members.has(id)) continue;
    const { start, end } = from.connection(id);
    since = Math.min(since, start);
    until = Math.max(until, end);
  }
  const present = new Uint8Array(from.connections);
  for (let id = 0; id < present.length; id++) {
    const { start, end } = from.connection(id);
    if (start <= until + BESIDE && end >= since - BESIDE) present[id] = 1;
  }
  const tests = subjectsOf(subject, neighbours).map((one) => about(one, true));
  return (packet, id) => (id < 0 || present[id] === 1) && tests.some((test) => test?.(packet, id >= 0) === true);
}

/** Whose packets the rule looked at to judge those of the finding. A client's `port` is its peer's. */
function subjectsOf({ host, subnet, role, peer, port }: Subject, neighbours: Neighbours): readonly Subject[] {
  const hosts = [host ?? subnet, peer].flatMap((one) => (one === undefined ? [] : [one]));
  const server = role === 'client' ? peer : host;
  if (neighbours === 'service' && server !== undefined && port !== undefined) return [{ host: server, port }];
  return hosts.map((one) => ({ host: one }));
}

/**
 * Of a finding that has proofs outside connections: what goes to or comes from its subject and is of no connection, or of any where the
 * finding has none. null: it is about the capture, not about a host.
 */
function about({ host, subnet, peer, port, peerPort }: Subject, ofConnections: boolean): Selection['others'] {
  const one = prefixOf(host ?? subnet);
  const other = prefixOf(peer);
  if (one === null) return null;
  const service = port ?? peerPort ?? null;
  return (packet, ofConnection) => {
    if (packet.ipVersion === 0 || (ofConnection && !ofConnections)) return false;
    const source = addressText(packet, packet.srcAt);
    const destination = addressText(packet, packet.dstAt);
    if (!inPrefix(source, one) && !inPrefix(destination, one)) return false;
    if (other !== null && !inPrefix(source, other) && !inPrefix(destination, other)) return false;
    const { srcPort, dstPort } = packet;
    return service === null || (srcPort === 0 && dstPort === 0) || srcPort === service || dstPort === service;
  };
}

const prefixOf = (word: string | undefined): Prefix | null => (word === undefined ? null : parsePrefix(word));

function addressText({ view, ipVersion }: Packet, at: number): string {
  return ipVersion === 6 ? ipv6Text(new Uint8Array(view.buffer, view.byteOffset + at, 16)) : ipv4Text(view.getInt32(at));
}
