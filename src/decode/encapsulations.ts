/**
 * Interns the list of tags and tunnels around a packet, such as `vlan:100`, `vlan:7`, as one small integer.
 *
 * The list is part of a connection's identity: the same addresses and ports in two VLANs are two connections. Lookups
 * of a known list allocate nothing. The number of lists is bounded, because a hostile capture may hold millions: what
 * comes later shares the id `OTHER`.
 */

/** Kinds of encapsulation; index into `TEXTS`. */
export const Encap = {
  VLAN: 0,
  PPPOE: 1,
  IP_IN_IP: 2,
  SIX_IN_FOUR: 3,
  FOUR_IN_SIX: 4,
  SIX_IN_SIX: 5,
  GRE: 6,
  /**
   * Linux and Cisco have one key per tunnel, unless told otherwise, so it tells tunnels apart and not directions; NVGRE's
   * (RFC 7637) is a virtual subnet.
   */
  GRE_WITH_KEY: 7,
  VXLAN: 8,
  GENEVE: 9,
  /** Without its TEID, which each end chooses for what it receives. */
  GTP: 10,
  TEREDO: 11,
  /** Type I has no session. */
  ERSPAN: 12,
  /** A session mirrors both directions of what it mirrors; the same traffic in two sessions is two copies of it. */
  ERSPAN_WITH_SESSION: 13,
  /** The I-SID of IEEE 802.1ah: a customer's network. */
  PBB: 14,
} as const;
export type Encap = (typeof Encap)[keyof typeof Encap];

const TEXTS: readonly ((value: number) => string)[] = [
  (id) => `vlan:${id}`,
  (session) => `pppoe:${session}`,
  () => 'ipip',
  () => '6in4',
  () => '4in6',
  () => '6in6',
  () => 'gre',
  (key) => `gre:${key >>> 0}`,
  (network) => `vxlan:${network}`,
  (network) => `geneve:${network}`,
  () => 'gtp',
  () => 'teredo',
  () => 'erspan',
  (session) => `erspan:${session}`,
  (service) => `pbb:${service}`,
];

/** Lists, the empty one and OTHER included: 12 bits, which `Meta` of track/layout.ts has for them. Real captures hold a few dozen VLANs; 4,094 is all that one level can have. */
const LIMIT = 4096;
/** A power of two at twice the limit keeps probe sequences short. */
const SLOTS = 8192;

export class Encapsulations {
  static readonly NONE = 0;
  /** Everything after the table was full. */
  static readonly OTHER = LIMIT - 1;

  readonly #parents = new Uint16Array(LIMIT);
  readonly #kinds = new Uint8Array(LIMIT);
  readonly #values = new Int32Array(LIMIT);
  /** Open addressing; 0 is an empty slot, since no child is ever NONE. */
  readonly #slots = new Uint16Array(SLOTS);
  #count = 1;

  /** The list `parent` with one more entry inside it. `value` is a VLAN id, a session, a key; 0 for kinds without a number. */
  child(parent: number, kind: Encap, value: number): number {
    if (parent === Encapsulations.OTHER) return parent;
    const wanted = value | 0;
    let slot = (Math.imul(wanted ^ (parent << 16) ^ (kind << 12), 0x9e3779b1) >>> 19) % SLOTS;
    for (;;) {
      const id = this.#slots[slot]!;
      if (id === 0) return this.#add(slot, parent, kind, wanted);
      if (this.#values[id] === wanted && this.#parents[id] === parent && this.#kinds[id] === kind) return id;
      slot = (slot + 1) % SLOTS;
    }
  }

  /** Every list but the empty one, as `child` was asked for it, in the order of ids: parent, kind, value. */
  get state(): readonly (readonly [parent: number, kind: Encap, value: number])[] {
    return Array.from({ length: this.#count - 1 }, (_, i) => [this.#parents[i + 1]!, this.#kinds[i + 1]! as Encap, this.#values[i + 1]!]);
  }

  /** Outermost first: `['vlan:100', 'vlan:7']`; empty for NONE. */
  texts(id: number): readonly string[] {
    if (id === Encapsulations.OTHER) return ['other'];
    const texts: string[] = [];
    for (let at = id; at > 0 && at < this.#count; at = this.#parents[at]!) texts.push(TEXTS[this.#kinds[at]!]!(this.#values[at]!));
    return texts.reverse();
  }

  #add(slot: number, parent: number, kind: Encap, value: number): number {
    if (this.#count === Encapsulations.OTHER) return Encapsulations.OTHER;
    const id = this.#count++;
    this.#parents[id] = parent;
    this.#kinds[id] = kind;
    this.#values[id] = value;
    this.#slots[slot] = id;
    return id;
  }
}
