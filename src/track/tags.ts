/**
 * One connection under different tags and tunnels. A trunk's mirror shows one direction in one VLAN and the other in another,
 * or without a tag; a capture inside a switch or node shows a segment with and without its tag, or in and out of a tunnel.
 *
 * The same addresses and ports in two VLANs are two connections, unless a segment proves otherwise: it is a copy of one just
 * seen, or the connection has spoken in one direction only and the segment is the missing answer by its numbers. From then
 * on the tuple's second encapsulation stands for its first (an alias), which stays the connection's.
 *
 * Costs nothing in a capture without tags: tracker.ts asks only after the first, and only for a tuple it does not know.
 */
import type { Packet } from '../decode/packet.ts';
import { Flag } from '../model/flags.ts';
import { Side } from '../model/state.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import type { Context } from './context.ts';
import { hash } from './hash.ts';
import { Core, Half, HalfFlag, tupleMeta } from './layout.ts';
import { type Move, movedMeta } from './move.ts';
import type { RecordPages } from './pages.ts';
import { countsOf, lastTimeOf } from './sequel.ts';
import { partOf, PARTS, tupleHash } from './shard.ts';

/** Youngest tagged connections of one part (shard.ts), found by their tuple alone; one that is pushed out early stays apart from its answers. */
const RECENT_BITS = 14;
/** Words of an alias: a connection of the tuple + 1 (0 empty), hash, the encapsulation's META, the META it stands for. */
const ALIAS_WORDS = 4;
const INITIAL_ALIASES = 64;

export class Tags {
  /** id + 1 */
  readonly #recent = new Int32Array(PARTS << RECENT_BITS);
  #aliases = new Int32Array(INITIAL_ALIASES * ALIAS_WORDS);
  #count = 0;
  readonly #cores: RecordPages;

  constructor(cores: RecordPages) {
    this.#cores = cores;
  }

  /** A connection was opened inside a tag or tunnel. */
  opened(id: number, a: number, b: number, ports: number): void {
    this.#recent[recentSlot(a, b, ports)] = id + 1;
  }

  /** The youngest connection of the tuple that is inside a tag or tunnel, or -1. */
  recent(a: number, b: number, ports: number, meta: number): number {
    const id = this.#recent[recentSlot(a, b, ports)]! - 1;
    return id >= 0 && this.#isTuple(id, a, b, ports, meta) ? id : -1;
  }

  /** The connections have new ids: `ids` by the old ones, -1 of those that are no more. */
  renumber(ids: Int32Array): void {
    const { length } = this.#recent;
    for (let i = 0; i < length; i++) if (this.#recent[i] !== 0) this.#recent[i] = ids[this.#recent[i]! - 1]! + 1;
    const old = this.#aliases;
    this.#aliases = new Int32Array(old.length);
    this.#count = 0;
    for (let at = 0; at < old.length; at += ALIAS_WORDS) {
      const id = old[at] === 0 ? -1 : ids[old[at]! - 1]!;
      if (id < 0) continue;
      this.#count++;
      this.#insert(this.#aliases, id + 1, old[at + 1]!, old[at + 2]!, old[at + 3]!);
    }
  }

  /** By alias: a connection of the tuple + 1, hash, META, and the META it stands for. */
  get aliases(): Int32Array {
    return this.#aliases;
  }

  /** Adds those of another shard. @param ids by the other's, what its connections are here */
  addAliases(aliases: Int32Array, ids: Int32Array): void {
    for (let at = 0; at < aliases.length; at += ALIAS_WORDS) {
      if (aliases[at] === 0) continue;
      const id = ids[aliases[at]! - 1]!;
      const core = this.#cores.page(id);
      const c = this.#cores.offset(id);
      const meta = aliases[at + 2]!;
      this.add(hash(core[c]!, core[c + Core.ADDR_B]!, core[c + Core.PORTS]!, meta), meta, id);
    }
  }

  /** The META that this one stands for in this tuple, or -1. `h` is the hash of all four. */
  canonical(h: number, a: number, b: number, ports: number, meta: number): number {
    if (this.#count === 0) return -1;
    const aliases = this.#aliases;
    const mask = aliases.length / ALIAS_WORDS - 1;
    for (let slot = h & mask; ; slot = (slot + 1) & mask) {
      const at = slot * ALIAS_WORDS;
      const id = aliases[at]! - 1;
      if (id < 0) return -1;
      if (aliases[at + 1] === h && aliases[at + 2] === meta && this.#isTuple(id, a, b, ports, meta)) return aliases[at + 3]!;
    }
  }

  /** From now on `meta` stands for the encapsulation of connection `id` in its tuple. */
  add(h: number, meta: number, id: number): void {
    if (++this.#count * 4 * ALIAS_WORDS > this.#aliases.length * 3) this.#grow();
    this.#insert(this.#aliases, id + 1, h, meta, tupleMeta(this.#cores.page(id), this.#cores.offset(id)));
  }

  #insert(aliases: Int32Array, ref: number, h: number, meta: number, canonical: number): void {
    const mask = aliases.length / ALIAS_WORDS - 1;
    let slot = h & mask;
    while (aliases[slot * ALIAS_WORDS] !== 0) slot = (slot + 1) & mask;
    const at = slot * ALIAS_WORDS;
    aliases[at] = ref;
    aliases[at + 1] = h;
    aliases[at + 2] = meta;
    aliases[at + 3] = canonical;
  }

  #grow(): void {
    const old = this.#aliases;
    this.#aliases = new Int32Array(old.length * 2);
    for (let at = 0; at < old.length; at += ALIAS_WORDS)
      if (old[at] !== 0) this.#insert(this.#aliases, old[at]!, old[at + 1]!, old[at + 2]!, old[at + 3]!);
  }

  #isTuple(id: number, a: number, b: number, ports: number, meta: number): boolean {
    const core = this.#cores.page(id);
    const c = this.#cores.offset(id);
    return (
      core[c + Core.ADDR_A] === a &&
      core[c + Core.ADDR_B] === b &&
      core[c + Core.PORTS] === ports &&
      ((core[c + Core.META]! ^ meta) & 1) === 0
    );
  }
}

/** The aliases of another capture; their hashes are made anew where they are added. */
export const movedAliases = (aliases: Int32Array, move: Move): Int32Array =>
  aliases.map((word, i) => (i % ALIAS_WORDS >= 2 ? movedMeta(word, move) : word));

const recentSlot = (a: number, b: number, ports: number): number => {
  const tuple = tupleHash(a, b, ports);
  return (partOf(tuple) << RECENT_BITS) | (tuple & ((1 << RECENT_BITS) - 1));
};

/** How far numbers may lie apart: the largest windows in use are some megabytes. */
const NEAR = 1 << 22;
/** A SYN is resent for about two minutes (linux tcp_syn_retries). */
const PATIENCE = 130 * NANOS_PER_SECOND;

/** Is the segment the first of its direction in the connection at which `x` stands, by the numbers that the other end has sent? */
export function isMissingDirection(x: Context, k: Packet): boolean {
  if (x.now - lastTimeOf(x.tables, x.id) > PATIENCE) return false;
  const hasAck = (k.flags & Flag.ACK) !== 0;
  if (!x.paired) {
    // SYNs alone: whatever answers them acknowledges exactly them, a refusal too (RFC 9293 §3.10.7.1).
    const unanswered = countsOf(x.tables, x.core, x.c) >>> 16 === 0;
    return unanswered && x.side === Side.SERVER && hasAck && k.ack === ((x.iss(0) + 1) | 0);
  }
  const { pair, me, peer } = x;
  if (pair[me + Half.PACKETS] !== 0) return false;
  const near = (a: number, b: number): boolean => Math.abs((a - b) | 0) < NEAR;
  const seqFits = (pair[peer + Half.LAST_ACK] !== 0 || x.flag(peer, HalfFlag.ACK_SEEN)) && near(k.seq, pair[peer + Half.LAST_ACK]!);
  if (!hasAck) return seqFits && k.seq === pair[peer + Half.LAST_ACK]; // a RST without a socket
  const ackFits = x.flag(peer, HalfFlag.NXT_KNOWN) && near(k.ack, pair[peer + Half.NXT]!);
  return ackFits && (seqFits || (k.flags & Flag.SYN) !== 0);
}
