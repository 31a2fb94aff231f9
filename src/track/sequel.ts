/**
 * What a connection has beyond its SYN, wherever it is kept: in its sequel record, or nowhere, because it is a lone SYN, which
 * says all of it. `core` is everywhere the page with the connection's core record, at `c`.
 */
import { Side } from '../model/state.ts';
import { NANOS_PER_MICRO, NANOS_PER_SECOND } from '../model/units.ts';
import type { Tables } from './tables.ts';
import {
  Core,
  Half,
  HALF_STRIDE,
  HalfFlag,
  lengthOfSyn,
  Pair,
  pairOf,
  PROFILE_CODES,
  profileAt,
  profileCode,
  Sequel,
  sequelOf,
  Trait,
  Trouble,
  ttlOfLone,
} from './layout.ts';
import { synAckLengthOf, synAcksOf, synLengthOf, synsOf } from './embryo-word.ts';
import { PACKED } from './packed-records.ts';
import { troubleWord } from './rare.ts';
import { ofSequel } from './shapes.ts';

/** By code of the client's profile: when the retry of a first SYN is due, and with it the end of a connect that never repeats it. Nanoseconds. */
const GIVES_UP_AFTER = Float64Array.from({ length: PROFILE_CODES }, (_, code) => {
  const { initialRto, syn } = profileAt(code);
  return (syn.hasOwnLimit ? Math.min(initialRto, syn.givesUp) : initialRto) * NANOS_PER_SECOND;
});

/** When the client of a lone SYN gave up, if it did: the retry that did not come was due then. @param first when it sent it, nanoseconds. @param options as `optionsOf` has them */
export const givenUpAt = (first: number, options: number): number => first + GIVES_UP_AFTER[profileCode(options)]!;

/** Initial sequence number of an end. */
export const issOf = (tables: Tables, core: Int32Array, c: number, side: number): number =>
  wordOf(tables, core, c, Sequel.ISS + side, side === 0 ? core[c + Core.ISS]! : 0);

/** Options of an end's SYN or SYN-ACK, as `packSynOptions` makes them. */
export const optionsOf = (tables: Tables, core: Int32Array, c: number, side: number): number =>
  wordOf(tables, core, c, Sequel.OPTIONS + side, side === 0 ? core[c + Core.OPTIONS]! : 0);

/** Timestamp of the client's SYN, where its options say SynOption.TIMESTAMPS. */
export const synTimestampOf = (tables: Tables, core: Int32Array, c: number): number =>
  wordOf(tables, core, c, Sequel.SYN_TIMESTAMP, core[c + Core.SYN_TIMESTAMP]!);

/** id + 1 of the connection that had this tuple before; 0 none. */
export const previousOf = (tables: Tables, core: Int32Array, c: number): number => wordOf(tables, core, c, Sequel.PREVIOUS, 0);

/** Frame of the first SYN-ACK; 0 none. */
export const firstSynAckOf = (tables: Tables, core: Int32Array, c: number): number => wordOf(tables, core, c, Sequel.FIRST_SYNACK, 0);

/** SYNs | SYN-ACKs << 16; only of a connection without a pair record. */
export function countsOf(tables: Tables, core: Int32Array, c: number): number {
  const ref = sequelOf(core, c) - 1;
  if (ref < 0) return (core[c + Core.STATE]! & Trait.SAW_SYN) === 0 ? 0 : 1;
  const embryo = tables.sequels.page(ref)[tables.sequels.offset(ref) + Sequel.EMBRYO]!;
  return synsOf(embryo) | (synAcksOf(embryo) << 16);
}

/** IP length of each SYN | of each SYN-ACK << 16; only of a connection without a pair record. */
export function lengthsOf(tables: Tables, core: Int32Array, c: number): number {
  const embryo = wordOf(tables, core, c, Sequel.EMBRYO, lengthOfSyn(core, c));
  return synLengthOf(embryo) | (synAckLengthOf(embryo) << 16);
}

/** As Sequel.TTLS. */
export const ttlsOf = (tables: Tables, core: Int32Array, c: number): number => wordOf(tables, core, c, Sequel.TTLS, ttlOfLone(core, c));

export const lastFrameOf = (core: Int32Array, c: number): number =>
  core[c + (sequelOf(core, c) === 0 ? Core.FIRST_FRAME : Core.LAST_FRAME)]!;

/** Time of the newest segment, copies included. @param id of the connection */
export function lastTimeOf(tables: Tables, id: number): number {
  const core = tables.cores.page(id);
  const c = tables.cores.offset(id);
  const ref = sequelOf(core, c) - 1;
  if (ref < 0) return tables.firstTimes.of(id);
  const last = sequelTime(tables, ref, Sequel.LAST_TIME);
  const pair = pairOf(core, c) - 1;
  if (pair < 0 || pair >= PACKED) return last; // packer.ts
  const newest = Math.max(tables.pairs.double(pair, Half.LAST_TIME), tables.pairs.double(pair, HALF_STRIDE + Half.LAST_TIME));
  return newest < 0 ? last : Math.max(last, newest); // -1: none
}

/** The same, where it is later than the time in the list: a float64 that a function returns is an object. */
export function noteLastTime(tables: Tables, id: number, latest: number[], index: number): void {
  const last = lastTimeOf(tables, id);
  if (last > latest[index]!) latest[index] = last;
}

/** When the first FIN or RST that counted was sent, of a connection with a pair; -1: the log knows. @param id of the connection */
export function closedAt(tables: Tables, id: number): number {
  const core = tables.cores.page(id);
  const after = wordOf(tables, core, tables.cores.offset(id), Sequel.CLOSED_AFTER, 0);
  if (after === 0) return -1;
  return tables.firstTimes.of(id) + (after > 0 ? after * NANOS_PER_MICRO : -after);
}

/** Sequel.CLOSED_AFTER for so many nanoseconds after the first segment; 0 where it cannot say them. */
export function closedAfter(nanos: number): number {
  if (nanos <= 0) return 0; // the clock was set back
  const micros = nanos / NANOS_PER_MICRO;
  if (micros === (micros | 0)) return micros;
  return nanos === (nanos | 0) ? -nanos : 0;
}

/** Octets of both ends that were acknowledged and never passed here. @param troubleRef Pair.TROUBLE */
export const missedOf = (tables: Tables, troubleRef: number): number =>
  troubleWord(tables, troubleRef, Side.CLIENT, Trouble.GAP) + troubleWord(tables, troubleRef, Side.SERVER, Trouble.GAP);

/** Were octets of an end perhaps sent that are not in the capture? Its FIN may be among them. @param pair reference to the pair record */
export const mayLackOctets = (tables: Tables, pair: number, side: Side): boolean => {
  const word = (name: number): number => tables.pairs.word(pair, side * HALF_STRIDE + name);
  const gap = troubleWord(tables, tables.pairs.word(pair, Pair.TROUBLE), side, Trouble.GAP);
  return gap + word(Half.MISSED) > 0 || (word(Half.FLAGS) & HalfFlag.DOUBT) !== 0;
};

function wordOf(tables: Tables, core: Int32Array, c: number, word: number, alone: number): number {
  const ref = sequelOf(core, c) - 1;
  if (ref < 0) return alone;
  return ref < PACKED ? tables.sequels.page(ref)[tables.sequels.offset(ref) + word]! : tables.pairs.word(ref, ofSequel(word));
}

/** A float64 of the sequel record `ref`, by its first word. */
const sequelTime = (tables: Tables, ref: number, word: number): number =>
  ref < PACKED ? tables.sequels.floatPage(ref)[(tables.sequels.offset(ref) + word) >> 1]! : tables.pairs.double(ref, ofSequel(word));
