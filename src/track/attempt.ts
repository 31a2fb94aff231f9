/** An attempt at a connection as its columns tell it: did a kernel make it, which follows it up, or nobody? A flood has a million of them. */
import { Mark } from '../model/connection.ts';
import { Side, State } from '../model/state.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import { synAcksOf, synsOf } from './embryo-word.ts';
import { eventKind, EventKind, eventTo, markDetail, markKind } from './events.ts';
import { Core, Half, HALF_STRIDE, lengthOfSyn, Sequel, sequelOf, SynOption, Trait, ttlOfLone } from './layout.ts';
import { RstBit } from './reset.ts';
import { optionsOf } from './sequel.ts';
import type { Tables } from './tables.ts';

/** No kernel repeats a SYN sooner than this (initial RTO 1 s, RFC 6298 §2.1; half of it for odd stacks). */
const EARLIEST_RETRY = 0.5 * NANOS_PER_SECOND;
/** A SYN-ACK that took longer may be refused by a client that had given up: a connect timeout, not a forged source. */
const PATIENCE = 0.3 * NANOS_PER_SECOND;
const SYN_AGAIN = markKind(Mark.SYN_AGAIN);
const RST = markKind(Mark.RST);

/** How an attempt went, from its columns. */
export const Fate = { OTHER: 0, COMPLETED: 1, DEAD: 2, RETRIED: 3 } as const;
export type Fate = (typeof Fate)[keyof typeof Fate];

export class Attempt {
  syns = 0;
  synAcks = 0;
  reset = false;
  address = 0;
  ttl = 0;
  /** 0: not known, where there is more than SYNs and SYN-ACKs */
  ipLength = 0;
  port = 0;
  bare = false;
  /** -0: float64 from the start, also where the first times are small integers. */
  start = -0;
}

/** Fills the row with an attempt's facts. */
export function readAttempt(tables: Tables, id: number, row: Attempt): Fate {
  const core = tables.cores.page(id);
  const c = tables.cores.offset(id);
  const word = core[c + Core.STATE]!;
  if ((word & Trait.SAW_SYN) === 0) return Fate.OTHER;
  const clientIsB = (word & Trait.CLIENT_IS_B) !== 0;
  row.address = core[c + (clientIsB ? Core.ADDR_B : Core.ADDR_A)]!;
  row.port = clientIsB ? core[c + Core.PORTS]! & 0xffff : core[c + Core.PORTS]! >>> 16;
  row.start = tables.firstTimes.of(id);
  row.reset = false;
  row.ipLength = lengthOfSyn(core, c);
  const sequel = sequelOf(core, c) - 1;
  if (sequel < 0) {
    row.ttl = ttlOfLone(core, c);
    row.bare = isBare(core[c + Core.OPTIONS]!);
    row.syns = 1;
    row.synAcks = 0;
    return Fate.DEAD;
  }
  const words = tables.sequels.page(sequel);
  const s = tables.sequels.offset(sequel);
  row.ttl = words[s + Sequel.TTLS]! & 255;
  row.bare = isBare(optionsOf(tables, core, c, Side.CLIENT));
  const ref = core[c + Core.PAIR]!;
  let clientPackets: number;
  let serverPackets: number;
  if (ref === 0) {
    const embryo = words[s + Sequel.EMBRYO]!;
    row.syns = clientPackets = synsOf(embryo);
    row.synAcks = serverPackets = synAcksOf(embryo);
  } else {
    const pair = tables.pairs.page(ref - 1);
    const client = tables.pairs.offset(ref - 1);
    const server = client + HALF_STRIDE;
    row.syns = pair[client + Half.SYN]!;
    row.synAcks = pair[server + Half.SYN_ACK]!;
    row.reset = pair[client + Half.RST]! > 0;
    clientPackets = pair[client + Half.PACKETS]! - pair[client + Half.RST]!;
    serverPackets = pair[server + Half.PACKETS]!;
  }
  if ((word & Trait.COMPLETED) !== 0) return Fate.COMPLETED;
  if ((word & (Trait.REFUSED | Trait.ICMP_ERROR)) !== 0 || clientPackets !== row.syns || serverPackets !== row.synAcks) return Fate.OTHER;
  if (row.reset) {
    // Aborting a connection of its own, a kernel acknowledges; the bare form answers a SYN-ACK that nobody asked for.
    if (firstMark(tables, id, RST, (code) => (markDetail(code) & RstBit.HAS_ACK) === 0) === null) return Fate.OTHER;
    if (slowAnswer(tables, id, row.start)) return Fate.RETRIED;
  }
  return row.syns > 1 && (firstMark(tables, id, SYN_AGAIN) ?? 0) - row.start >= EARLIEST_RETRY ? Fate.RETRIED : Fate.DEAD;
}

const isBare = (options: number): boolean => (options & (SynOption.SEEN | SynOption.HAS_MSS)) === SynOption.SEEN;

function slowAnswer(tables: Tables, id: number, start: number): boolean {
  const { events } = tables;
  for (let ref = events.first(id); ref !== 0; ref = events.next(ref)) {
    const code = events.code(ref);
    if (eventKind(code) === EventKind.TRANSITION && eventTo(code) === State.SYN_RCVD) return events.time(ref) - start >= PATIENCE;
  }
  return false;
}

/** Time of the first mark of a kind that passes the test. */
function firstMark(tables: Tables, id: number, kind: number, test: (code: number) => boolean = () => true): number | null {
  const { events } = tables;
  for (let ref = events.first(id); ref !== 0; ref = events.next(ref)) {
    const code = events.code(ref);
    if (eventKind(code) === kind) return test(code) ? events.time(ref) : null;
  }
  return null;
}
