/** How a segment is said beside an arrow, wherever a ladder is drawn: in words where there is room, else in tcpdump's short form. */
import type { LadderSegment } from '../model/ladder.ts';

const FLAG_WORDS: Readonly<Record<string, string>> = {
  S: 'SYN',
  F: 'FIN',
  R: 'RST',
  P: 'PSH',
  U: 'URG',
  E: 'ECE',
  W: 'CWR',
  e: 'AE',
  '.': 'ACK',
};
/** tcpdump's letters in words: `F.` is `FIN ACK`. */
export const flagWords = (flags: string): string => Array.from(flags, (letter) => FLAG_WORDS[letter] ?? letter).join(' ');

/** From this room on every segment's flags fit in words, and no row changes to letters among the others; cells. */
const WORDS_FROM = 34;

/** Flags and numbers, longest form first. */
export function segmentForms(
  { flags, seq, ack, length, window }: Pick<LadderSegment, 'flags' | 'seq' | 'ack' | 'length' | 'window'>,
  room: number,
): (readonly [string, string])[] {
  const names = room >= WORDS_FROM ? flagWords(flags) : flags;
  const acks = ack === null ? '' : ` ack ${String(ack)}`;
  const range = length > 0 ? ` ${String(seq)}:${String(seq + length)}(${String(length)})` : ` ${String(seq)}`;
  const full = ` seq ${String(seq)}${acks} len ${String(length)}`;
  return [`${full} win ${String(window)}`, full, range + acks, range, length > 0 ? ` (${String(length)})` : '', ''].map((numbers) => [
    names,
    numbers,
  ]);
}
