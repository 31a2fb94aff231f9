/**
 * Sequel.EMBRYO: how many SYNs and SYN-ACKs a connection without a pair record has, and how long they are, in an octet each. Whoever repeats
 * itself more often than that, or has longer headers (those of IPv4 and TCP are 120 octets at most), gets a pair record.
 *
 * IP length of each SYN, of each SYN-ACK, SYNs, SYN-ACKs.
 */
export const MOST_LENGTH = 255;
export const MOST_SYNS = 255;
export const ONE_SYN = 1 << 16;
export const ONE_SYN_ACK = 1 << 24;

export const synLengthOf = (embryo: number): number => embryo & 255;
export const synAckLengthOf = (embryo: number): number => (embryo >>> 8) & 255;
export const synsOf = (embryo: number): number => (embryo >>> 16) & 255;
export const synAcksOf = (embryo: number): number => embryo >>> 24;
/** With the length of its first SYN-ACK. */
export const withSynAckLength = (embryo: number, length: number): number => embryo | (length << 8);
