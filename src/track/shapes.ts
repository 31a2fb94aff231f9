/** Which words of a record are near to which, for its packing (record-code.ts): nothing is wrong where they are not, only larger. */
import { Half, HALF_STRIDE, Pair, PAIR_STRIDE, Trouble, TROUBLE_HALF, TROUBLE_STRIDE, Turn } from './layout.ts';
import { ANSWER_BUCKETS } from './turns.ts';
import type { RecordShape } from './record-code.ts';

/** A word of the server. */
const theirs = (word: number): number => word + HALF_STRIDE;

const nearOfBoth = (word: number, other: number): readonly (readonly [number, number])[] => [
  [word, other],
  [word + TROUBLE_HALF, other + TROUBLE_HALF],
];

export const PAIR_SHAPE: RecordShape = {
  stride: PAIR_STRIDE,
  // What the census looks at. Two groups of sixteen, with one that it does not.
  front: [
    ...[Half.FLAGS, Half.PACKETS, Half.FIN, Half.SYN, Half.LARGEST, Half.AFTER_PEER_FIN].flatMap((word) => [word, theirs(word)]),
    ...[theirs(Half.SYN_ACK), Half.WINDOW_TTL, Half.ZERO_WINDOWS, Half.PAYLOAD, Half.PAYLOAD + 1],
    ...[Pair.QUIET, Pair.QUIET + 1, Pair.TROUBLE, Turn.FLAGS, Turn.REQUESTS, Turn.ANSWERS, Turn.DELAYS],
    ...Array.from({ length: ANSWER_BUCKETS / 2 }, (_, i) => Turn.BUCKETS + i),
    Half.NXT,
  ],
  // The timer of TIME_WAIT fires long after the last segment.
  open: [Half.STATE_TIME, theirs(Half.STATE_TIME)],
  nearDoubles: [
    [Half.LAST_TIME, theirs(Half.LAST_TIME)],
    [theirs(Half.LAST_DATA_TIME), theirs(Half.LAST_TIME)],
    [Half.LAST_DATA_TIME, theirs(Half.LAST_DATA_TIME)],
    [Half.RTT_TIME, Half.LAST_DATA_TIME],
    [theirs(Half.RTT_TIME), theirs(Half.LAST_DATA_TIME)],
  ],
  nearWords: [
    [Half.UNA, Half.NXT],
    [theirs(Half.UNA), theirs(Half.NXT)],
    [Half.LAST_ACK, theirs(Half.NXT)],
    [theirs(Half.LAST_ACK), Half.NXT],
    [Half.RTT_END, Half.NXT],
    [theirs(Half.RTT_END), theirs(Half.NXT)],
    [Half.RTT_MAX, Half.RTT_MIN],
    [theirs(Half.RTT_MAX), theirs(Half.RTT_MIN)],
    [theirs(Half.FIRST_SYN_ACK), Half.FIRST_SYN],
    [Turn.BEGAN, Half.FIRST_SYN],
    [Half.LAST_DATA_FRAME, Turn.BEGAN],
    [Turn.BEGAN + 1, Turn.BEGAN],
    [theirs(Half.LAST_DATA_FRAME), Turn.BEGAN + 1],
    [Half.FIRST_FIN, theirs(Half.LAST_DATA_FRAME)],
    [theirs(Half.FIRST_FIN), Half.FIRST_FIN],
    [Half.FIN_ACK, Half.NXT],
    [theirs(Half.FIN_ACK), theirs(Half.NXT)],
  ],
};

/** Few connections have one, and of each one end mostly. */
export const TROUBLE_SHAPE: RecordShape = {
  stride: TROUBLE_STRIDE,
  front: [],
  open: [],
  nearDoubles: [...nearOfBoth(Trouble.FIRST_TIME, Trouble.LAST_TIME), ...nearOfBoth(Trouble.VAIN_SINCE, Trouble.LAST_TIME)],
  nearWords: [
    ...nearOfBoth(Trouble.LAST_FRAME, Trouble.FIRST_FRAME),
    ...nearOfBoth(Trouble.VAIN_FRAME, Trouble.FIRST_FRAME),
    ...nearOfBoth(Trouble.LAST_SEQ, Trouble.LAST_UNA),
    ...nearOfBoth(Trouble.RECOVER, Trouble.LAST_UNA),
  ],
};
