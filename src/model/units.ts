/**
 * Numbers with a unit. A type that says what the number counts is cheaper than a comment and cannot go stale.
 * Only the constructors here may brand; arithmetic yields plain numbers, so a mix-up has to be written on purpose.
 */
declare const unit: unique symbol;
type Unit<U extends string> = number & { readonly [unit]: U };

/**
 * Nanoseconds since the first record of the capture (the capture's origin; see `Clock`).
 * float64: exact within 104 days of the origin (2^53 ns), off by at most 256 ns within 136 years; `Clock` prints records of
 * whole microseconds exactly all the same. docs/decisions/0004-time-as-float64.md.
 */
export type Nanos = Unit<'ns'>;
/** Seconds, as printed and as thresholds are written. */
export type Seconds = Unit<'s'>;
/** 1-based number of the record over all files, in the order analysed; Wireshark's frame.number. */
export type FrameNo = Unit<'frame'>;
/** 0-based id of a connection, in order of its first frame. */
export type ConnId = Unit<'connection'>;

export const nanos = (n: number): Nanos => n as Nanos;
export const seconds = (n: number): Seconds => n as Seconds;
export const frameNo = (n: number): FrameNo => n as FrameNo;
export const connId = (n: number): ConnId => n as ConnId;

/** What has a length and places, however it is kept. */
export interface Listed<T> {
  readonly length: number;
  at(index: number): T | undefined;
}

/**
 * Ids of connections, ascending: an array, or of very many something smaller that is asked in the same way. Of a flood there are millions;
 * whoever makes objects of them takes a sample or an array of a part.
 */
export interface ConnIds extends Iterable<ConnId>, Listed<ConnId> {
  filter(test: (id: ConnId) => boolean): ConnIds;
  forEach(visit: (id: ConnId) => void): void;
  some(test: (id: ConnId) => boolean): boolean;
  slice(from?: number, to?: number): ConnIds;
}
/** The column itself, no copy. */
export const connIds = (column: Int32Array): ConnIds => column as Iterable<number> as ConnIds;

export const NANOS_PER_SECOND = 1_000_000_000;
export const NANOS_PER_MICRO = 1_000;
export const secondsOf = (n: number): Seconds => (n / NANOS_PER_SECOND) as Seconds;
export const nanosOf = (s: number): Nanos => Math.round(s * NANOS_PER_SECOND) as Nanos;
/** Seconds as people read them, nine decimals: the noise of float64 does not belong in a document. */
export const tidySeconds = (s: number): number => Math.round(s * 1e9) / 1e9;
