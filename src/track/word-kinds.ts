/**
 * Which words of a record (layout.ts) are frame numbers and which are moments, so that a record of a capture can be moved to where it
 * lies in a longer one. All others are counts, durations, sequence numbers and references.
 *
 * Frames: 0 is none. Moments: what lies before the capture (-1) is none; where nothing was written it is 0, which nobody reads.
 */
import { Core, CORE_STRIDE, Delay, DELAY_STRIDE, Half, HALF_STRIDE, Hole, HOLE_STRIDE, HOLES_STRIDE } from './layout.ts';
import {
  MAX_HOLES,
  Pair,
  PAIR_STRIDE,
  Rare,
  RARE_STRIDE,
  Sequel,
  SEQUEL_STRIDE,
  Trouble,
  TROUBLE_HALF,
  TROUBLE_STRIDE,
  Turn,
} from './layout.ts';

export interface WordKinds {
  readonly stride: number;
  readonly frames: readonly number[];
  /** First words of float64s. */
  readonly moments: readonly number[];
}

const bothEnds = (distance: number, words: readonly number[]): readonly number[] => [...words, ...words.map((word) => word + distance)];

/** Connections with a sequel have a frame in Core.LAST_FRAME: `moved`. When they began has `moveFirstTimes`. */
export const WORD_KINDS = {
  cores: { stride: CORE_STRIDE, frames: [Core.FIRST_FRAME], moments: [] },
  sequels: { stride: SEQUEL_STRIDE, frames: [Sequel.FIRST_SYNACK], moments: [Sequel.LAST_TIME] },
  pairs: {
    stride: PAIR_STRIDE,
    frames: [
      ...bothEnds(HALF_STRIDE, [Half.LAST_DATA_FRAME, Half.FIRST_FIN, Half.FIRST_SYN, Half.FIRST_SYN_ACK, Half.FIRST_RST]),
      Pair.HELLO_FRAME,
      Turn.BEGAN,
      Turn.BEGAN + 1,
    ],
    moments: bothEnds(HALF_STRIDE, [Half.LAST_DATA_TIME, Half.LAST_TIME, Half.STATE_TIME, Half.RTT_TIME]),
  },
  troubles: {
    stride: TROUBLE_STRIDE,
    frames: bothEnds(TROUBLE_HALF, [
      Trouble.FIRST_FRAME,
      Trouble.LAST_FRAME,
      Trouble.ZERO_SINCE_FRAME,
      Trouble.ZERO_LONGEST_FRAME,
      Trouble.ZERO_LONGEST_END,
      Trouble.KEEP_ALIVE_FRAME,
      Trouble.VAIN_FRAME,
      Trouble.MAX_DELAY_FRAME,
    ]),
    moments: bothEnds(TROUBLE_HALF, [
      Trouble.LAST_TIME,
      Trouble.FIRST_TIME,
      Trouble.ZERO_SINCE,
      Trouble.ZERO_LONGEST_SINCE,
      Trouble.KEEP_ALIVE_TIME,
      Trouble.VAIN_SINCE,
      Trouble.MAX_DELAY_TIME,
    ]),
  },
  holes: { stride: HOLES_STRIDE, frames: [], moments: Array.from({ length: MAX_HOLES }, (_, i) => i * HOLE_STRIDE + Hole.TIME) },
  rares: { stride: RARE_STRIDE, frames: [Rare.STRAY_FRAME, Rare.IDLE_FRAME], moments: [Rare.STRAY_TIME, Rare.IDLE_END] },
  delays: {
    stride: DELAY_STRIDE,
    frames: [Delay.REQUEST_FRAME, Delay.ANSWER_FRAME, Delay.DRIP_FRAME, Delay.PIECE_FRAME, Delay.REST_FRAME],
    moments: [
      Delay.LONG_FIRST,
      Delay.LONG_LAST,
      Delay.LONGEST_TIME,
      Delay.DRIP_FIRST,
      Delay.DRIP_LAST,
      Delay.STALL_FIRST,
      Delay.STALL_LAST,
      Delay.PIECE_TIME,
      Delay.REQUEST_TIME,
    ],
  },
} as const satisfies Readonly<Record<string, WordKinds>>;
