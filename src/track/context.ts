/**
 * Where the tracker stands while it handles one segment, and the few operations that every part of it needs.
 * One reused object: the parts of the machine (machine.ts, opening.ts, closing.ts, reset.ts, sequence.ts) are functions over it.
 */
import type { Mark } from '../model/connection.ts';
import type { Packet } from '../decode/packet.ts';
import { State } from '../model/state.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import { eventAssumed, eventFrom, eventKind, EventKind, eventSide, markCode, markKind, transitionCode } from './events.ts';
import {
  Core,
  Half,
  HALF_STRIDE,
  ONE_TRANSITION,
  Pair,
  pairOf,
  profileAt,
  profileCode,
  Sequel,
  sequelOf,
  Trait,
  transitionsLogged,
  Trouble,
  TROUBLE_HALF,
} from './layout.ts';
import { addSequel } from './lone-syn.ts';
import { isImplied } from './implied.ts';
import { PACKED } from './packed-records.ts';
import { PARTS } from './shard.ts';
import type { Tables } from './tables.ts';
import { Counter } from './time-series.ts';
import { TimerKind } from './timers.ts';
import { Cause, CAUSES, NEXT, STAY } from './transitions.ts';

/** Marks per connection; a flood of stray segments must not fill the log. */
const MAX_MARKS = 48;
/**
 * Transitions per connection, those taken back included. A life that can be told has a dozen; one SYN refused for ever, or a FIN
 * acknowledged in vain again and again, would let each segment walk a longer log than the one before.
 */
const MAX_TRANSITIONS = 256;
/** Connections remembered whose segments were taken for an older connection's: rules show examples of a pattern. */
const MAX_TAKEN_FOR_OLD = 65_536;
/** A stay in CLOSE_WAIT that rules may want to look at, even when it ended. */
export const LONG_CLOSE_WAIT = 0.5 * NANOS_PER_SECOND;
/** By state: how long a stay is kept in mind when it ends. A table, so that no branch waits for its first CLOSE_WAIT. */
const LONG_STAY = new Float64Array(16).fill(Infinity);
LONG_STAY[State.CLOSE_WAIT] = LONG_CLOSE_WAIT;

/** Which timer ends a state. */
const NO_TIMER = 255;
const TIMER_OF = new Uint8Array(16).fill(NO_TIMER);
TIMER_OF[State.TIME_WAIT] = TimerKind.TIME_WAIT;
TIMER_OF[State.FIN_WAIT_2] = TimerKind.FIN_WAIT_2;
for (const state of [State.FIN_WAIT_1, State.CLOSING, State.LAST_ACK]) TIMER_OF[state] = TimerKind.ORPHAN;
for (const state of [State.SYN_SENT, State.SYN_RCVD]) TIMER_OF[state] = TimerKind.RETRY;

export class Context {
  readonly tables: Tables;
  /** Connection id and its core record. */
  id = 0;
  core: Int32Array = new Int32Array(0);
  c = 0;
  /** Sequel record and its word offset. Valid when `hasSequel`. */
  hasSequel = false;
  sequel: Int32Array = new Int32Array(0);
  sequelF: Float64Array = new Float64Array(0);
  s = 0;
  /** Pair record; word offsets of the pair, of the sender's half and of the receiver's. Valid when `paired`. */
  paired = false;
  pair: Int32Array = new Int32Array(0);
  pairF: Float64Array = new Float64Array(0);
  p = 0;
  me = 0;
  peer = 0;
  /** Trouble record; word offsets of the sender's half and of the receiver's. Valid after `openTrouble`, for the segment at hand. */
  trouble: Int32Array = new Int32Array(0);
  troubleF: Float64Array = new Float64Array(0);
  troubleMe = 0;
  troublePeer = 0;
  /** Rare record and its word offset. Valid after `openRare`, for the segment at hand. */
  rare: Int32Array = new Int32Array(0);
  rareF: Float64Array = new Float64Array(0);
  r = 0;
  /** The holes of one end, and the word offset of the first. Valid after `openHoles`, for the segment at hand. */
  holes: Int32Array = new Int32Array(0);
  holesF: Float64Array = new Float64Array(0);
  firstHole = 0;
  /** Sender: 0 client, 1 server. */
  side: 0 | 1 = 0;
  frame = 0;
  /** -0 is a float64 from the start: a field that begins as a small integer and becomes a float64 would throw away optimised code. */
  now = -0;
  /** Where the packet was captured: 16 bits that tell interfaces (of the file or of the cooked header) apart. */
  source = 0;
  /** Hash of the segment's addresses and ports; shard.ts. */
  tuple = 0;
  /** By part of the tuples: whose stray segment (strays.ts) waits for its answer, connection id and side, + 1, 0 none; and since when. */
  readonly strays = new Int32Array(PARTS);
  readonly strayTimes = new Float64Array(PARTS);
  /** Did any ever wait? */
  hasStrays = false;

  constructor(tables: Tables) {
    this.tables = tables;
  }

  /** Keeps the timestamp of the client's SYN, whose options were just decoded, where there is a sequel. */
  noteSynTimestamp(k: Packet): void {
    if (k.options.hasTimestamp) this.sequel[this.s + Sequel.SYN_TIMESTAMP] = k.options.tsVal;
  }

  takenForOld(): void {
    const { takenForOld } = this.tables;
    if (takenForOld.size < MAX_TAKEN_FOR_OLD) takenForOld.add(this.id);
  }

  /** Points at a connection; `side` is whose segment (or timer) it is. */
  load(id: number, side: 0 | 1): void {
    const { cores } = this.tables;
    this.loadFound(id, side, cores.page(id), cores.offset(id));
  }

  /** The same for a core record whose place is known already. */
  loadFound(id: number, side: 0 | 1, core: Int32Array, c: number): void {
    this.id = id;
    this.core = core;
    this.c = c;
    this.side = side;
    this.#loadPair(); // which makes a packed one live, and with it its sequel
    this.#loadSequel();
  }

  /** The same for an end whose timer is due. A packed pair record stays so, as if there were none, and its reference is returned; else -1. Of its sequel only the open words are there. */
  loadDue(id: number, side: 0 | 1): number {
    const [core, c] = [this.tables.cores.page(id), this.tables.cores.offset(id)];
    const ref = pairOf(core, c);
    if (ref <= PACKED) {
      this.loadFound(id, side, core, c);
      return -1;
    }
    core[c + Core.PAIR] = 0;
    this.loadFound(id, side, core, c);
    core[c + Core.PAIR] = ref;
    this.tables.pairs.change(ref - 1);
    return ref - 1;
  }

  #loadSequel(): void {
    const ref = sequelOf(this.core, this.c) - 1;
    this.hasSequel = ref >= 0;
    if (!this.hasSequel) return;
    const { sequels } = this.tables;
    this.sequel = sequels.page(ref);
    this.s = sequels.offset(ref);
    if (ref < PACKED) this.sequelF = sequels.floatPage(ref);
  }

  /** Gives the connection its sequel record, if it has none yet. */
  needSequel(): void {
    if (!this.hasSequel) addSequel(this);
  }

  /** The segment at hand is the newest one of the connection. */
  touch(): void {
    this.needSequel();
    const { sequelF, now } = this;
    if (isImplied(this.sequel[this.s + Sequel.TAIL]!)) this.#hold();
    const last = (this.s + Sequel.LAST_TIME) >> 1;
    this.core[this.c + Core.LAST_FRAME] = this.frame;
    if (now > sequelF[last]!) sequelF[last] = now;
    if (!this.paired) return;
    // The sender's time, which this segment writes over, may be later where the capture's clock stepped back.
    const mine = this.pairF[(this.me + Half.LAST_TIME) >> 1]!;
    if (mine >= 0 && mine > sequelF[last]!) sequelF[last] = mine;
  }

  #hold(): void {
    const { events } = this.tables;
    events.now = this.now;
    events.hold(this.id, this.sequel, this.sequelF, this.s);
  }

  /** Gives every event of the connection an entry of the log. */
  spellOut(): void {
    this.tables.events.spellOut(this.id, this.sequel, this.s);
  }

  /** Initial sequence number of an end. */
  iss(side: number): number {
    return this.hasSequel ? this.sequel[this.s + Sequel.ISS + side]! : side === 0 ? this.core[this.c + Core.ISS]! : 0;
  }
  setIss(side: number, iss: number): void {
    if (this.hasSequel) this.sequel[this.s + Sequel.ISS + side] = iss;
    else this.core[this.c + Core.ISS] = iss;
  }

  /** Options of an end's SYN or SYN-ACK, as `packSynOptions` makes them. */
  options(side: number): number {
    return this.hasSequel ? this.sequel[this.s + Sequel.OPTIONS + side]! : side === 0 ? this.core[this.c + Core.OPTIONS]! : 0;
  }
  setOptions(side: number, options: number): void {
    if (this.hasSequel) this.sequel[this.s + Sequel.OPTIONS + side] = options;
    else this.core[this.c + Core.OPTIONS] = options;
  }

  /** id + 1 of the connection that had this tuple before; 0 none. */
  get previous(): number {
    return this.hasSequel ? this.sequel[this.s + Sequel.PREVIOUS]! : 0;
  }

  #loadPair(): void {
    let ref = pairOf(this.core, this.c);
    this.paired = ref !== 0;
    if (!this.paired) return;
    if (ref > PACKED) ref = this.tables.packer.open(this.id, ref - 1) + 1;
    const { live } = this.tables.pairs;
    this.pair = live.page(ref - 1);
    this.pairF = live.floatPage(ref - 1);
    this.p = live.offset(ref - 1);
    this.me = this.p + this.side * HALF_STRIDE;
    this.peer = this.p + (1 - this.side) * HALF_STRIDE;
  }

  /** Adds the pair record. */
  addPair(): void {
    this.needSequel();
    this.spellOut();
    this.core[this.c + Core.PAIR] = this.tables.packer.add(this.id, this.frame) + 1;
    this.#loadPair();
    this.pairF[(this.p + Pair.QUIET) >> 1] = -1;
    for (let side = 0; side < 2; side++) {
      const half = this.p + side * HALF_STRIDE;
      this.pairF[(half + Half.LAST_DATA_TIME) >> 1] = -1;
      this.pairF[(half + Half.LAST_TIME) >> 1] = -1;
    }
  }

  /** Points at the rare record, which the first call for a connection adds. */
  openRare(): void {
    const { rares } = this.tables;
    let ref = this.pair[this.p + Pair.RARE]!;
    if (ref === 0) this.pair[this.p + Pair.RARE] = ref = rares.add() + 1;
    this.rare = rares.page(ref - 1);
    this.rareF = rares.floatPage(ref - 1);
    this.r = rares.offset(ref - 1);
  }

  /** The same where there is one. */
  hasRare(): boolean {
    if (!this.paired || this.pair[this.p + Pair.RARE] === 0) return false;
    this.openRare();
    return true;
  }

  /** Points at the trouble record, which the first call for a connection adds. */
  openTrouble(): void {
    const { troubles } = this.tables;
    let ref = this.pair[this.p + Pair.TROUBLE]!;
    if (ref === 0) this.pair[this.p + Pair.TROUBLE] = ref = troubles.add() + 1;
    else if (ref > PACKED) this.pair[this.p + Pair.TROUBLE] = ref = troubles.unpack(ref - 1) + 1;
    this.trouble = troubles.live.page(ref - 1);
    this.troubleF = troubles.live.floatPage(ref - 1);
    const at = troubles.live.offset(ref - 1);
    this.troubleMe = at + this.side * TROUBLE_HALF;
    this.troublePeer = at + (1 - this.side) * TROUBLE_HALF;
  }

  /** Points at the holes of one end, which the first call for it adds: `troubleMe` or `troublePeer`. */
  openHoles(troubleHalf: number): void {
    const { trouble } = this;
    const { holes } = this.tables;
    let ref = trouble[troubleHalf + Trouble.HOLE_LIST]!;
    if (ref === 0) trouble[troubleHalf + Trouble.HOLE_LIST] = ref = holes.add() + 1;
    this.holes = holes.page(ref - 1);
    this.holesF = holes.floatPage(ref - 1);
    this.firstHole = holes.offset(ref - 1);
  }

  half(side: number): number {
    return this.p + side * HALF_STRIDE;
  }

  state(side: number): number {
    return (this.core[this.c + Core.STATE]! >>> (side * 4)) & 15;
  }

  has(trait: number): boolean {
    return (this.core[this.c + Core.STATE]! & trait) !== 0;
  }
  clear(trait: number): void {
    this.core[this.c + Core.STATE] = this.core[this.c + Core.STATE]! & ~trait;
  }
  set(trait: number): void {
    this.core[this.c + Core.STATE] = this.core[this.c + Core.STATE]! | trait;
  }

  flag(half: number, flag: number): boolean {
    return (this.pair[half + Half.FLAGS]! & flag) !== 0;
  }
  setFlag(half: number, flag: number): void {
    this.pair[half + Half.FLAGS] = this.pair[half + Half.FLAGS]! | flag;
  }
  clearFlag(half: number, flag: number): void {
    this.pair[half + Half.FLAGS] = this.pair[half + Half.FLAGS]! & ~flag;
  }

  bump(word: number): void {
    this.pair[word] = this.pair[word]! + 1;
  }

  /** Applies a cause, by the segment at hand, to an end; nothing happens when the table has no row for it. Returns whether the state changed. */
  step(side: number, cause: Cause): boolean {
    return this.#step(side, cause, this.frame, false);
  }

  /** The same at a moment of its own: `frame` is 0 when a timer was due. */
  stepAt(side: number, cause: Cause, frame: number, time: number, assumed: boolean): boolean {
    const { now } = this;
    this.now = time;
    const stepped = this.#step(side, cause, frame, assumed);
    this.now = now;
    return stepped;
  }

  #step(side: number, cause: Cause, frame: number, assumed: boolean): boolean {
    const { core, c } = this;
    const word = core[c + Core.STATE]!;
    const shift = side * 4;
    const from = (word >>> shift) & 15;
    const to = NEXT[from * CAUSES + cause]!;
    if (to === STAY) return false;
    this.needSequel();
    if (!this.isCrowded()) this.sequel[this.s + Sequel.TTLS] = this.sequel[this.s + Sequel.TTLS]! + ONE_TRANSITION;
    else if (from === State.CLOSED) return false;
    core[c + Core.STATE] = (word & ~(15 << shift)) | (to << shift);
    this.tables.series.transition(from, to);
    if (this.paired) {
      const since = (this.half(side) + Half.STATE_TIME) >> 1;
      if (this.now - this.pairF[since]! >= LONG_STAY[from]!) this.set(Trait.LONG_CLOSE_WAIT);
      this.pairF[since] = this.now;
    }
    if (to === State.ESTABLISHED && !this.has(Trait.COMPLETED) && this.state(1 - side) >= State.ESTABLISHED) this.#complete();
    this.#log(frame, transitionCode(side, from, to, cause, assumed));
    this.#arm(side, to);
    return true;
  }

  /** Its log is full: nothing is taken back any more, and no end begins another life in it. */
  isCrowded(): boolean {
    return this.hasSequel && transitionsLogged(this.sequel[this.s + Sequel.TTLS]!) >= MAX_TRANSITIONS;
  }

  /** Both ends are ESTABLISHED. */
  #complete(): void {
    if (!this.has(Trait.SAW_SYN | Trait.SAW_SYN_ACK)) return;
    this.set(Trait.COMPLETED);
    if (this.has(Trait.ACK_IGNORED)) return; // counted when the ACK was seen first
    this.tables.series.count(Counter.COMPLETED);
    if (this.has(Trait.SAW_SYN)) this.tables.series.connected(this.now - this.tables.firstTimes.of(this.id));
  }

  /** Starts the timer that ends a state by itself. */
  #arm(side: number, to: number): void {
    const generation = this.newGeneration(side); // whatever was armed is void
    const kind = TIMER_OF[to]!;
    if (kind === NO_TIMER) return;
    const { timers } = this.tables;
    timers.now = this.now;
    timers.arm(kind as TimerKind, this.#profile(side), this.#ref(side), generation);
  }

  /** Code of an end's profile; layout.ts. */
  #profile(side: number): number {
    return profileCode(this.options(side));
  }

  /** Where the end's kernel limits connect() by a timer of its own, when that timer fires; else Infinity. */
  connectEnds(side: number): number {
    const { syn } = profileAt(this.#profile(side));
    if (!syn.hasOwnLimit || this.state(side) !== State.SYN_SENT) return Infinity;
    return this.tables.firstTimes.of(this.id) + syn.givesUp * NANOS_PER_SECOND;
  }

  /** How long the sender's kernel sends data again in vain, nanoseconds. */
  dataLimit(): number {
    return profileAt(this.#profile(this.side)).data * NANOS_PER_SECOND;
  }

  #ref(side: number): number {
    return this.id * 2 + side;
  }

  newGeneration(side: number): number {
    const word = this.sequel[this.s + Sequel.ARMED]!;
    const shift = side * 16;
    const generation = ((word >>> shift) + 1) & 0xffff || 1; // 0: never armed
    this.sequel[this.s + Sequel.ARMED] = (word & ~(0xffff << shift)) | (generation << shift);
    return generation;
  }

  rearm(kind: TimerKind, side: number): void {
    const { timers } = this.tables;
    timers.now = this.now;
    timers.arm(kind, this.#profile(side), this.#ref(side), this.newGeneration(side));
  }
  rearmRetry(side: number, seconds: number): void {
    const left = Math.max(0, (this.connectEnds(side) - this.now) / NANOS_PER_SECOND);
    const { timers } = this.tables;
    timers.now = this.now;
    timers.armRetry(this.#profile(side), Math.min(seconds, left), this.#ref(side), this.newGeneration(side));
  }

  mark(mark: Mark, detail: number): void {
    this.markFor(this.side, mark, detail);
  }

  markFor(side: number, mark: Mark, detail: number): void {
    if (this.has(Trait.EVENTS_CUT)) return;
    this.needSequel();
    if (this.#countMarks() >= MAX_MARKS) {
      this.set(Trait.EVENTS_CUT);
      return;
    }
    this.#log(this.frame, markCode(markKind(mark), side, detail));
  }

  #countMarks(): number {
    if (isImplied(this.sequel[this.s + Sequel.TAIL]!)) return 0; // or one
    const { events } = this.tables;
    let n = 0;
    for (let ref = events.first(this.id); ref !== 0; ref = events.next(ref)) if (eventKind(events.code(ref)) >= EventKind.FIRST_MARK) n++;
    return n;
  }

  /** What a lone SYN goes through is not logged (embryo.ts): there is a sequel. */
  #log(frame: number, code: number): void {
    const { events } = this.tables;
    events.now = this.now;
    events.log(this.id, this.sequel, this.s, frame, code);
  }

  /** The newest transition of an end that still stands; 0 none. */
  lastTransition(side: number): number {
    const { events } = this.tables;
    let found = 0;
    for (let ref = events.first(this.id); ref !== 0; ref = events.next(ref)) {
      const code = events.code(ref);
      if (eventKind(code) === EventKind.TRANSITION && eventSide(code) === side) found = ref;
    }
    return found;
  }

  /** The newest event of a mark by an end; 0 none. */
  lastMark(side: number, mark: Mark): number {
    const { events } = this.tables;
    const kind = markKind(mark);
    let found = 0;
    for (let ref = events.first(this.id); ref !== 0; ref = events.next(ref)) {
      const code = events.code(ref);
      if (eventKind(code) === kind && eventSide(code) === side) found = ref;
    }
    return found;
  }

  /**
   * Takes back the newest transition of an end, because what followed proves that it did not happen: the segment that
   * caused it was lost behind the capture point, ignored, or forged. The state before it goes on, in place.
   */
  withdraw(side: number): void {
    this.needSequel();
    this.spellOut();
    const ref = this.isCrowded() ? 0 : this.lastTransition(side);
    if (ref === 0) return;
    const { events } = this.tables;
    const from = eventFrom(events.code(ref));
    const now = this.state(side);
    events.withdraw(this.sequel, this.s, ref);
    if (this.paired) this.sequel[this.s + Sequel.CLOSED_AFTER] = 0;
    const shift = side * 4;
    this.core[this.c + Core.STATE] = (this.core[this.c + Core.STATE]! & ~(15 << shift)) | (from << shift);
    this.tables.series.transition(now, from);
    const before = this.lastTransition(side);
    if (this.paired) this.pairF[(this.half(side) + Half.STATE_TIME) >> 1] = before === 0 ? this.now : events.time(before);
    this.#arm(side, from);
  }

  /** An end whose state a timer ended has spoken again: the timer was wrong. */
  reviveAssumed(side: number): void {
    const ref = this.lastTransition(side);
    if (ref !== 0 && eventAssumed(this.tables.events.code(ref))) this.withdraw(side);
  }
}
