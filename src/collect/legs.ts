/**
 * One connection under several tuples: before and behind an address translator (NAT, DNAT, a load balancer that forwards
 * packets), captured on the host that translates. Its legs have the same initial sequence numbers, because a translator
 * changes addresses and ports, not numbers. A proxy answers with numbers of its own and is never joined.
 *
 * Equal numbers alone do not join: forgers and test tools send one number for all. The handshake behind must lie within the
 * handshake before, or, where no answer was seen on both legs, the SYN must be a kernel's, a moment later and a hop further.
 *
 * Linear: bits find the numbers that may come twice, and only their connections are sorted.
 */
import type { LegLosses, LegView, LostSegments } from '../model/capture-view.ts';
import { type ConnId, connId, NANOS_PER_SECOND } from '../model/units.ts';
import type { ConnectionView, EndpointView } from '../model/connection.ts';
import type { Tables } from '../track/tables.ts';
import { Core, Half, HALF_STRIDE, Meta, pairOf, SynOption, Trait } from '../track/layout.ts';
import { firstSynAckOf, issOf, lastTimeOf, optionsOf, ttlsOf } from '../track/sequel.ts';
import { IdCursor, IdList } from './id-bits.ts';
import { BATCH, type Repeats } from './repeats.ts';
import type { Scratch } from './scratch.ts';
import { Twice } from './twice.ts';

/** A number that more tuples share is no sign of a leg, but a stack or tool that always sends the same. */
const MAX_LEGS = 8;
/** A translator forwards a SYN within milliseconds; its retry comes after a second (RFC 6298 §2.1). */
const FORWARDED_WITHIN = NANOS_PER_SECOND;
/** An acknowledgment further ahead of the ISN than any window is not of this connection (RFC 7323 §2.3). */
const MAX_WINDOW = 1 << 30;
/** Connections sorted at most; their position must fit beside the number in a float64. */
const MAX_CANDIDATES = 1 << 21;

export class Legs {
  readonly #tables: Tables;
  readonly #n: number;
  /** Per connection: id of leg 0, + 1; 0 not joined. Empty when nothing is joined. */
  #first = new Int32Array(0);
  /** Per connection: id of the next leg, + 1. */
  #next = new Int32Array(0);
  /** Connections that are a leg of an earlier one. */
  followers = 0;

  constructor(tables: Tables, connections: number, scratch: Scratch, repeats: Repeats) {
    this.#tables = tables;
    this.#n = connections;
    if (repeats.isns.again > 0) this.#joinEqual(this.#candidates(repeats.isns, scratch));
    if (repeats.answersOnly) this.#joinAnswered();
  }

  /** Is it a further leg of a connection that is counted already? */
  isFollower(id: number): boolean {
    return this.followers > 0 && this.#first[id]! > 0 && this.#first[id]! !== id + 1;
  }

  /** Id of leg 0 of a connection, itself when it has one leg. */
  firstOf(id: number): ConnId {
    return connId(this.followers > 0 && this.#first[id]! > 0 ? this.#first[id]! - 1 : id);
  }

  /** Ids of all legs of a connection, in the order of their first frames; empty when it has one. */
  legsOf(id: number): readonly ConnId[] {
    const out: ConnId[] = [];
    if ((this.#first[id] ?? 0) === 0) return out; // it may be younger than the account
    for (let at = this.#first[id]!; at !== 0; at = this.#next[at - 1]!) out.push(connId(at - 1));
    return out;
  }

  /** `leg` and `sameAs` of a connection; null when it has one leg. */
  of(id: number): LegView | null {
    const legs = this.legsOf(id);
    if (legs.length === 0) return null;
    const leg = legs.indexOf(connId(id));
    return { leg, sameAs: leg === 0 ? null : legs[0]! };
  }

  /** Ids of connections whose ISN may come twice, sorted by ISN and then by id. */
  #candidates(isns: Twice, scratch: Scratch): Int32Array {
    const { cores } = this.#tables;
    const list = new IdList(this.#n);
    /** Of each id in the list. */
    const numbers = scratch.ints(this.#n);
    const isnOf = new Int32Array(BATCH);
    const idOf = new Int32Array(BATCH);
    for (let from = 0; from < this.#n; from += BATCH) {
      const to = Math.min(this.#n, from + BATCH);
      let syns = 0;
      for (let id = from; id < to; id++) {
        const core = cores.page(id);
        const c = cores.offset(id);
        if ((core[c + Core.STATE]! & Trait.SAW_SYN) === 0) continue;
        idOf[syns] = id;
        isnOf[syns++] = issOf(this.#tables, core, c, 0);
      }
      for (let i = 0; i < syns; i++) {
        if (!isns.may(isnOf[i]!)) continue;
        numbers[list.length] = isnOf[i]!;
        list.add(idOf[i]!);
      }
    }
    // Of nearly all of them it is said by chance: among these few it is not said again.
    const few = new Twice(scratch.ints(list.length + Twice.words(list.length)).subarray(list.length), scratch);
    for (let i = 0; i < list.length; i++) few.add(numbers[i]!);
    let n = 0;
    for (let i = 0; i < list.length; i++) if (few.may(numbers[i]!)) n++;
    const equal = new Int32Array(Math.min(n, MAX_CANDIDATES));
    const keys = new Float64Array(equal.length);
    const all = new IdCursor(list.ids);
    for (let i = 0, place = 0; place < equal.length; i++) {
      const id = all.next();
      if (!few.may(numbers[i]!)) continue;
      equal[place] = id;
      keys[place] = (numbers[i]! >>> 0) * MAX_CANDIDATES + place++;
    }
    keys.sort();
    const sorted = new Int32Array(equal.length);
    for (let i = 0; i < sorted.length; i++) sorted[i] = equal[keys[i]! % MAX_CANDIDATES]!;
    return sorted;
  }

  #joinEqual(ids: Int32Array): void {
    for (let from = 0, to = 0; from < ids.length; from = to) {
      const isn = this.#isn(ids[from]!, 0);
      while (to < ids.length && this.#isn(ids[to]!, 0) === isn) to++;
      if (to - from < 2 || to - from > MAX_LEGS) continue;
      for (let i = from + 1; i < to; i++) {
        for (let before = i - 1; before >= from; before--) {
          if (!this.#isForwarded(ids[before]!, ids[i]!)) continue;
          this.#join(ids[before]!, ids[i]!);
          break;
        }
      }
    }
  }

  /** Is `b` what became of `a` behind a translator? Both have the same client ISN, and `a` came first. */
  #isForwarded(a: number, b: number): boolean {
    if (this.#isSameTuple(a, b)) return false;
    // A router on the way may lower the MSS; the rest of the options stays.
    const options = this.#options(a);
    if (((options ^ this.#options(b)) & ~0xffff) !== 0) return false;
    const hops = this.#ttl(a) - this.#ttl(b);
    const wait = this.#tables.firstTimes.of(b) - this.#tables.firstTimes.of(a);
    const answered = (id: number): boolean => (this.#word(id, Core.STATE) & Trait.SAW_SYN_ACK) !== 0;
    if (!answered(a) || !answered(b)) return hops > 0 && wait < FORWARDED_WITHIN && (options & SynOption.HAS_MSS) !== 0;
    return (
      this.#isn(a, 1) === this.#isn(b, 1) &&
      this.#firstSynAck(b) < this.#firstSynAck(a) &&
      this.#tables.firstTimes.of(b) <= lastTimeOf(this.#tables, a) &&
      (hops > 0 || (hops === 0 && (this.#sameEnd(a, b, 0) || this.#sameEnd(a, b, 1))))
    );
  }

  /**
   * A translator may take back one of its changes before another (Linux: source at the bridge, destination behind it): then
   * the answers pass an interface under a tuple that the client never used.
   */
  #joinAnswered(): void {
    const byIsn = new Map<number, number[]>();
    for (let id = 0; id < this.#n && byIsn.size < MAX_CANDIDATES; id++) {
      if ((this.#word(id, Core.STATE) & (Trait.SAW_SYN | Trait.SAW_SYN_ACK)) !== Trait.SAW_SYN_ACK || !this.#isOneWay(id)) continue;
      const isn = this.#isn(id, 1);
      const list = byIsn.get(isn);
      if (list === undefined) byIsn.set(isn, [id]);
      else if (list.length <= MAX_LEGS) list.push(id);
    }
    for (let a = 0; byIsn.size > 0 && a < this.#n; a++) {
      if ((this.#word(a, Core.STATE) & (Trait.SAW_SYN | Trait.SAW_SYN_ACK)) !== (Trait.SAW_SYN | Trait.SAW_SYN_ACK)) continue;
      const answers = byIsn.get(this.#isn(a, 1));
      if (answers === undefined || answers.length > MAX_LEGS) continue;
      for (const b of answers) if (!this.#isJoined(b) && this.#isAnswerOf(a, b)) this.#join(a, b);
    }
  }

  /** Only segments of the server are in it. */
  #isOneWay(id: number): boolean {
    const ref = this.#pair(id);
    if (ref === 0) return false;
    const { pairs } = this.#tables;
    return pairs.page(ref - 1)[pairs.offset(ref - 1) + Half.PACKETS] === 0;
  }

  #isAnswerOf(a: number, b: number): boolean {
    const { pairs } = this.#tables;
    const ref = this.#pair(b);
    const acked = pairs.page(ref - 1)[pairs.offset(ref - 1) + HALF_STRIDE + Half.LAST_ACK]!;
    const ahead = (acked - this.#isn(a, 0)) | 0;
    const start = this.#tables.firstTimes.of(b);
    return (
      b > a &&
      ahead > 0 &&
      ahead < MAX_WINDOW &&
      start >= this.#tables.firstTimes.of(a) &&
      start <= lastTimeOf(this.#tables, a) &&
      (this.#sameEnd(a, b, 0) || this.#sameEnd(a, b, 1))
    );
  }

  /** Makes `b` a leg of the connection of `a`; ids are in the order of first frames. */
  #join(a: number, b: number): void {
    if (this.#first.length === 0) {
      this.#first = new Int32Array(this.#n);
      this.#next = new Int32Array(this.#n);
    }
    const first = this.#first[a] === 0 ? a + 1 : this.#first[a]!;
    this.#first[first - 1] = first;
    this.#first[b] = first;
    let at = first - 1;
    while (this.#next[at] !== 0 && this.#next[at]! - 1 < b) at = this.#next[at]! - 1;
    this.#next[b] = this.#next[at]!;
    this.#next[at] = b + 1;
    this.followers++;
  }

  #isJoined(id: number): boolean {
    return this.followers > 0 && this.#first[id] !== 0;
  }

  #isSameTuple(a: number, b: number): boolean {
    const meta = (this.#word(a, Core.META) ^ this.#word(b, Core.META)) & Meta.TUPLE;
    return meta === 0 && [Core.ADDR_A, Core.ADDR_B, Core.PORTS].every((word) => this.#word(a, word) === this.#word(b, word));
  }

  /** Address and port of the client (0) or server (1) are the same. */
  #sameEnd(a: number, b: number, side: number): boolean {
    const port = (id: number): number => (this.#isB(id, side) ? this.#word(id, Core.PORTS) & 0xffff : this.#word(id, Core.PORTS) >>> 16);
    const address = (id: number): number => this.#word(id, this.#isB(id, side) ? Core.ADDR_B : Core.ADDR_A);
    const ipv6 = (id: number): number => this.#word(id, Core.META) & 1;
    return port(a) === port(b) && address(a) === address(b) && ipv6(a) === ipv6(b);
  }
  #isB(id: number, side: number): boolean {
    return ((this.#word(id, Core.STATE) & Trait.CLIENT_IS_B) !== 0) === (side === 0);
  }

  #isn(id: number, side: number): number {
    return issOf(this.#tables, this.#tables.cores.page(id), this.#tables.cores.offset(id), side);
  }
  /** Of the client's SYN. */
  #options(id: number): number {
    return optionsOf(this.#tables, this.#tables.cores.page(id), this.#tables.cores.offset(id), 0);
  }
  #pair(id: number): number {
    return pairOf(this.#tables.cores.page(id), this.#tables.cores.offset(id));
  }
  #firstSynAck(id: number): number {
    return firstSynAckOf(this.#tables, this.#tables.cores.page(id), this.#tables.cores.offset(id));
  }
  /** Of the client's first segment. */
  #ttl(id: number): number {
    return ttlsOf(this.#tables, this.#tables.cores.page(id), this.#tables.cores.offset(id)) & 255;
  }
  #word(id: number, word: number): number {
    const { cores } = this.#tables;
    return cores.page(id)[cores.offset(id) + word]!;
  }
}

/** What passed one leg and not the other: the difference of the counts, for either end. */
export function legLosses(first: ConnectionView, other: ConnectionView): LegLosses {
  const lost = (a: EndpointView, b: EndpointView): LostSegments => {
    const more = (n: number, m: number): number => Math.max(0, n - m);
    return {
      syn: more(a.syn, b.syn),
      synAck: more(a.synAck, b.synAck),
      fin: more(a.fin, b.fin),
      rst: more(a.rst, b.rst),
      packets: more(a.packets, b.packets),
      payloadBytes: more(a.payloadBytes, b.payloadBytes),
    };
  };
  return {
    id: other.id,
    onFirstOnly: [lost(first.client, other.client), lost(first.server, other.server)],
    onThisOnly: [lost(other.client, first.client), lost(other.server, first.server)],
  };
}
