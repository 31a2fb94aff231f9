/**
 * Sequence numbers: serial arithmetic modulo 2^32 (RFC 9293 §3.4, RFC 1982).
 * Kept as int32 everywhere (`| 0`), so that V8 stores them unboxed; `seqText` is for people.
 */
export const seqAdd = (a: number, n: number): number => (a + n) | 0;
/** Signed distance a - b; positive when a is later. */
export const seqDiff = (a: number, b: number): number => (a - b) | 0;
export const seqLt = (a: number, b: number): boolean => ((a - b) | 0) < 0;
export const seqLeq = (a: number, b: number): boolean => ((a - b) | 0) <= 0;
export const seqGt = (a: number, b: number): boolean => ((a - b) | 0) > 0;
export const seqGeq = (a: number, b: number): boolean => ((a - b) | 0) >= 0;
export const seqText = (a: number): string => String(a >>> 0);
