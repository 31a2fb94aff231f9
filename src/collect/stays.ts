/** How long and how many at once: stays in states, and the peaks of their overlap. */
import type { CloseWaitGroup, CloseWaitStay } from '../model/close-wait.ts';
import { otherSide, Side, State } from '../model/state.ts';
import { connId, frameNo, type Nanos, secondsOf } from '../model/units.ts';
import { basisOf } from '../track/basis.ts';
import { ByCause, eventKind, EventKind, eventFrom, eventSide, eventTo } from '../track/events.ts';
import { Core, Half, HALF_STRIDE, pairOf, Trait } from '../track/layout.ts';
import { mayLackOctets } from '../track/sequel.ts';
import { Cause } from '../track/transitions.ts';
import type { Census } from './census.ts';
import { sortTimes } from './sorting.ts';

/** Bits that say of a stay in CLOSE_WAIT what CloseWaitStay says, and its side. */
const SERVER = 1;
const OPEN = 2;
const BY_FIN = 4;
const BY_RST = 8;
const SILENT = 16;
const UNANSWERED = 32;
const MIDSTREAM = 64;
/** Int32 of a stay. */
const WORDS = 3;

/** Stays in CLOSE_WAIT of some connections. In columns, because there are thousands and several rules ask. */
export class CloseWaits {
  readonly #census: Census;
  /** Words of a stay: its connection, the frame that ended it, and the bits; and times: since when, and until when. */
  #words: Int32Array;
  #times: Float64Array;
  #length = 0;
  #order: Int32Array | undefined;

  constructor(census: Census, ids: readonly number[]) {
    this.#census = census;
    this.#words = new Int32Array(WORDS * ids.length);
    this.#times = new Float64Array(2 * ids.length);
    const add: Stay = (id, side, since, until, left) => {
      const frame = left === 0 ? 0 : census.tracker.tables.events.frame(left);
      const i = this.#add(id, frame, notesOf(census, id, side, left, frame));
      this.#times[2 * i] = since;
      this.#times[2 * i + 1] = until;
    };
    for (const id of ids) if (!isThere(census, id, add)) forEachStay(census, id, State.CLOSE_WAIT, add);
  }

  /** Mostly a connection has one. */
  #add(id: number, frame: number, notes: number): number {
    const i = this.#length++;
    if (2 * i === this.#times.length) {
      const [words, times] = [this.#words, this.#times];
      this.#words = new Int32Array(2 * words.length);
      this.#words.set(words);
      this.#times = new Float64Array(2 * times.length);
      this.#times.set(times);
    }
    this.#words[WORDS * i] = id;
    this.#words[WORDS * i + 1] = frame;
    this.#words[WORDS * i + 2] = notes;
    return i;
  }

  /** Longest first. Neither these nor groups are kept: one is as large as the columns of ten. */
  list(): CloseWaitStay[] {
    return Array.from(this.#byLength(), (i) => this.#stay(i, this.#census.hostOf(this.#id(i), this.#side(i))));
  }

  /** As ServiceView.closeWaitGroups has them. */
  groups(minSeconds: number, which: 'all' | 'ended'): CloseWaitGroup[] {
    const census = this.#census;
    const groups: { side: Side; host: string; open: CloseWaitStay[]; ended: CloseWaitStay[] }[] = [];
    const byAddress = [new Map<number, (typeof groups)[number]>(), new Map<number, (typeof groups)[number]>()] as const;
    const order = this.#byLength();
    for (let k = 0; k < order.length; k++) {
      const i = order[k]!;
      const notes = this.#notes(i);
      const isOpen = (notes & OPEN) !== 0;
      if ((notes & SILENT) === 0) continue;
      if (!isOpen && ((notes & (BY_FIN | BY_RST)) === 0 || this.#seconds(i) < minSeconds)) continue;
      const id = this.#id(i);
      const side = this.#side(i);
      const address = side === Side.CLIENT ? census.clientAddress(id) : census.serverAddress(id);
      let group = byAddress[side].get(address);
      if (group === undefined) {
        group = { side, host: census.hostOf(id, side), open: [], ended: [] };
        byAddress[side].set(address, group);
        groups.push(group);
      }
      if (!isOpen) group.ended.push(this.#stay(i, group.host));
      else if (which === 'all') group.open.push(this.#stay(i, group.host));
    }
    const byConnection = (a: CloseWaitStay, b: CloseWaitStay): number => a.id - b.id;
    for (const { open, ended } of groups) {
      open.sort(byConnection);
      ended.sort(byConnection);
    }
    return groups;
  }

  #byLength(): Int32Array {
    if (this.#order === undefined) {
      const times = this.#times;
      this.#order = new Int32Array(this.#length);
      for (let i = 0; i < this.#length; i++) this.#order[i] = i;
      this.#order.sort((a, b) => times[2 * b + 1]! - times[2 * b]! - (times[2 * a + 1]! - times[2 * a]!));
    }
    return this.#order;
  }

  #id(i: number): number {
    return this.#words[WORDS * i]!;
  }

  #notes(i: number): number {
    return this.#words[WORDS * i + 2]!;
  }

  #side(i: number): Side {
    return (this.#notes(i) & SERVER) === 0 ? Side.CLIENT : Side.SERVER;
  }

  #seconds(i: number): number {
    return secondsOf(this.#times[2 * i + 1]! - this.#times[2 * i]!);
  }

  #stay(i: number, host: string): CloseWaitStay {
    const notes = this.#notes(i);
    const side = this.#side(i);
    const ending = (notes & BY_FIN) !== 0 ? 'FIN' : (notes & BY_RST) !== 0 ? 'RST' : null;
    return {
      id: connId(this.#id(i)),
      side,
      host,
      since: this.#times[2 * i]! as Nanos,
      until: (notes & OPEN) !== 0 ? null : (this.#times[2 * i + 1]! as Nanos),
      seconds: this.#seconds(i),
      ending,
      endFrame: ending === null ? null : frameNo(this.#words[WORDS * i + 1]!),
      silent: (notes & SILENT) !== 0,
      unanswered: (notes & UNANSWERED) !== 0,
      midstream: (notes & MIDSTREAM) !== 0,
    };
  }
}

/** @param left the event that ended the stay, in `frame`; 0: none */
function notesOf(census: Census, id: number, side: Side, left: number, frame: number): number {
  const { tables } = census.tracker;
  const { cores, pairs, events } = tables;
  const core = cores.page(id);
  const c = cores.offset(id);
  const ref = pairOf(core, c) - 1;
  const own = side * HALF_STRIDE;
  const lastData = (of: Side): number => pairs.double(ref, of * HALF_STRIDE + Half.LAST_DATA_TIME);
  let notes = side === Side.SERVER ? SERVER : 0;
  if (left === 0) notes |= OPEN;
  else if (frame !== 0 && eventTo(events.code(left)) === State.LAST_ACK) notes |= BY_FIN;
  else if (frame !== 0 && pairs.word(ref, own + Half.FIRST_RST) === frame) notes |= BY_RST;
  if (side === Side.SERVER && lastData(Side.CLIENT) > lastData(side)) notes |= UNANSWERED;
  const basis = basisOf(tables, core, c);
  if (basis === 'midstream') notes |= MIDSTREAM;
  if (basis === 'one-sided' || mayLackOctets(tables, ref, side)) return notes;
  const spoke = pairs.word(ref, own + Half.AFTER_PEER_FIN) > 0;
  const peerState = (core[c + Core.STATE]! >>> (4 * otherSide(side))) & 15;
  // The usual case: that the FIN was acknowledged is what this state means, and the log need not be asked.
  if (!spoke && peerState === State.FIN_WAIT_2) return notes | SILENT;
  const acknowledged = events.find(id, ByCause.mask, ByCause.of(otherSide(side), Cause.FIN_ACKED));
  // Data that crossed the FIN is on the wire before its ACK; only what follows the ACK is a half-close in use.
  return acknowledged === 0 || (spoke && lastData(side) >= events.time(acknowledged)) ? notes : notes | SILENT;
}

/** One stay, of an end that is still there: the pair record says since when, and the log need not be walked. */
function isThere(census: Census, id: number, stay: Stay): boolean {
  const { cores, pairs } = census.tracker.tables;
  const core = cores.page(id);
  const c = cores.offset(id);
  const word = core[c + Core.STATE]!;
  const client = (word & 15) === State.CLOSE_WAIT;
  const server = ((word >>> 4) & 15) === State.CLOSE_WAIT;
  if (client === server || (word & Trait.LONG_CLOSE_WAIT) !== 0) return false;
  const side = client ? Side.CLIENT : Side.SERVER;
  const ref = pairOf(core, c) - 1;
  const since = pairs.double(ref, side * HALF_STRIDE + Half.STATE_TIME);
  stay(id, side, since, census.end, 0);
  return true;
}

/** The most stays at once, and since when; the columns are sorted in place. */
export function peakOf(starts: Float64Array, ends: Float64Array): { peak: number; at: Nanos | null } {
  sortTimes(starts);
  sortTimes(ends);
  let peak = 0;
  let at: Nanos | null = null;
  let open = 0;
  for (let i = 0, k = 0; i < starts.length; i++) {
    while (k < ends.length && ends[k]! <= starts[i]!) {
      open--;
      k++;
    }
    open++;
    if (open > peak) {
      peak = open;
      at = starts[i]! as Nanos;
    }
  }
  return { peak, at };
}

/** @param left the event that ended it; 0: it goes on at the end of observation, which is its `until` */
export type Stay = (id: number, side: Side, since: number, until: number, left: number) => void;

/** Calls `stay` for each stay of either end in `state`. */
export function forEachStay(census: Census, id: number, state: State, stay: Stay): void {
  const { events } = census.tracker.tables;
  let clientSince = -1;
  let serverSince = -1;
  for (let ref = events.first(id); ref !== 0; ref = events.next(ref)) {
    const code = events.code(ref);
    if (eventKind(code) !== EventKind.TRANSITION) continue;
    const side = eventSide(code) as Side;
    if (eventTo(code) === state) {
      if (side === 0) clientSince = events.time(ref);
      else serverSince = events.time(ref);
    } else if (eventFrom(code) === state) {
      const since = side === 0 ? clientSince : serverSince;
      if (since >= 0) stay(id, side, since, events.time(ref), ref);
      if (side === 0) clientSince = -1;
      else serverSince = -1;
    }
  }
  if (clientSince >= 0) stay(id, 0, clientSince, census.end, 0);
  if (serverSince >= 0) stay(id, 1, serverSince, census.end, 0);
}
