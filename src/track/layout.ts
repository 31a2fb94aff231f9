/**
 * What the words of a record mean.
 *
 * A connection starts as a `Core` record alone: enough for a SYN, its retries and the SYN-ACKs. Most connections of a
 * flood never become more, which is what keeps ten million half-open entries in memory. The first segment of any other
 * kind adds a `Pair` record with both ends (`Half`).
 */

/** Words of a core record; times are float64 in two words (even offsets). What every segment touches comes first. */
export const Core = {
  /** Canonical order of the tuple: `A` is the smaller (address, port). IPv4: the address; IPv6: its id in the AddressBook. */
  ADDR_A: 0,
  ADDR_B: 1,
  /** port of A << 16 | port of B */
  PORTS: 2,
  /** bit 0: IPv6; above: encapsulation id */
  META: 3,
  /** client state (4 bits), server state (4 bits), `Trait` bits */
  STATE: 4,
  /** index of the pair record + 1; 0 none yet */
  PAIR: 5,
  LAST_FRAME: 6,
  /** id + 1 of the connection that had this tuple before */
  PREVIOUS: 7,
  LAST_TIME: 8,
  FIRST_TIME: 10,
  FIRST_FRAME: 12,
  /** generation of the newest timer of each end: client | server << 16 */
  ARMED: 13,
  /** event indexes + 1 */
  HEAD: 14,
  TAIL: 15,
  /** initial sequence numbers: [client, server] */
  ISS: 16,
  /** SYN options, packed by `packSynOptions`: [client, server] */
  OPTIONS: 18,
  /** while there is no pair: SYNs | SYN-ACKs << 16 */
  COUNTS: 20,
  /** while there is no pair: IP length of each SYN | of each SYN-ACK << 16 */
  LENGTHS: 21,
  FIRST_SYNACK: 22,
  /** TTL of the first segment: client | server << 8; then transitions logged (9 bits) and copies while there is no pair (7 bits), saturating */
  TTLS: 23,
} as const;
export const CORE_STRIDE = 24;
/** The field of Core.TTLS for copies. */
export const EMBRYO_COPIES_SHIFT = 25;
export const EMBRYO_COPIES_MAX = 127;

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
  /** More events than the log keeps for one connection. */
  EVENTS_CUT: 1 << 28,
  /** A SYN inside the connection waits for its explanation (Pair.STRAY_FRAME). */
  STRAY_SYN: 1 << 29,
} as const;

/**
 * Words of one end, from where its part of the pair record begins. Both ends' words that every segment touches lie side by
 * side, then what only some segments touch, then the rest; so a field is at the same distance for either end.
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
  /** Newest hole in the sequence space: [from, to). */
  HOLE_FROM: 32,
  HOLE_TO: 33,
  /** Octets in holes that are still open. */
  MISSED: 34,
  /** Acknowledgment number that covers the FIN. */
  FIN_ACK: 35,
  SYN: 36,
  SYN_ACK: 37,
  FIN: 38,
  RST: 39,
  FIRST_SYN: 40,
  FIRST_SYN_ACK: 41,
  FIRST_FIN: 42,
  FIRST_RST: 43,
  RETRANSMISSIONS: 44,
  OUT_OF_ORDER: 45,
  ZERO_WINDOWS: 46,
  /** Payload octets sent after the other end's FIN (saturating). */
  AFTER_PEER_FIN: 47,
  STATE_TIME: 64,
  /** seq of the last RST of this end */
  RST_SEQ: 66,
  /** Zeek's counters behind `t` (20 bits) and `g` (above); history.ts. */
  HISTORY_COUNTS: 67,
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
  /** It has sent a segment without SYN and RST since its SYN-ACK. */
  SPOKE: 1 << 17,
  /** Zeek's state of this end (3 bits), and the one before it (3 bits); history.ts. */
  ZEEK_SHIFT: 18,
} as const;

/** Words of a pair record that belong to both ends, in the gap between the last words of the two. */
export const Pair = {
  /** Zeek history: letters of 5 bits, six to a word, four words. */
  HISTORY: 68,
  /** Round-trip time of the handshake with a third ACK of its own, microseconds; 0 unknown. */
  RTT_MICROS: 72,
  /** A SYN inside the connection that may turn out to open a new one: its seq, frame (0 none), count | IP length << 16. */
  STRAY_SEQ: 73,
  STRAY_FRAME: 74,
  STRAY_COUNT: 75,
  /** Segments of either end that were captured again and left out of every other count. */
  COPIES: 84,
  /** Where the last of them was seen: interface (16 bits) | hops behind the first point (signed, above). */
  LAST_COPY: 85,
  /** Silence before the first FIN or RST, nanoseconds (float64); -1 none. */
  QUIET: 76,
  /** Time of the stray SYN (float64). */
  STRAY_TIME: 78,
} as const;
export const PAIR_STRIDE = 86;

/** SYN options in one word: mss 16 | window scale 4 (15 none) | has mss | SACK | timestamps | Fast Open | MPTCP | seen. */
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
} as const;
