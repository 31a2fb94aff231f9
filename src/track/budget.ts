/**
 * What the tracker's records and tables take, and the most that they may: `--max-memory` without what the rest of the process needs.
 * Noted where a page or table is added, never per packet.
 */
import { Outgrown } from './outgrown.ts';

const MIB = 1 << 20;
/** Node, our code, the buffers of the files, and what a report needs whatever is in the capture. Octets; measured: 60 to 110 MiB. */
const BESIDE = 112 * MIB;
/** Of what is left, for the tracker; the rest is for the rules, which keep columns and lists of what was tracked. */
const SHARE = 0.6;
/** What is there before the first packet, and a few thousand connections. Octets. */
const LEAST = 8 * MIB;

/** Octets for records and tables, where the process may take `maxMemory`. */
export const trackerShare = (maxMemory: number): number => Math.max(LEAST, (maxMemory - BESIDE) * SHARE);

export class Budget {
  /** Octets. */
  readonly limit: number;
  used = 0;
  /** What was taken for a table and is free for pages, whose own octets are counted when they are added. */
  readonly outgrown = new Outgrown();
  /** More is needed than there is: connections have to be folded. */
  reached = false;

  constructor(limit = Infinity) {
    this.limit = limit;
  }

  take(octets: number): void {
    this.used += octets;
    if (this.used > this.limit) this.reached = true;
  }

  give(octets: number): void {
    this.used -= octets;
  }

  /** Would so much more be too much? Then it is time to fold. */
  lacks(octets: number): boolean {
    if (this.used + octets <= this.limit) return false;
    return (this.reached = true);
  }
}
