/** What sequence analysis found out about one end, as objects over the tracker's records: model/sequence.ts promises them. */
import type { Interval, Moment, SequenceFacts, Silence } from '../model/sequence.ts';
import { NO_TROUBLE } from '../model/sequence.ts';
import { frameNo, nanos, type Nanos, NANOS_PER_SECOND } from '../model/units.ts';
import type { Tables } from './context.ts';
import { Half, HALF_STRIDE, Pair, Trouble, TROUBLE_HALF } from './layout.ts';

/** @param pairRef Core.PAIR; 0 none. @param until when a window that is still closed was last known to be. */
export function sequenceFacts(tables: Tables, pairRef: number, side: number, retransmissions: number, until: Nanos): SequenceFacts {
  if (pairRef === 0) return { ...NO_TROUBLE, timeoutRetransmissions: retransmissions };
  const pair = tables.pairs.page(pairRef - 1);
  const p = tables.pairs.offset(pairRef - 1);
  const ref = pair[p + Pair.TROUBLE]!;
  if (ref === 0) return { ...NO_TROUBLE, timeoutRetransmissions: retransmissions };
  const words = tables.troubles.page(ref - 1);
  const doubles = tables.troubles.floatPage(ref - 1);
  const at = tables.troubles.offset(ref - 1) + side * TROUBLE_HALF;
  const word = (name: number): number => words[at + name]!;
  const seconds = (name: number): number => doubles[(at + name) >> 1]! / NANOS_PER_SECOND;
  const time = (name: number): Nanos => nanos(doubles[(at + name) >> 1]!);
  const moment = (frame: number, at: number): Moment | null => (word(frame) === 0 ? null : { frame: frameNo(word(frame)), time: time(at) });
  const first = moment(Trouble.FIRST_FRAME, Trouble.FIRST_TIME);
  const zero = zeroWindow(word, seconds, time, until);
  const half = p + side * HALF_STRIDE;
  const inVain = first !== null && pair[half + Half.UNA] === word(Trouble.LAST_UNA) ? word(Trouble.VAIN_RUN) : 0;
  const probes = word(Trouble.KEEP_ALIVES);
  return {
    fastRetransmissions: word(Trouble.FAST),
    tailLossProbes: word(Trouble.TAIL_PROBES),
    spuriousRetransmissions: word(Trouble.SPURIOUS),
    timeoutRetransmissions: Math.max(0, retransmissions - word(Trouble.FAST) - word(Trouble.TAIL_PROBES) - word(Trouble.SPURIOUS)),
    timeoutSeconds: seconds(Trouble.LOST_TIME),
    firstRetransmission: first,
    lastRetransmission: moment(Trouble.LAST_FRAME, Trouble.LAST_TIME),
    lostBeforeCapture: word(Trouble.FILLS),
    resentInVain: inVain,
    inVainSince: inVain > 0 ? moment(Trouble.VAIN_FRAME, Trouble.VAIN_SINCE) : null,
    largeResentInVain: word(Trouble.LONGEST_FULL_RUN),
    largeNeverAcknowledged: word(Trouble.FULL_RUN) > 0 && pair[half + Half.UNA] === word(Trouble.LAST_FULL_UNA),
    reorderedOctets: word(Trouble.MAX_DISTANCE),
    reorderedSeconds: seconds(Trouble.MAX_DELAY),
    latestOvertaken: moment(Trouble.MAX_DELAY_FRAME, Trouble.MAX_DELAY_TIME),
    duplicateAcks: word(Trouble.DUP_ACKS),
    sacks: word(Trouble.SACKS),
    dsacks: word(Trouble.DSACKS),
    acksOfUnseen: word(Trouble.UNSEEN_ACKS),
    ...zero,
    windowProbes: word(Trouble.WINDOW_PROBES),
    windowFull: word(Trouble.WINDOW_FULL),
    keepAlives: probes,
    keepAlivesAnswered: word(Trouble.KEEP_ALIVES_ANSWERED),
    keepAlivesInVain: word(Trouble.KEEP_ALIVES_IN_VAIN),
    lastKeepAlive: moment(Trouble.KEEP_ALIVE_FRAME, Trouble.KEEP_ALIVE_TIME),
    keepAliveInterval: probes > 1 ? seconds(Trouble.KEEP_ALIVE_INTERVAL) : null,
  };
}

type ZeroWindow = Pick<SequenceFacts, 'zeroWindowEpisodes' | 'zeroWindowSeconds' | 'longestZeroWindow'>;

function zeroWindow(
  word: (name: number) => number,
  seconds: (name: number) => number,
  time: (name: number) => Nanos,
  until: Nanos,
): ZeroWindow {
  const since = word(Trouble.ZERO_SINCE_FRAME);
  const open = since === 0 ? 0 : Math.max(0, until - time(Trouble.ZERO_SINCE)) / NANOS_PER_SECOND;
  let longest: Interval | null = null;
  if (since !== 0 && open >= seconds(Trouble.ZERO_LONGEST)) {
    longest = { seconds: open, begin: { frame: frameNo(since), time: time(Trouble.ZERO_SINCE) }, end: null };
  } else if (word(Trouble.ZERO_LONGEST_FRAME) !== 0) {
    const begin = time(Trouble.ZERO_LONGEST_SINCE);
    longest = {
      seconds: seconds(Trouble.ZERO_LONGEST),
      begin: { frame: frameNo(word(Trouble.ZERO_LONGEST_FRAME)), time: begin },
      end: { frame: frameNo(word(Trouble.ZERO_LONGEST_END)), time: nanos(begin + seconds(Trouble.ZERO_LONGEST) * NANOS_PER_SECOND) },
    };
  }
  return {
    zeroWindowEpisodes: word(Trouble.ZERO_EPISODES),
    zeroWindowSeconds: seconds(Trouble.ZERO_TOTAL) + open,
    longestZeroWindow: longest,
  };
}

/** @param pairRef Core.PAIR, not 0. */
export function longestIdle(tables: Tables, pairRef: number): Silence | null {
  const p = tables.pairs.offset(pairRef - 1);
  const doubles = tables.pairs.floatPage(pairRef - 1);
  const idle = doubles[(p + Pair.IDLE) >> 1]!;
  if (idle === 0) return null;
  const frame = frameNo(tables.pairs.page(pairRef - 1)[p + Pair.IDLE_FRAME]!);
  return { seconds: idle / NANOS_PER_SECOND, end: { frame, time: nanos(doubles[(p + Pair.IDLE_END) >> 1]!) } };
}
