/** A filter that cannot be understood: what is wrong, and the expression with a mark below the place. */
import { UsageError } from '../errors.ts';
import { sanitise } from '../sanitise.ts';

/** Characters of the expression shown before and behind the mistake. */
const AROUND = 40;
/** Longest mark. */
const MAX_MARK = 40;

export class WhereError extends UsageError {
  /** 0-based, in the expression; `length` 1 at its end when something is missing there. */
  readonly at: number;
  readonly length: number;
  /** The message alone, for a screen that marks the place itself. */
  readonly problem: string;

  constructor(problem: string, expression: string, at: number, length: number) {
    super(`--where: ${problem}`, { hint: pointAt(expression, at, length) });
    this.problem = problem;
    this.at = at;
    this.length = length;
  }
}

/** Two lines: the expression around the place, and carets below it. */
function pointAt(expression: string, at: number, length: number): string {
  const from = at > AROUND + 10 ? at - AROUND : 0;
  const to = Math.min(expression.length, at + length + AROUND);
  const before = `${from > 0 ? '…' : ''}${sanitise(expression.slice(from, at))}`;
  const marked = sanitise(expression.slice(at, at + length));
  const after = `${sanitise(expression.slice(at + length, to))}${to < expression.length ? '…' : ''}`;
  return `  ${before}${marked}${after}\n  ${' '.repeat(before.length)}${'^'.repeat(Math.min(MAX_MARK, Math.max(1, marked.length)))}`;
}
