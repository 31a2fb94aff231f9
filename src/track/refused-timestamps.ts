/**
 * PAWS (RFC 7323 §5): a receiver refuses a segment whose timestamp is older than the newest that it has taken, and says so by
 * an ACK that echoes the newer one. The few segments that can have met this are remembered until their answer comes: SYNs on
 * a tuple used before, and data sent again. Nobody else's timestamps are read.
 *
 * Memory: one small table; what is overwritten too early is a refusal that is not seen.
 */
import { decodeTcpOptions } from '../decode/transport/tcp-options.ts';
import type { Packet } from '../decode/packet.ts';
import type { Context } from './context.ts';
import { endOf } from './copies.ts';
import { MAX_DETAIL } from './events.ts';
import { Core } from './layout.ts';
import { partOf, PARTS } from './shard.ts';

/** Of one part (shard.ts). */
const SLOT_BITS = 7;
const SLOT_WORDS = 3;
/** Words of a slot: whose segment (0 empty), its timestamp, its sequence number. */
const Slot = { KEY: 0, TSVAL: 1, SEQ: 2 } as const;

export class RefusedTimestamps {
  readonly #slots = new Int32Array(PARTS * (SLOT_WORDS << SLOT_BITS));

  /** A segment that may be refused, of the end at which `x` stands. */
  suspect(x: Context, k: Packet): void {
    decodeTcpOptions(k);
    if (!k.options.hasTimestamp) return;
    const key = keyOf(x, x.side);
    const at = slotOf(x.tuple, key);
    this.#slots[at] = key;
    this.#slots[at + Slot.TSVAL] = k.options.tsVal;
    this.#slots[at + Slot.SEQ] = k.seq;
  }

  /**
   * By how much the timestamp that an ACK echoes is newer than that of the suspect segment of the other end, units of its
   * clock, as much as a mark's detail holds; 0 when it is not, or nobody knows. `waited`: the ACK must still wait for that very segment.
   */
  lead(x: Context, k: Packet, waited: boolean): number {
    const key = keyOf(x, 1 - x.side);
    const at = slotOf(x.tuple, key);
    if (this.#slots[at] !== key || (waited && this.#slots[at + Slot.SEQ] !== k.ack)) return 0;
    decodeTcpOptions(k);
    if (!k.options.hasTimestamp) return 0;
    return Math.min(MAX_DETAIL, Math.max(0, (k.options.tsEcr - this.#slots[at + Slot.TSVAL]!) | 0));
  }
}

/** An end of a connection, by its first frame: its id is another in each shard. A tuple would mean its earlier connections, too. */
const keyOf = (x: Context, side: number): number => endOf(x.core[x.c + Core.FIRST_FRAME]!, side);

const slotOf = (tuple: number, key: number): number =>
  ((partOf(tuple) << SLOT_BITS) | (Math.imul(key, 0x9e3779b1) >>> (32 - SLOT_BITS))) * SLOT_WORDS;
