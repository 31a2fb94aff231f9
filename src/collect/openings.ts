/** One pass over the columns for connections whose opening was out of the ordinary: most are not, and cost a few words each. */
import type { Openings, SmallMss } from '../model/capture-view.ts';
import { type Side, otherSide, Side as Sides } from '../model/state.ts';
import { type ConnId, connId } from '../model/units.ts';
import { Core, Half, HALF_STRIDE, SynOption, Trait } from '../track/layout.ts';
import type { Census } from './census.ts';

/** Ethernet's 1500 octets without 40 or 60 of headers, and PPPoE's 8 below: what lies under it came through something narrower. */
const NARROW_IPV4 = 1_452;
const NARROW_IPV6 = 1_432;
/** Ids kept of each value: as many as a finding lists. */
const MAX_IDS = 1_000;
/** Different values of a service and end; clients of the whole Internet have a few dozen. */
const MAX_VALUES = 4_096;

export function openingsOf(census: Census): Openings {
  const { tables, connections } = census.tracker;
  const { cores, pairs } = tables;
  const lateSyn: ConnId[] = [];
  const repeatedSynAck: ConnId[] = [];
  const icmpErrors: ConnId[] = [];
  const fastOpen: ConnId[] = [];
  const mss = new SmallMssTally(census);
  for (let id = 0; id < connections; id++) {
    const core = cores.page(id);
    const c = cores.offset(id);
    const word = core[c + Core.STATE]!;
    if ((word & Trait.ICMP_ERROR) !== 0) icmpErrors.push(connId(id));
    if ((word & Trait.SAW_SYN) === 0) continue;
    const ref = core[c + Core.PAIR]!;
    let syns = core[c + Core.COUNTS]! & 0xffff;
    let synAcks = core[c + Core.COUNTS]! >>> 16;
    if (ref !== 0) {
      const pair = pairs.page(ref - 1);
      const client = pairs.offset(ref - 1);
      syns = pair[client + Half.SYN]!;
      synAcks = pair[client + HALF_STRIDE + Half.SYN_ACK]!;
    }
    if (syns > 1 && (word & Trait.COMPLETED) !== 0) lateSyn.push(connId(id));
    if (syns === 1 && synAcks > 1) repeatedSynAck.push(connId(id));
    const offered = core[c + Core.OPTIONS]!;
    if ((offered & SynOption.FAST_OPEN) !== 0) fastOpen.push(connId(id));
    if ((word & Trait.COMPLETED) !== 0) mss.add(id, offered, core[c + Core.OPTIONS + 1]!, (core[c + Core.META]! & 1) !== 0);
  }
  return { lateSyn, repeatedSynAck, icmpErrors, fastOpen, smallMss: mss.list() };
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
  readonly #census: Census;
  readonly #tallies = new Map<string, Tally>();

  constructor(census: Census) {
    this.#census = census;
  }

  add(id: number, client: number, server: number, ipv6: boolean): void {
    if ((client & server & SynOption.HAS_MSS) === 0) return;
    const values = [client & 0xffff, server & 0xffff] as const;
    const side = values[0] < values[1] ? Sides.CLIENT : Sides.SERVER;
    const mss = values[side];
    const peerMss = values[otherSide(side)];
    if (mss === peerMss || mss >= (ipv6 ? NARROW_IPV6 : NARROW_IPV4)) return;
    const service = this.#census.serviceIndex(id);
    const key = `${String(service)} ${String(side)} ${String(mss)}`;
    let tally = this.#tallies.get(key);
    if (tally === undefined) {
      if (this.#tallies.size >= MAX_VALUES) return;
      tally = { service, side, mss, peerMss, count: 0, ids: [] };
      this.#tallies.set(key, tally);
    }
    tally.count++;
    tally.peerMss = Math.max(tally.peerMss, peerMss);
    if (tally.ids.length < MAX_IDS) tally.ids.push(connId(id));
  }

  list(): SmallMss[] {
    return [...this.#tallies.values()].map((t) => ({ ...t, service: this.#census.services[t.service]! }));
  }
}
