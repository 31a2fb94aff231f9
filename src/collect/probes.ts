/**
 * Segments that belong to no connection and open none: probes with flags that no stack sends, and lone ACKs and FINs that
 * meet a bare RST. From the lists of the census alone, so that a capture without them costs nothing.
 */
import type { FlagProbes, ProbeKind } from '../model/capture-view.ts';
import { Flag } from '../model/flags.ts';
import { Mark } from '../model/connection.ts';
import { otherSide, Side } from '../model/state.ts';
import type { ConnId } from '../model/units.ts';
import { eventKind, eventSide, markDetail, markKind } from '../track/events.ts';
import { Core, Half, HALF_STRIDE, pairOf, Trait } from '../track/layout.ts';
import { RstBit } from '../track/reset.ts';
import type { Census } from './census.ts';

const ODD = markKind(Mark.ODD_FLAGS);
const RST = markKind(Mark.RST);
/** Segments of one tuple that are still a probe: scanners repeat an unanswered one once or twice. */
const MAX_COPIES = 3;

/** Probes that a closed port answers by RST and a listening one does not (RFC 9293 §3.10.7.1, §3.10.7.2). */
const TELLING: ReadonlySet<string> = new Set(['NULL', 'FIN', 'Xmas']);

interface Group {
  readonly source: string;
  readonly target: string;
  readonly kinds: Map<string, { count: number; answered: number; first: ConnId }>;
  readonly ports: Set<number>;
  /** Of ports that got a probe to which a listening port is silent and a closed one is not: did they answer? */
  readonly answers: Map<number, boolean>;
  readonly strayPorts: Set<number>;
  readonly ids: ConnId[];
  odd: number;
}

/** Probes with odd flags, and lone ACKs and FINs, by who sent them to whom. */
export function flagProbes(census: Census, odd: readonly ConnId[], strays: readonly ConnId[]): FlagProbes[] {
  const groups = new Map<string, Group>();
  for (const id of odd) {
    const { core, c } = at(census, id);
    // In a connection that works, odd flags are damage or a device, and nobody's question.
    if ((core[c + Core.STATE]! & Trait.COMPLETED) !== 0) continue;
    noteOdd(census, groups, id);
  }
  for (const id of strays) {
    const side = strayOf(census, id)!;
    const c = census.connection(id);
    const group = groupOf(groups, c.ends[side].ip, c.ends[otherSide(side)].ip);
    note(group, id, c.ends[side].fin > 0 ? 'Maimon' : 'ACK', 1, true, c.ends[otherSide(side)].port);
    group.strayPorts.add(c.ends[otherSide(side)].port);
  }
  return [...groups.values()].map((g) => {
    const kinds: ProbeKind[] = [...g.kinds].map(([name, k]) => ({ name, ...k })).sort((a, b) => b.count - a.count);
    const silent = [...g.answers].flatMap(([port, answered]) => (answered ? [] : [port]));
    return {
      source: g.source,
      target: g.target,
      kinds,
      odd: g.odd,
      ports: [...g.ports].sort((a, b) => a - b),
      silentPorts: silent.sort((a, b) => a - b),
      strayPorts: g.strayPorts.size,
      ids: g.ids.sort((a, b) => a - b),
    };
  });
}

function noteOdd(census: Census, groups: Map<string, Group>, id: ConnId): void {
  const { events } = census.tracker.tables;
  const view = census.connection(id);
  const counts = new Map<string, number>();
  let sender: Side | null = null;
  for (let ref = events.first(id); ref !== 0; ref = events.next(ref)) {
    const code = events.code(ref);
    if (eventKind(code) !== ODD) continue;
    sender ??= eventSide(code) === 0 ? Side.CLIENT : Side.SERVER;
    const name = kindName(markDetail(code));
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  if (sender === null) return;
  const target = view.ends[otherSide(sender)];
  const group = groupOf(groups, view.ends[sender].ip, target.ip);
  for (const [name, count] of counts) {
    note(group, id, name, count, target.packets > 0, target.port);
    group.odd += count;
  }
}

function groupOf(groups: Map<string, Group>, source: string, target: string): Group {
  const key = `${source} ${target}`;
  let group = groups.get(key);
  if (!group)
    groups.set(
      key,
      (group = { source, target, kinds: new Map(), ports: new Set(), answers: new Map(), strayPorts: new Set(), ids: [], odd: 0 }),
    );
  return group;
}

function note(group: Group, id: ConnId, name: string, count: number, answered: boolean, port: number): void {
  const kind = group.kinds.get(name);
  if (kind) {
    kind.count += count;
    if (answered) kind.answered += count;
  } else group.kinds.set(name, { count, answered: answered ? count : 0, first: id });
  group.ports.add(port);
  if (TELLING.has(name)) group.answers.set(port, answered || group.answers.get(port) === true);
  if (group.ids.at(-1) !== id) group.ids.push(id);
}

/** nmap's names, where there is one. */
function kindName(flags: number): string {
  const six = flags & 0x3f;
  if (six === 0) return 'NULL';
  if ((six & Flag.SYN) !== 0) return (six & Flag.RST) !== 0 ? 'SYN+RST' : 'SYN+FIN';
  return six === Flag.FIN ? 'FIN' : 'Xmas';
}

/**
 * The end whose one question (an ACK, or FIN and ACK, without data; copies included) met nothing but a bare RST; null when the
 * connection is anything else. The kernel of the other end knows no such connection, and we saw none begin.
 */
export function strayOf(census: Census, id: ConnId): Side | null {
  const { core, c } = at(census, id);
  const ref = pairOf(core, c);
  const unseen = (core[c + Core.STATE]! & (Trait.MIDSTREAM | Trait.SAW_SYN | Trait.SAW_SYN_ACK | Trait.ODD_FLAGS)) === Trait.MIDSTREAM;
  if (!unseen || ref === 0) return null;
  const { pairs, events } = census.tracker.tables;
  const pair = pairs.page(ref - 1);
  const octets = pairs.floatPage(ref - 1);
  const client = pairs.offset(ref - 1);
  const side = pair[client + Half.RST] === 0 ? Side.CLIENT : Side.SERVER;
  const me = client + side * HALF_STRIDE;
  const peer = client + (1 - side) * HALF_STRIDE;
  const asked = pair[me + Half.PACKETS]!;
  if (asked === 0 || asked > MAX_COPIES || pair[me + Half.RST]! > 0 || octets[(me + Half.PAYLOAD) >> 1]! > 0) return null;
  if (pair[peer + Half.RST] === 0 || pair[peer + Half.RST] !== pair[peer + Half.PACKETS]) return null;
  for (let event = events.first(id); event !== 0; event = events.next(event)) {
    const code = events.code(event);
    if (eventKind(code) === RST && (markDetail(code) & RstBit.HAS_ACK) !== 0) return null;
  }
  return side;
}

function at(census: Census, id: ConnId): { core: Int32Array; c: number } {
  const { cores } = census.tracker.tables;
  return { core: cores.page(id), c: cores.offset(id) };
}
