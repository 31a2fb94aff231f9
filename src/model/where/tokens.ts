/**
 * The words of a filter. A word ends at white space, a parenthesis or a comparison (`<`, `>`, `<=`, `>=`); colons stay in it, because
 * addresses have them. Between quotes, and only there, everything is part of the word.
 */
import { WhereError } from './error.ts';

export interface Token {
  readonly kind: 'word' | 'open' | 'close' | 'comparison';
  /** Without its quotes. */
  readonly text: string;
  /** It began with a quote. */
  readonly quoted: boolean;
  /** Where it stands in the expression, quotes included. */
  readonly at: number;
  readonly length: number;
}

const SPACE = /\s/;

/** @throws WhereError for a quote that is never closed */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const c = text[at]!;
    if (SPACE.test(c)) at++;
    else {
      const token = tokenAt(text, at);
      tokens.push(token);
      at += token.length;
    }
  }
  return tokens;
}

function tokenAt(text: string, at: number): Token {
  const c = text[at]!;
  if (c === '(' || c === ')') return { kind: c === '(' ? 'open' : 'close', text: c, quoted: false, at, length: 1 };
  if (c === '<' || c === '>') {
    const length = text[at + 1] === '=' ? 2 : 1;
    return { kind: 'comparison', text: text.slice(at, at + length), quoted: false, at, length };
  }
  let word = '';
  let end = at;
  while (end < text.length && !/[\s()<>]/.test(text[end]!)) {
    const quote = text[end]!;
    if (quote !== '"' && quote !== "'") {
      word += quote;
      end++;
      continue;
    }
    const closing = text.indexOf(quote, end + 1);
    if (closing < 0) throw new WhereError('this quote is never closed', text, end, 1);
    word += text.slice(end + 1, closing);
    end = closing + 1;
  }
  return { kind: 'word', text: word, quoted: c === '"' || c === "'", at, length: end - at };
}
