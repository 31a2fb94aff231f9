/**
 * What the words of a record mean.
 *
 * A connection starts as a `Core` record alone: enough for a SYN. Most connections of a flood never become more, which is
 * what keeps ten million half-open entries in memory. Its second segment adds a `Sequel`, enough for retries and SYN-ACKs; the
 * first of any other kind a `Pair` record with both ends (`Half`).
 */
import { DEFAULT_PROFILE, type Profile, PROFILES } from '../model/profiles.ts';

/**
 * Words of a core record: all that a SYN is which nobody answers or repeats, and of everything else what identifies a connection.
 * 40 octets, of which a flood has a million.
 */
export const Core = {
  /** Canonical order of the tuple: `A` is the smaller (address, port). IPv4: the address; IPv6: its id in the AddressBook. */
  ADDR_A: 0,
  ADDR_B: 1,
  /** port of A << 16 | port of B */
  PORTS: 2,
  /** `Meta` bits */
  META: 3,
  /** client state (4 bits), server state (4 bits), `Trait` bits */
  STATE: 4,
  FIRST_FRAME: 5,
  /** part of the time of the first segment; `FirstTimes` has all of it */
  FIRST_TIME: 6,
  /** Before there is a sequel: initial sequence number of the client, its SYN's options, packed by `packSynOptions`, and where these say TIMESTAMPS, its timestamp. */
  ISS: 7,
  OPTIONS: 8,
  SYN_TIMESTAMP: 9,
  /** In the same places, from then on: index of the pair record + 1, 0 none yet; of the sequel record + 1. `pairOf` and `sequelOf` know which. */
  PAIR: 7,
  SEQUEL: 8,
  LAST_FRAME: 9,
} as const;
/** 40 octets. */
export const CORE_STRIDE = 10;

/** Bits of Core.META. */
export const Meta = {
  IPV6: 1,
  /** Encapsulation id, 12 bits. */
  ENCAPSULATION_SHIFT: 1,
  /** These two, which belong to what identifies a connection. */
  TUPLE: (1 << 13) - 1,
  HAS_SEQUEL: 1 << 13,
  /** IP length of the SYN that opened the connection, 8 bits, 0 of a longer one, which gets a pair record at once. */
  LENGTH_SHIFT: 14,
  LENGTH_MASK: 255 << 14,
  /** Of a lone SYN, its TTL, 8 bits. */
  TTL_SHIFT: 24,
} as const;

/** Index + 1 of the pair record of the connection with the core record `core` at `c`; 0 none yet. */
export const pairOf = (core: Int32Array, c: number): number => ((core[c + Core.META]! & Meta.HAS_SEQUEL) === 0 ? 0 : core[c + Core.PAIR]!);
/** The same of the sequel record. */
export const sequelOf = (core: Int32Array, c: number): number =>
  (core[c + Core.META]! & Meta.HAS_SEQUEL) === 0 ? 0 : core[c + Core.SEQUEL]!;
/** IP length of the SYN that opened the connection; 0: unknown. */
export const lengthOfSyn = (core: Int32Array, c: number): number => (core[c + Core.META]! >>> Meta.LENGTH_SHIFT) & 255;
/** Of a lone SYN. */
export const ttlOfLone = (core: Int32Array, c: number): number => core[c + Core.META]! >>> Meta.TTL_SHIFT;
/** What of Core.META identifies the connection. */
export const tupleMeta = (core: Int32Array, c: number): number => core[c + Core.META]! & Meta.TUPLE;

/**
 * Words of the record that a connection gets with its second segment, of whatever kind: what no lone SYN has. Without one it
 * is what sequel.ts says of a lone SYN.
 */
export const Sequel = {
  /** [client, server] each: initial sequence number, SYN options; `issOf` and `optionsOf` have them with and without a sequel. */
  ISS: 0,
  OPTIONS: 2,
  /** of the segments that are not in Half.LAST_TIME: `lastTimeOf` has all */
  LAST_TIME: 4,
  /** while there is no pair: SYNs and SYN-ACKs and their lengths (embryo-word.ts) */
  EMBRYO: 6,
  /** with a pair: when the first FIN or RST that counted was sent, after the first segment, in microseconds, or where these do not say it, nanoseconds below zero; 0: the log knows */
  CLOSED_AFTER: 6,
  /** id + 1 of the connection that had this tuple before */
  PREVIOUS: 7,
  /** From here to TTLS: what a timer changes after the last segment. Generation of the newest timer of each end: client | server << 16; 0: it had none yet, and its SYN needs none (due.ts) */
  ARMED: 8,
  /** The first event (where it is the SYN that opened the connection, ~ the second) and the last one, as events.ts refers to them. */
  HEAD: 9,
  TAIL: 10,
  /** TTL of the first segment: client | server << 8; then transitions logged (9 bits) and, while there is no pair, copies of the client's (4 bits) and the server's segments (3 bits), saturating */
  TTLS: 11,
  FIRST_SYNACK: 12,
  /** timestamp of the client's SYN, where its options say TIMESTAMPS */
  SYN_TIMESTAMP: 13,
} as const;
/** 56 octets. */
export const SEQUEL_STRIDE = 14;
/** The field of Sequel.TTLS for transitions, and one of them there. */
export const transitionsLogged = (ttls: number): number => (ttls >>> 16) & 0x1ff;
export const ONE_TRANSITION = 1 << 16;
/** The fields of Sequel.TTLS for copies: [client, server]. */
export const EMBRYO_COPIES = [
  { shift: 25, most: 15 },
  { shift: 29, most: 7 },
] as const;

/** Bits of Core.STATE above the two states. */
export const Trait = {
  CLIENT_IS_B: 1 << 8,
  SAW_SYN: 1 << 9,
  SAW_SYN_ACK: 1 << 10,
  /** Both ends were ESTABLISHED (or beyond) within the capture. */
  COMPLETED: 1 << 11,
  MIDSTREAM: 1 << 12,
  ROLES_BY_PORT: 1 << 13,
  ROLES_FIRST_SEEN: 1 << 14,
  CLOSED_BY_CLIENT: 1 << 15,
  CLOSED_BY_SERVER: 1 << 16,
  HAS_RST: 1 << 17,
  /** A SYN was answered by RST. */
  REFUSED: 1 << 18,
  /** An end stayed in CLOSE_WAIT for at least LONG_CLOSE_WAIT and left. */
  LONG_CLOSE_WAIT: 1 << 19,
  ICMP_ERROR: 1 << 20,
  /** The SYN-ACK came again although the third ACK had been seen. */
  ACK_IGNORED: 1 << 21,
  /** Wireshark's tcp.completeness, five bits: SYN 1, SYN-ACK 2, ACK 4, DATA 8, FIN 16 (RST 32: HAS_RST). */
  COMPLETENESS_SHIFT: 22,
  /** A segment with flags that no TCP stack sends together. */
  ODD_FLAGS: 1 << 27,
  /** More events than the log keeps for one connection. */
  EVENTS_CUT: 1 << 28,
  /** A SYN inside the connection waits for its explanation (Pair.STRAY_FRAME). */
  STRAY_SYN: 1 << 29,
  /** `--profile` names the kernel of the client; of the server. */
  CLIENT_NAMED: 1 << 30,
  SERVER_NAMED: 1 << 31,
} as const;

/**
 * Words of one end, from where its part of the pair record begins. Both ends' words that every segment touches lie side by
 * side, then what only some segments touch, then (behind `Turn`) the rest; so a field is at the same distance for either end.
 */
export const Half = {
  /** Next sequence number: highest seq + length seen (int32). */
  NXT: 0,
  /** Highest acknowledgment received from the other end. */
  UNA: 1,
  FLAGS: 2,
  PACKETS: 3,
  /** Acknowledgment number of the last segment. */
  LAST_ACK: 4,
  /** Unscaled window of the last segment (16 bits) | lowest TTL << 16 | highest TTL << 24, of segments without RST. */
  WINDOW_TTL: 5,
  /** length of the last payload (24 bits) | its first octet << 24 */
  LAST_PAYLOAD: 6,
  LAST_DATA_FRAME: 7,
  IP_BYTES: 8,
  PAYLOAD: 10,
  LAST_DATA_TIME: 12,
  LAST_TIME: 14,
  STATE_TIME: 32,
  /** The segment whose acknowledgment is waited for (HalfFlag.TIMING): when it was sent, and its end. One at a time. */
  RTT_TIME: 34,
  RTT_END: 38,
  /** Round trips of this end's data: sum in nanoseconds (float64), smallest and largest in microseconds, number. */
  RTT_SUM: 36,
  RTT_MIN: 39,
  RTT_MAX: 40,
  RTT_COUNT: 41,
  /** Most octets in more than one segment that were sent and not acknowledged. */
  MAX_IN_FLIGHT: 42,
  /** Largest payload of a segment. */
  LARGEST: 43,
  /** Acknowledgment number that covers the FIN. */
  FIN_ACK: 44,
  FIN: 45,
  FIRST_FIN: 46,
  RETRANSMISSIONS: 47,
  SYN: 82,
  SYN_ACK: 83,
  RST: 84,
  FIRST_SYN: 85,
  FIRST_SYN_ACK: 86,
  FIRST_RST: 87,
  /** seq of the last RST of this end */
  RST_SEQ: 88,
  /** Octets in holes that nobody has acknowledged: lost before the capture point, or under way. */
  MISSED: 89,
  ZERO_WINDOWS: 90,
  /** Payload octets sent after the other end's FIN (saturating). */
  AFTER_PEER_FIN: 91,
} as const;
/** From the client's words to the server's. */
export const HALF_STRIDE = 16;

/** Bits of Half.FLAGS. */
export const HalfFlag = {
  NXT_KNOWN: 1 << 0,
  UNA_KNOWN: 1 << 1,
  FIN_SENT: 1 << 2,
  FIN_ACKED: 1 << 3,
  /** The other end's FIN is taken as received here. */
  FIN_RECEIVED: 1 << 4,
  TLS: 1 << 5,
  ACK_SEEN: 1 << 6,
  SENT_RST: 1 << 7,
  /** It acknowledged data after its own FIN: the application still reads, so no orphan timer runs. */
  READS_AFTER_FIN: 1 << 8,
  /** Kinds of segments that Zeek's history has a letter for, seven bits; history.ts. */
  HISTORY_SHIFT: 9,
  /** Its newest octets lie beyond the other end's window; what it sends next says whether they were its own (DOUBT_FROM). */
  FAR: 1 << 16,
  /** It has sent a segment without SYN and RST since its SYN-ACK. */
  SPOKE: 1 << 17,
  /** Zeek's state of this end (3 bits), and the one before it (3 bits); history.ts. */
  ZEEK_SHIFT: 18,
  /** The acknowledgment of its segment that ends at RTT_END is waited for. */
  TIMING: 1 << 24,
  /** It has open holes that nobody has acknowledged. */
  HOLES: 1 << 25,
  /** More was acknowledged than passed here; what it sends next says whether it had sent that. */
  DOUBT: 1 << 26,
  /** Its last segment was a keepalive or a window probe. */
  PROBING: 1 << 27,
  /** log4 of MAX_IN_FLIGHT, in the highest bits: what is below that power need not look there. */
  IN_FLIGHT_SHIFT: 28,
} as const;

/** Words of a pair record that belong to both ends: in what those of the two leave free, and behind them. `Turn` has some more. */
export const Pair = {
  /** index of the trouble record + 1; 0 none */
  TROUBLE: 92,
  /** index of the rare record + 1; 0 none */
  RARE: 93,
  /** Round-trip time of the handshake with a third ACK of its own, microseconds; 0 unknown. */
  RTT_MICROS: 94,
  /** Frame of the client's first payload, where that is a TLS handshake record; 0 none. */
  HELLO_FRAME: 95,
  /** Silence before the first FIN or RST, nanoseconds (float64); -1 none. */
  QUIET: 96,
  /** Zeek history: letters of 5 bits, six to a word, four words. */
  HISTORY: 108,
} as const;
/** 448 octets, seven cache lines. */
export const PAIR_STRIDE = 112;

/** Words of a pair that few connections have, in a record of their own. */
export const Rare = {
  /** A SYN inside the connection that may turn out to open a new one: its seq, frame (0 none), count | IP length << 16, time (float64). */
  STRAY_SEQ: 0,
  STRAY_FRAME: 1,
  STRAY_COUNT: 2,
  /** index of the record of its copies + 1; 0 none */
  COPIES: 3,
  STRAY_TIME: 4,
  /** Longest time without a segment of either end, when it ended, nanoseconds (float64); and the frame that ended it. */
  IDLE: 6,
  IDLE_END: 8,
  IDLE_FRAME: 10,
} as const;
/** 48 octets. */
export const RARE_STRIDE = 12;

/** Words of the record of a connection whose segments were captured more than once; [client, server] each. */
export const Copied = {
  /** Captured again, and left out of every other count. */
  COUNT: 0,
  /** Where the last of them was seen: interface (16 bits) | hops behind the first point (signed, above). */
  LAST: 2,
  /** Octets of these (float64): IP packets, payload. */
  IP_BYTES: 4,
  PAYLOAD: 8,
  SYN: 12,
  SYN_ACK: 14,
  FIN: 16,
  RST: 18,
} as const;
export const COPIED_STRIDE = 20;

/**
 * Words of one end in a trouble record, which only connections have that lost, repeated or reordered segments, closed a
 * window, or were probed. Counts unless they say otherwise; times are nanoseconds (float64).
 */
export const Trouble = {
  /** Repeated segments that are no timeout's: RETRANSMISSIONS has them all. */
  FAST: 0,
  TAIL_PROBES: 1,
  SPURIOUS: 2,
  /** Of SPURIOUS: known by an acknowledgment before; the D-SACK for each is still to come. */
  EXPECTED_DSACKS: 3,
  /** Repairs in this end's data are going on until RECOVER (sequence number) is acknowledged; why: `Repair`. */
  REPAIR: 4,
  RECOVER: 5,
  /** The newest repeat: acknowledged up to where, its sequence number, its kind, and the wait before it. */
  LAST_UNA: 6,
  LAST_SEQ: 7,
  LAST_WAIT: 8,
  LAST_TIME: 10,
  FIRST_TIME: 12,
  /** Waits before timeouts, summed. */
  LOST_TIME: 14,
  LAST_KIND: 16,
  FIRST_FRAME: 17,
  LAST_FRAME: 18,
  /** Repeats of full-size segments since an acknowledgment last moved (LAST_FULL_UNA), and the longest such run. */
  FULL_RUN: 19,
  LONGEST_FULL_RUN: 20,
  LAST_FULL_UNA: 21,
  /** Acknowledgments sent by this end. */
  DUP_ACKS: 22,
  /** Duplicates of the acknowledgment DUP_ACK in a row. */
  DUP_RUN: 23,
  DUP_ACK: 24,
  SACKS: 25,
  DSACKS: 26,
  /** Overtaken segments: farthest behind, octets, and longest late. */
  MAX_DISTANCE: 27,
  MAX_DELAY: 28,
  /** This end's window at zero: episodes; begin of the one that lasts (frame 0: none does); total; the longest. */
  ZERO_TOTAL: 30,
  ZERO_SINCE: 32,
  ZERO_LONGEST: 34,
  ZERO_LONGEST_SINCE: 36,
  ZERO_EPISODES: 38,
  ZERO_SINCE_FRAME: 39,
  ZERO_LONGEST_FRAME: 40,
  ZERO_LONGEST_END: 41,
  /** Sent by this end. */
  WINDOW_PROBES: 42,
  WINDOW_FULL: 43,
  KEEP_ALIVES: 44,
  KEEP_ALIVES_ANSWERED: 45,
  KEEP_ALIVES_IN_VAIN: 46,
  HOLES: 47,
  /** Acknowledgments of this end for more than the other end had been seen to send. */
  UNSEEN_ACKS: 52,
  KEEP_ALIVE_TIME: 48,
  KEEP_ALIVE_INTERVAL: 50,
  KEEP_ALIVE_FRAME: 53,
  /** Of the repeats that are no copies: those of segments that never came here before. */
  FILLS: 54,
  /** Repeats since an acknowledgment last moved (LAST_UNA), and the first of them. */
  VAIN_RUN: 55,
  VAIN_SINCE: 56,
  VAIN_FRAME: 58,
  /** The overtaken segment behind MAX_DELAY. */
  MAX_DELAY_FRAME: 59,
  MAX_DELAY_TIME: 60,
  /** index of the record with its HOLES, oldest first, + 1; 0 none yet */
  HOLE_LIST: 62,
  /** Segments of this end that others of its own had overtaken. */
  OUT_OF_ORDER: 63,
  /** Octets that the other end acknowledged and that never passed here. */
  GAP: 64,
  /** NXT as it was before an acknowledgment of more than that (HalfFlag.DOUBT), or a segment beyond the window (HalfFlag.FAR). */
  DOUBT_FROM: 65,
  /** Zeek's counters behind `t` (20 bits) and `g` (above); history.ts. */
  HISTORY_COUNTS: 66,
} as const;
/** From the client's words to the server's. */
export const TROUBLE_HALF = 68;
/** 544 octets. */
export const TROUBLE_STRIDE = 2 * TROUBLE_HALF;

/** Words of a hole in an end's sequence space. */
export const Hole = {
  FROM: 0,
  TO: 1,
  /** When the segment behind it passed. */
  TIME: 2,
  /** Timestamp of that segment, if HOLE_HAS_TIMESTAMP; acknowledged, if HOLE_ACKED. */
  TIMESTAMP: 4,
  FLAGS: 5,
} as const;
export const HOLE_STRIDE = 6;
/** More holes at once than this and the oldest is forgotten. */
export const MAX_HOLES = 16;
/** All holes of one end: 384 octets. */
export const HOLES_STRIDE = MAX_HOLES * HOLE_STRIDE;

/** Words of a pair record that say who waited for whom; what most turns touch comes first. */
export const Turn = {
  /** `TurnFlag` bits */
  FLAGS: 64,
  /** Times that the client began to speak, and that the server did so after it. */
  REQUESTS: 65,
  ANSWERS: 66,
  /** index of the delays record + 1; 0 none */
  DELAYS: 67,
  /** From the last segment of a request to the first of its answer, at the capture point: sum, nanoseconds (float64); longest, microseconds. */
  SERVER_TIME: 68,
  LONGEST: 70,
  /** Answers by that time: `ANSWER_BUCKETS` counts of 16 bits, two to a word. */
  BUCKETS: 71,
  /** From the last segment of an answer to the next request: sum, nanoseconds (float64). */
  CLIENT_TIME: 78,
  /** Frame with which the newest turn of each end began, 0 none: [client, server]. Written once per turn; what was said in it is read later, from there. */
  BEGAN: 80,
} as const;

/** Bits of Turn.FLAGS. */
export const TurnFlag = {
  /** Who spoke last: 1 the client, 2 the server. */
  SPEAKER: 3,
  /** The client began with an HTTP request line; a segment of its ended with the blank line behind the header. */
  HTTP: 1 << 2,
  HEADER_ENDED: 1 << 3,
  /** The server spoke before it was asked, or again after a pause. */
  UNASKED: 1 << 4,
} as const;

/** Words of a delays record: what only some connections have. Times are nanoseconds (float64). */
export const Delay = {
  /** Answers after LONG_ANSWER: end of the first one's request, time of the last one, time of the longest. */
  LONG_FIRST: 0,
  LONG_LAST: 2,
  LONGEST_TIME: 4,
  /** Their number, and that of those whose request the server's kernel had acknowledged before; frames of the longest one's request and answer. */
  LONG: 6,
  LONG_ACKED: 7,
  REQUEST_FRAME: 8,
  ANSWER_FRAME: 9,
  /** Small pieces of a request, each after a pause: number, octets, frame and time of the first, time of the last. */
  DRIPS: 10,
  DRIP_OCTETS: 11,
  DRIP_FIRST: 12,
  DRIP_LAST: 14,
  DRIP_FRAME: 16,
  /** Frames of the two pieces around the first stall between Nagle and a delayed acknowledgment. */
  PIECE_FRAME: 17,
  REST_FRAME: 18,
  /** Such stalls: of Linux's delay, of longer ones; in the client's words (the rest are the server's). */
  STALLS_SHORT: 19,
  STALLS_LONG: 20,
  STALLS_OF_CLIENT: 21,
  STALL_TIME: 22,
  STALL_FIRST: 24,
  STALL_LAST: 26,
  /** Times of PIECE_FRAME and REQUEST_FRAME. */
  PIECE_TIME: 28,
  REQUEST_TIME: 30,
} as const;
export const DELAY_STRIDE = 32;

/** SYN options in one word: mss 16 | window scale 4 (15 none) | has mss | SACK | timestamps | Fast Open | MPTCP | seen | cookie | data | profile 4. */
export const SynOption = {
  SCALE_SHIFT: 16,
  NO_SCALE: 15,
  HAS_MSS: 1 << 20,
  SACK: 1 << 21,
  TIMESTAMPS: 1 << 22,
  FAST_OPEN: 1 << 23,
  MPTCP: 1 << 24,
  /** The options were captured. */
  SEEN: 1 << 25,
  /** The Fast Open option carries a cookie: shown in a SYN, granted in a SYN-ACK. */
  COOKIE: 1 << 26,
  /** Payload in the SYN; acknowledged by the SYN-ACK. */
  DATA: 1 << 27,
  /** Code of the end's profile, see `profileAt`; 0: nothing is known. */
  PROFILE_SHIFT: 28,
} as const;

/** A SYN that no kernel sends. */
export const NO_KERNEL_CODE = 15;
/** Four bits. */
export const PROFILE_CODES = NO_KERNEL_CODE + 1;

/** The code of an end's profile out of its word of options: index in PROFILES + 1, NO_KERNEL_CODE, or 0. */
export const profileCode = (options: number): number => options >>> SynOption.PROFILE_SHIFT;
const PROFILE_AT: readonly Profile[] = Array.from({ length: PROFILE_CODES }, (_, code) => PROFILES[code - 1] ?? DEFAULT_PROFILE);
/** The profile whose timers an end of that code has. */
export const profileAt = (code: number): Profile => PROFILE_AT[code]!;
