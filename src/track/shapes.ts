/** Which words of a record are near to which, the same in most records, or mostly zero, for its packing (record-code.ts): nothing is wrong where they are not, only larger. */
import { NANOS_PER_MICRO } from '../model/units.ts';
import { Half, HALF_STRIDE, Pair, PAIR_STRIDE, Sequel, SEQUEL_STRIDE, Trouble, TROUBLE_HALF, TROUBLE_STRIDE, Turn } from './layout.ts';
import { ANSWER_BUCKETS } from './turns.ts';
import type { RecordShape } from './record-code.ts';

/** A word of the server, of both ends; and of the sequel, which is packed behind the pair. */
const theirs = (word: number): number => word + HALF_STRIDE;
const ofBoth = (...words: number[]): readonly number[] => [...words, ...words.map(theirs)];
export const ofSequel = (word: number): number => PAIR_STRIDE + word;

/** Times are mostly whole microseconds. */
export const PAIR_SHAPE: RecordShape = {
  stride: PAIR_STRIDE + SEQUEL_STRIDE,
  // What the census looks at. Two groups of sixteen, with one that it does not.
  front: [
    ...[Half.FLAGS, Half.PACKETS, Half.FIN, Half.SYN, Half.LARGEST, Half.AFTER_PEER_FIN].flatMap((word) => [word, theirs(word)]),
    ...[theirs(Half.SYN_ACK), Half.WINDOW_TTL, Half.ZERO_WINDOWS, Half.PAYLOAD, Half.PAYLOAD + 1],
    ...[Pair.QUIET, Pair.QUIET + 1, Pair.TROUBLE, Turn.FLAGS, Turn.REQUESTS, Turn.ANSWERS, Turn.DELAYS],
    ...Array.from({ length: ANSWER_BUCKETS / 2 }, (_, i) => Turn.BUCKETS + i),
    theirs(Half.WINDOW_TTL),
  ],
  rare: [
    ...ofBoth(Half.RETRANSMISSIONS, Half.RST, Half.FIRST_RST, Half.RST_SEQ, Half.MISSED, Half.ZERO_WINDOWS, Half.AFTER_PEER_FIN),
    ...[Half.MAX_IN_FLIGHT, Half.SYN_ACK, Half.FIRST_SYN_ACK, theirs(Half.SYN), theirs(Half.FIRST_SYN)],
    ...[Pair.RARE, Pair.HELLO_FRAME, Pair.HISTORY + 2, Pair.HISTORY + 3, ofSequel(Sequel.PREVIOUS)],
    ...ofBoth(Half.IP_BYTES, Half.PAYLOAD, Half.LAST_DATA_TIME, Half.LAST_TIME, Half.RTT_TIME, Half.RTT_SUM).map((word) => word + 1),
    ...[Turn.SERVER_TIME, Turn.CLIENT_TIME].map((word) => word + 1),
  ],
  usual: [
    ...ofBoth(Half.FLAGS, Half.FIN, Half.SYN, Half.SYN_ACK, Half.LARGEST, Half.WINDOW_TTL, Half.RTT_COUNT, Half.MAX_IN_FLIGHT),
    ...[Turn.FLAGS, Turn.REQUESTS, Turn.ANSWERS, Pair.HISTORY, Pair.HISTORY + 1, ofSequel(Sequel.OPTIONS), ofSequel(Sequel.OPTIONS + 1)],
  ],
  // What a timer writes to that fires long after the last segment, as that of TIME_WAIT does; and what many ask for and is near to nothing.
  openWords: [
    ...[Sequel.ARMED, Sequel.HEAD, Sequel.TAIL, Sequel.TTLS],
    ...[Sequel.ISS, Sequel.ISS + 1, Sequel.SYN_TIMESTAMP, Sequel.CLOSED_AFTER],
  ].map(ofSequel),
  openDoubles: [
    { word: ofSequel(Sequel.LAST_TIME), unit: NANOS_PER_MICRO },
    ...ofBoth(Half.STATE_TIME).map((word) => ({ word, unit: NANOS_PER_MICRO, double: ofSequel(Sequel.LAST_TIME) })),
  ],
  nearWords: [
    [Half.NXT, ofSequel(Sequel.ISS)],
    [theirs(Half.NXT), ofSequel(Sequel.ISS + 1)],
    [Half.UNA, Half.NXT],
    [theirs(Half.UNA), theirs(Half.NXT)],
    [Half.LAST_ACK, theirs(Half.NXT)],
    [theirs(Half.LAST_ACK), Half.NXT],
    [Half.RTT_END, Half.NXT],
    [theirs(Half.RTT_END), theirs(Half.NXT)],
    [Half.RTT_MAX, Half.RTT_MIN],
    [theirs(Half.RTT_MAX), theirs(Half.RTT_MIN)],
    [theirs(Half.FIRST_SYN_ACK), Half.FIRST_SYN],
    [ofSequel(Sequel.FIRST_SYNACK), theirs(Half.FIRST_SYN_ACK)],
    [Turn.BEGAN, theirs(Half.FIRST_SYN_ACK)],
    [Half.LAST_DATA_FRAME, Turn.BEGAN],
    [Turn.BEGAN + 1, Half.LAST_DATA_FRAME],
    [theirs(Half.LAST_DATA_FRAME), Turn.BEGAN + 1],
    [Half.FIRST_FIN, theirs(Half.LAST_DATA_FRAME)],
    [theirs(Half.FIRST_FIN), Half.FIRST_FIN],
    [Half.FIN_ACK, Half.NXT],
    [theirs(Half.FIN_ACK), theirs(Half.NXT)],
  ],
  doubles: [
    ...ofBoth(Half.PAYLOAD).map((word) => ({ word, unit: 1 })),
    ...[Half.IP_BYTES, theirs(Half.IP_BYTES)].map((word) => ({ word, unit: 1, double: word - Half.IP_BYTES + Half.PAYLOAD })),
    { word: theirs(Half.LAST_TIME), unit: NANOS_PER_MICRO, double: ofSequel(Sequel.LAST_TIME) },
    { word: Half.LAST_TIME, unit: NANOS_PER_MICRO, double: theirs(Half.LAST_TIME) },
    { word: theirs(Half.LAST_DATA_TIME), unit: NANOS_PER_MICRO, double: theirs(Half.LAST_TIME) },
    { word: Half.LAST_DATA_TIME, unit: NANOS_PER_MICRO, double: theirs(Half.LAST_DATA_TIME) },
    { word: Half.RTT_TIME, unit: NANOS_PER_MICRO, double: Half.LAST_DATA_TIME },
    { word: theirs(Half.RTT_TIME), unit: NANOS_PER_MICRO, double: theirs(Half.LAST_DATA_TIME) },
    ...[Half.RTT_SUM, theirs(Half.RTT_SUM)].map((word) => ({ word, unit: NANOS_PER_MICRO, units: word - Half.RTT_SUM + Half.RTT_MIN })),
    { word: Turn.SERVER_TIME, unit: NANOS_PER_MICRO, units: Turn.LONGEST },
    { word: Turn.CLIENT_TIME, unit: NANOS_PER_MICRO },
    { word: Pair.QUIET, unit: NANOS_PER_MICRO },
  ],
};

/** Of an end in trouble. */
const TROUBLE_TIMES = [
  Trouble.LAST_TIME,
  Trouble.LOST_TIME,
  Trouble.LAST_WAIT,
  Trouble.MAX_DELAY,
  Trouble.MAX_DELAY_TIME,
  Trouble.KEEP_ALIVE_TIME,
];
const TROUBLE_SINCE_LAST = [Trouble.FIRST_TIME, Trouble.VAIN_SINCE];
const nearOfBoth = (word: number, other: number): readonly (readonly [number, number])[] => [
  [word, other],
  [word + TROUBLE_HALF, other + TROUBLE_HALF],
];

/** Few connections have one, and of each one end mostly. */
export const TROUBLE_SHAPE: RecordShape = {
  stride: TROUBLE_STRIDE,
  front: [],
  rare: [],
  usual: [],
  openWords: [],
  openDoubles: [],
  nearWords: [
    ...nearOfBoth(Trouble.LAST_FRAME, Trouble.FIRST_FRAME),
    ...nearOfBoth(Trouble.VAIN_FRAME, Trouble.FIRST_FRAME),
    ...nearOfBoth(Trouble.LAST_SEQ, Trouble.LAST_UNA),
    ...nearOfBoth(Trouble.RECOVER, Trouble.LAST_UNA),
  ],
  doubles: [0, TROUBLE_HALF].flatMap((end) => [
    ...TROUBLE_TIMES.map((word) => ({ word: end + word, unit: NANOS_PER_MICRO })),
    ...TROUBLE_SINCE_LAST.map((word) => ({ word: end + word, unit: NANOS_PER_MICRO, double: end + Trouble.LAST_TIME })),
  ]),
};
