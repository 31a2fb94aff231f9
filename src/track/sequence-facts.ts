/** What sequence analysis found out about one end, as objects over the tracker's records: model/sequence.ts promises them. */
import type { Interval, Moment, SequenceFacts, Silence } from '../model/sequence.ts';
import { NO_TROUBLE } from '../model/sequence.ts';
import { frameNo, nanos, type Nanos, NANOS_PER_SECOND } from '../model/units.ts';
import { rareDouble, rareWord } from './rare.ts';
import type { Tables } from './tables.ts';
import { Half, HALF_STRIDE, Pair, Rare, Trouble, TROUBLE_HALF } from './layout.ts';

/** @param pairRef Core.PAIR; 0 none. @param until when a window that is still closed was last known to be. */
export function sequenceFacts(tables: Tables, pairRef: number, side: number, retransmissions: number, until: Nanos): SequenceFacts {
  const ref = pairRef === 0 ? 0 : tables.pairs.word(pairRef - 1, Pair.TROUBLE);
  if (ref !== 0) return new Troubled(tables, pairRef, ref, side, retransmissions, until);
  return retransmissions === 0 ? NO_TROUBLE : { ...NO_TROUBLE, timeoutRetransmissions: retransmissions };
}

/** Read on demand: rules ask thousands of connections for a few of these facts. */
class Troubled implements SequenceFacts {
  readonly #tables: Tables;
  /** Of its records, and where the end begins in them. */
  readonly #pairRef: number;
  readonly #ref: number;
  readonly #at: number;
  readonly #half: number;
  readonly #retransmissions: number;
  readonly #until: Nanos;

  constructor(tables: Tables, pairRef: number, ref: number, side: number, retransmissions: number, until: Nanos) {
    this.#tables = tables;
    this.#pairRef = pairRef - 1;
    this.#ref = ref - 1;
    this.#at = side * TROUBLE_HALF;
    this.#half = side * HALF_STRIDE;
    this.#retransmissions = retransmissions;
    this.#until = until;
  }

  #word(name: number): number {
    return this.#tables.troubles.word(this.#ref, this.#at + name);
  }
  #double(name: number): number {
    return this.#tables.troubles.double(this.#ref, this.#at + name);
  }
  #time(name: number): Nanos {
    return nanos(this.#double(name));
  }
  #seconds(name: number): number {
    return this.#double(name) / NANOS_PER_SECOND;
  }
  #moment(frame: number, time: number): Moment | null {
    return this.#word(frame) === 0 ? null : { frame: frameNo(this.#word(frame)), time: this.#time(time) };
  }
  /** Nothing that was sent since the segment whose `una` is in the word has been acknowledged. */
  #stands(una: number): boolean {
    return this.#tables.pairs.word(this.#pairRef, this.#half + Half.UNA) === this.#word(una);
  }

  get fastRetransmissions(): number {
    return this.#word(Trouble.FAST);
  }
  get tailLossProbes(): number {
    return this.#word(Trouble.TAIL_PROBES);
  }
  get spuriousRetransmissions(): number {
    return this.#word(Trouble.SPURIOUS);
  }
  get timeoutRetransmissions(): number {
    return Math.max(0, this.#retransmissions - this.fastRetransmissions - this.tailLossProbes - this.spuriousRetransmissions);
  }
  get timeoutSeconds(): number {
    return this.#seconds(Trouble.LOST_TIME);
  }
  get firstRetransmission(): Moment | null {
    return this.#moment(Trouble.FIRST_FRAME, Trouble.FIRST_TIME);
  }
  get lastRetransmission(): Moment | null {
    return this.#moment(Trouble.LAST_FRAME, Trouble.LAST_TIME);
  }
  get lostBeforeCapture(): number {
    return this.#word(Trouble.FILLS);
  }
  get resentInVain(): number {
    return this.#word(Trouble.FIRST_FRAME) !== 0 && this.#stands(Trouble.LAST_UNA) ? this.#word(Trouble.VAIN_RUN) : 0;
  }
  get inVainSince(): Moment | null {
    return this.resentInVain > 0 ? this.#moment(Trouble.VAIN_FRAME, Trouble.VAIN_SINCE) : null;
  }
  get largeResentInVain(): number {
    return this.#word(Trouble.LONGEST_FULL_RUN);
  }
  get largeNeverAcknowledged(): boolean {
    return this.#word(Trouble.FULL_RUN) > 0 && this.#stands(Trouble.LAST_FULL_UNA);
  }
  get reorderedOctets(): number {
    return this.#word(Trouble.MAX_DISTANCE);
  }
  get reorderedSeconds(): number {
    return this.#seconds(Trouble.MAX_DELAY);
  }
  get latestOvertaken(): Moment | null {
    return this.#moment(Trouble.MAX_DELAY_FRAME, Trouble.MAX_DELAY_TIME);
  }
  get duplicateAcks(): number {
    return this.#word(Trouble.DUP_ACKS);
  }
  get sacks(): number {
    return this.#word(Trouble.SACKS);
  }
  get dsacks(): number {
    return this.#word(Trouble.DSACKS);
  }
  get acksOfUnseen(): number {
    return this.#word(Trouble.UNSEEN_ACKS);
  }
  get zeroWindowEpisodes(): number {
    return this.#word(Trouble.ZERO_EPISODES);
  }
  get zeroWindowSeconds(): number {
    return this.#seconds(Trouble.ZERO_TOTAL) + this.#closedNow;
  }
  get longestZeroWindow(): Interval | null {
    const since = this.#word(Trouble.ZERO_SINCE_FRAME);
    if (since !== 0 && this.#closedNow >= this.#seconds(Trouble.ZERO_LONGEST)) {
      return { seconds: this.#closedNow, begin: { frame: frameNo(since), time: this.#time(Trouble.ZERO_SINCE) }, end: null };
    }
    const begin = this.#moment(Trouble.ZERO_LONGEST_FRAME, Trouble.ZERO_LONGEST_SINCE);
    if (begin === null) return null;
    const seconds = this.#seconds(Trouble.ZERO_LONGEST);
    const time = nanos(begin.time + seconds * NANOS_PER_SECOND);
    return { seconds, begin, end: { frame: frameNo(this.#word(Trouble.ZERO_LONGEST_END)), time } };
  }
  /** How long the window has been closed that is closed at the end, seconds. */
  get #closedNow(): number {
    if (this.#word(Trouble.ZERO_SINCE_FRAME) === 0) return 0;
    return Math.max(0, this.#until - this.#time(Trouble.ZERO_SINCE)) / NANOS_PER_SECOND;
  }
  get windowProbes(): number {
    return this.#word(Trouble.WINDOW_PROBES);
  }
  get windowFull(): number {
    return this.#word(Trouble.WINDOW_FULL);
  }
  get keepAlives(): number {
    return this.#word(Trouble.KEEP_ALIVES);
  }
  get keepAlivesAnswered(): number {
    return this.#word(Trouble.KEEP_ALIVES_ANSWERED);
  }
  get keepAlivesInVain(): number {
    return this.#word(Trouble.KEEP_ALIVES_IN_VAIN);
  }
  get lastKeepAlive(): Moment | null {
    return this.#moment(Trouble.KEEP_ALIVE_FRAME, Trouble.KEEP_ALIVE_TIME);
  }
  get keepAliveInterval(): number | null {
    return this.keepAlives > 1 ? this.#seconds(Trouble.KEEP_ALIVE_INTERVAL) : null;
  }
}

/** @param pairRef Core.PAIR, not 0. */
export function longestIdle(tables: Tables, pairRef: number): Silence | null {
  const idle = rareDouble(tables, pairRef, Rare.IDLE);
  if (idle === 0) return null;
  const frame = frameNo(rareWord(tables, pairRef, Rare.IDLE_FRAME));
  return { seconds: idle / NANOS_PER_SECOND, end: { frame, time: nanos(rareDouble(tables, pairRef, Rare.IDLE_END)) } };
}
