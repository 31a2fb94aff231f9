/**
 * What an end of a connection said, as the reader of one protocol sees it: octets in, a short line out.
 *
 * Readers are pure, look only at the octets they are given and never throw: half a message, a lie about a length or another
 * protocol on a known port is `null` or a shorter line. Nothing here is safe to print yet: `index.ts` sanitises.
 */

/** What was captured of one segment (or of the datagram that its fragments made). */
export interface Speech {
  /** The beginning of the payload, at most `KEPT_HEAD` octets. */
  readonly head: Uint8Array;
  /** Its last octets, at most `KEPT_TAIL`; empty where the end of the payload was not captured. */
  readonly tail: Uint8Array;
  /** Payload octets on the wire. */
  readonly length: number;
  readonly fromServer: boolean;
  /** The service's. */
  readonly port: number;
}

/** Octets: a statement, a request line, a ClientHello up to its server name. */
export const KEPT_HEAD = 512;
/** Octets: a database server's last word of an answer, a statement's FOR UPDATE. */
export const KEPT_TAIL = 32;

/** Did it leave a database transaction open, or end one? Null: it says nothing about it. */
export type Transaction = 'open' | 'ended' | null;

export interface Utterance {
  readonly text: string;
  readonly transaction: Transaction;
}

/** One protocol: one file, one line in `index.ts`. */
export interface ApplicationProtocol {
  /** As people write it; stands in reports. */
  readonly name: string;
  /** Where it is expected; `weak` is asked only there, or when the other end was understood. */
  readonly ports: readonly number[];
  /** By a signature that other protocols do not have. */
  readonly strong: (speech: Speech) => Utterance | null;
  /** By the port, or by what the other end said. */
  readonly weak?: (speech: Speech) => Utterance | null;
}

export const says = (text: string, transaction: Transaction = null): Utterance => ({ text, transaction });

export const viewOf = (octets: Uint8Array): DataView => new DataView(octets.buffer, octets.byteOffset, octets.length);

/** One octet, one character, from `at` up to `end` or where the octets end. */
export function latin(octets: Uint8Array, at: number, end: number): string {
  let text = '';
  for (let i = Math.max(0, at), last = Math.min(end, octets.length); i < last; i++) text += String.fromCharCode(octets[i]!);
  return text;
}

/** UTF-8, what is broken replaced; up to `end` or where the octets end. */
export const utf8 = (octets: Uint8Array, at: number, end: number): string =>
  new TextDecoder().decode(octets.subarray(Math.min(at, octets.length), Math.min(end, octets.length)));

/** Offset of the next zero octet; the end where there is none. */
export function zeroAt(octets: Uint8Array, at: number): number {
  const found = octets.indexOf(0, at);
  return found < 0 ? octets.length : found;
}

/** Does text stand there: no control characters but white space, for as far as it was captured? */
export function isText(octets: Uint8Array, at: number, end: number): boolean {
  for (let i = at, last = Math.min(end, octets.length); i < last; i++) {
    const octet = octets[i]!;
    if ((octet < 0x20 && octet !== 0x09 && octet !== 0x0a && octet !== 0x0d) || octet === 0x7f) return false;
  }
  return at < Math.min(end, octets.length);
}
