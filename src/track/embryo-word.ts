/**
 * Sequel.EMBRYO: how many SYNs and SYN-ACKs a connection without a pair record has, and their length. Whoever repeats itself more often than
 * that, or with larger headers than any kernel sends, gets a pair record.
 *
 * IP length of each SYN (11 bits), of each SYN-ACK (11 bits), SYNs (5 bits), SYN-ACKs (5 bits).
 */
export const MOST_LENGTH = 2 ** 11 - 1;
export const MOST_SYNS = 2 ** 5 - 1;
const SYN_ACK_LENGTH_SHIFT = 11;
const SYNS_SHIFT = 22;
const SYN_ACKS_SHIFT = 27;
export const ONE_SYN = 1 << SYNS_SHIFT;
export const ONE_SYN_ACK = 1 << SYN_ACKS_SHIFT;

export const synsOf = (embryo: number): number => (embryo >>> SYNS_SHIFT) & MOST_SYNS;
export const synAcksOf = (embryo: number): number => embryo >>> SYN_ACKS_SHIFT;
export const synLengthOf = (embryo: number): number => embryo & MOST_LENGTH;
export const synAckLengthOf = (embryo: number): number => (embryo >>> SYN_ACK_LENGTH_SHIFT) & MOST_LENGTH;
/** With the length of its first SYN-ACK. */
export const withSynAckLength = (embryo: number, length: number): number => embryo | (length << SYN_ACK_LENGTH_SHIFT);
