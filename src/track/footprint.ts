/** What the tracker's tables hold, in octets: the price of a connection, for who wants to know whether a capture fits. */
import type { Tables } from './tables.ts';
import { EVENT_OCTETS } from './event-entries.ts';
import { CORE_STRIDE, PAIR_STRIDE, SEQUEL_STRIDE } from './layout.ts';

export interface Footprint {
  /** Connections that are one SYN, that are SYNs and SYN-ACKs, and all others. */
  readonly lone: number;
  readonly halfOpen: number;
  readonly others: number;
  /** Of the others, those whose pair record is packed, because they have been silent for long. */
  readonly packed: number;
  /** Octets that each of them takes, its share of the table of tuples included, without its entries of the log. */
  readonly octetsOfLone: number;
  readonly octetsOfHalfOpen: number;
  readonly octetsOfOthers: number;
  /** On average. */
  readonly octetsOfPacked: number;
  /** Entries of the log, of all connections whose log is not packed, and octets of each. */
  readonly events: number;
  readonly octetsOfEvent: number;
  /** Connections whose log is packed, and its octets, on average. */
  readonly packedLogs: number;
  readonly octetsOfPackedLog: number;
  /** Slots of the table of tuples that are in use, 0 to 1. */
  readonly tableLoad: number;
  /** All records and tables, with the room that is reserved and not used yet. */
  readonly octets: number;
}

const WORD = 4;

export function footprintOf(tables: Tables): Footprint {
  const { cores, firstTimes, sequels, pairs, rares, copied, troubles, holes, delays, events, flows } = tables;
  const beside = cores.length === 0 ? 0 : (flows.octets + firstTimes.octets) / cores.length;
  const octetsOfLone = Math.round(CORE_STRIDE * WORD + beside);
  const octetsOfHalfOpen = octetsOfLone + SEQUEL_STRIDE * WORD;
  const packed = pairs.packed === 0 ? 0 : pairs.packedOctets / pairs.packed;
  const { runs } = events;
  let octets = flows.octets + firstTimes.octets + events.octets;
  for (const records of [cores, sequels.live, pairs, rares, copied, troubles, holes, delays]) octets += records.octets;
  return {
    lone: cores.length - sequels.inUse,
    halfOpen: sequels.inUse - pairs.inUse,
    others: pairs.inUse,
    packed: pairs.packed,
    octetsOfLone,
    octetsOfHalfOpen,
    octetsOfOthers: octetsOfHalfOpen + PAIR_STRIDE * WORD,
    octetsOfPacked: octetsOfLone + Math.round(packed),
    events: events.inUse,
    octetsOfEvent: EVENT_OCTETS,
    packedLogs: runs.length,
    octetsOfPackedLog: runs.length === 0 ? 0 : Math.round(runs.octetsInUse / runs.length),
    tableLoad: flows.load,
    octets,
  };
}
