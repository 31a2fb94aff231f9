/** Connections whose opening was out of the ordinary, from the columns: most are not, and cost a few words each. */
import type { Openings, SmallMss } from '../model/capture-view.ts';
import { type Side, Side as Sides } from '../model/state.ts';
import type { ConnId } from '../model/units.ts';
import type { Tables } from '../track/tables.ts';
import { Core, SynOption, Trait } from '../track/layout.ts';
import { optionsOf } from '../track/sequel.ts';
import type { Census } from './census.ts';
import { IdList } from './id-bits.ts';

/** Ethernet's 1500 octets without 40 or 60 of headers, and PPPoE's 8 below: what lies under it came through something narrower. */
const NARROW_IPV4 = 1_452;
const NARROW_IPV6 = 1_432;
/** Ids kept of each value: as many as a finding lists. */
const MAX_IDS = 1_000;
/** Different values of a service and end; clients of the whole Internet have a few dozen. */
const MAX_VALUES = 4_096;

/** Fills the lists while the census walks over all connections. */
export class OpeningTally {
  readonly #tables: Tables;
  readonly #lateSyn: ConnId[] = [];
  readonly #repeatedSynAck: IdList;
  readonly #icmpErrors: ConnId[] = [];
  readonly #fastOpen: ConnId[] = [];
  readonly #mss = new SmallMssTally();

  constructor(tables: Tables, connections: number) {
    this.#tables = tables;
    this.#repeatedSynAck = new IdList(connections);
  }

  /** @param core the page with the connection's core record, at `c`. @param service the index of its service. */
  note(id: ConnId, core: Int32Array, c: number, service: number, syns: number, synAcks: number): void {
    const word = core[c + Core.STATE]!;
    if ((word & Trait.ICMP_ERROR) !== 0) this.#icmpErrors.push(id);
    if ((word & Trait.SAW_SYN) === 0) return;
    if (syns > 1 && (word & Trait.COMPLETED) !== 0) this.#lateSyn.push(id);
    if (syns === 1 && synAcks > 1) this.#repeatedSynAck.add(id);
    const offered = optionsOf(this.#tables, core, c, 0);
    if ((offered & SynOption.FAST_OPEN) !== 0) this.#fastOpen.push(id);
    if ((word & Trait.COMPLETED) !== 0)
      this.#mss.add(id, service, offered, optionsOf(this.#tables, core, c, 1), (core[c + Core.META]! & 1) !== 0);
  }

  list(census: Census): Openings {
    return {
      lateSyn: this.#lateSyn,
      repeatedSynAck: this.#repeatedSynAck.ids,
      icmpErrors: this.#icmpErrors,
      fastOpen: this.#fastOpen,
      smallMss: this.#mss.list(census),
    };
  }
}

interface Tally {
  readonly service: number;
  readonly side: Side;
  readonly mss: number;
  peerMss: number;
  count: number;
  readonly ids: ConnId[];
}

/** Values by service and end. */
class SmallMssTally {
  readonly #tallies = new Map<string, Tally>();

  add(id: ConnId, service: number, client: number, server: number, ipv6: boolean): void {
    if ((client & server & SynOption.HAS_MSS) === 0) return;
    const [ours, theirs] = [client & 0xffff, server & 0xffff];
    const side = ours < theirs ? Sides.CLIENT : Sides.SERVER;
    const mss = Math.min(ours, theirs);
    const peerMss = Math.max(ours, theirs);
    if (mss === peerMss || mss >= (ipv6 ? NARROW_IPV6 : NARROW_IPV4)) return;
    const key = `${String(service)} ${String(side)} ${String(mss)}`;
    let tally = this.#tallies.get(key);
    if (tally === undefined) {
      if (this.#tallies.size >= MAX_VALUES) return;
      tally = { service, side, mss, peerMss, count: 0, ids: [] };
      this.#tallies.set(key, tally);
    }
    tally.count++;
    tally.peerMss = Math.max(tally.peerMss, peerMss);
    if (tally.ids.length < MAX_IDS) tally.ids.push(id);
  }

  list(census: Census): SmallMss[] {
    return [...this.#tallies.values()].map((t) => ({ ...t, service: census.services[t.service]! }));
  }
}
