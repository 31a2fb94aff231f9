/**
 * Which words of a sentence are code: what it quotes, and every word that is more than letters, digits and plain punctuation, such as states,
 * addresses, options, calls. Set apart they are read more easily, and where a format gives words a meaning (a mention, a link, an emoji),
 * they have none.
 */
import { sanitise } from '../model/sanitise.ts';

export interface Piece {
  readonly text: string;
  readonly code: boolean;
}

/** Letters, digits, and punctuation that means nothing inside a word. */
const PLAIN = /^[\p{L}\p{N}.,;:'"()?/+\-=–—…→↔×±°µ·’“”✖▲◆●★]*%?$/u;
/** Plain, and yet read as something, or better not plain: URLs, calls, emoji, host names, addresses, references to issues. */
const MEANS_SOMETHING = /\/\/|\(\)|:[\p{L}\p{N}+-]*:|\p{L}\.\p{L}{2}|\p{N}\.\p{L}{2}|^\d+\.\d+\.\d+\.\d+|^\p{L}+-\d+$/u;
/** Looks like an emoji, and is none. */
const TIME_OF_DAY = /^\d\d:\d\d:\d\d(?:\.\d+)?$/;
/** Longer texts are cut. */
const MAX_PROSE = 4_000;

/** Made safe to show, on one line, in order; spaces are pieces of the words around them. */
export function codeWords(text: string, limit = MAX_PROSE): readonly Piece[] {
  // What our own sentences quote with backticks is one piece.
  return sanitise(text, limit)
    .trim()
    .split(/(`[^`]+`)/)
    .flatMap((piece, i): readonly Piece[] => (i % 2 === 1 ? [{ text: piece.slice(1, -1), code: true }] : words(piece)));
}

const words = (text: string): readonly Piece[] =>
  text.split(/(\s+)/).flatMap((word, i) => (i % 2 === 1 ? [{ text: ' ', code: false }] : word === '' ? [] : oneWord(word)));

/** A comparison or a pipe that stands alone is a word as well. */
const SIGN = /^[&<>|]$/;

function oneWord(word: string): readonly Piece[] {
  const before = /^[("'“]*/.exec(word)?.[0] ?? '';
  const after = punctuationBehind(word.slice(before.length));
  const core = word.slice(before.length, word.length - after.length);
  if (core === '' || SIGN.test(word) || TIME_OF_DAY.test(core) || (PLAIN.test(core) && !MEANS_SOMETHING.test(core)))
    return [{ text: word, code: false }];
  return [
    { text: before, code: false },
    { text: core, code: true },
    { text: after, code: false },
  ].filter((piece) => piece.text !== '');
}

/** Full stops, quotes and the like at the end of a word, and parentheses that were opened before it. */
function punctuationBehind(word: string): string {
  const count = (text: string, c: string): number => text.split(c).length - 1;
  let end = word.length;
  for (; end > 0; end--) {
    const rest = word.slice(0, end);
    if (!/[.,;:"'”?!)]$/.test(rest) || (rest.endsWith(')') && count(rest, ')') <= count(rest, '('))) break;
  }
  return word.slice(end);
}
