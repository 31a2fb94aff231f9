/**
 * SQL without its data: literals become `?`, comments go, white space is one blank. So passwords and names are not shown, and the same
 * statement is the same text whatever its values were, as in pg_stat_statements and pt-query-digest.
 */
import type { Transaction } from './speech.ts';

/** Characters shown; of longer statements the beginning and the end, where FOR UPDATE stands. */
const SHOWN = 160;
const SHOWN_END = 50;

/**
 * What is no statement but data or remark, from left to right, because each may hold the marks of the others: comments, strings (with
 * doubled and escaped quotes, or cut off), and quoted names, which stay. A backslash escapes in MySQL, in the standard only in E'…'.
 */
const LITERAL = {
  mysql:
    /(?<comment>\/\*[\s\S]*?(?:\*\/|$)|(?:--(?=\s|$)|#)[^\n]*)|(?<name>`[^`]*`?)|\b[NnBbXx]?'(?:[^'\\]|''|\\[\s\S])*(?:'|\\?$)|'(?:[^'\\]|''|\\[\s\S])*(?:'|\\?$)|"(?:[^"\\]|""|\\[\s\S])*(?:"|\\?$)/g,
  standard:
    /(?<comment>\/\*[\s\S]*?(?:\*\/|$)|--[^\n]*)|(?<name>"(?:[^"]|"")*"?)|\b[Ee]'(?:[^'\\]|''|\\[\s\S])*(?:'|\\?$)|\b[NnBbXx]'[^']*'?|'(?:[^']|'')*'?|\$([A-Za-z_]*)\$[\s\S]*?(?:\$\3\$|$)/g,
} as const;
const NUMBER = /(?<![\w$.`"])[-+]?(?:0x[\da-f]+|\d+(?:\.\d+)?(?:e[-+]?\d+)?)(?!\w)/gi;
/** `?, ?, ?`: lists of any length are one. */
const LIST = /\?(?:\s*,\s*\?)+/g;
const ROWS = /\((\?|\?, …)\)(?:\s*,\s*\(\1\))+/g;

export interface SqlText {
  /** What was captured from the beginning on. */
  readonly start: string;
  /** The last characters, where the beginning does not reach that far; empty where the end was not captured. */
  readonly end: string;
  /** The statement is longer than `start`. */
  readonly cut: boolean;
  /** MySQL takes words in double quotes for strings; in the standard they are names. */
  readonly dialect: keyof typeof LITERAL;
}

export function plainSql({ start, end, cut, dialect }: SqlText): string {
  const clean = (text: string): string => {
    const withoutData = text.replace(LITERAL[dialect], (...match: unknown[]) => {
      const { comment, name } = match.at(-1) as Readonly<Record<string, string | undefined>>;
      return comment === undefined ? (name ?? '?') : ' ';
    });
    return withoutData.replace(NUMBER, '?').replace(LIST, '?, …').replace(ROWS, '($1), …').replace(/\s+/g, ' ').trim();
  };
  const text = clean(start).replace(/\s*;\s*$/, '');
  const tail = cut ? lockClause(end) : '';
  const room = SHOWN - (tail === '' ? 0 : tail.length + 3);
  if (tail !== '') return `${text.slice(0, room).replace(/\s?\S*$/, '')} … ${tail}`;
  if (text.length <= SHOWN) return cut ? `${text} …` : text;
  return `${text.slice(0, SHOWN - SHOWN_END)} … ${cut ? '' : text.slice(-SHOWN_END)}`.trimEnd();
}

/** Of the end of a statement only what cannot be data: it may begin inside a string. */
const LOCKS = /\b(FOR (?:NO KEY )?(?:UPDATE|SHARE|KEY SHARE)(?: (?:OF [\w,. ]+|NOWAIT|SKIP LOCKED))?|LOCK IN SHARE MODE)\s*;?\s*$/i;
const lockClause = (end: string): string => LOCKS.exec(end.replace(/\s+/g, ' '))?.[1] ?? '';

const OPENS = /^(BEGIN|START TRANSACTION|SAVEPOINT|SET (SESSION )?(@@)?autocommit *= *(\?|OFF)|LOCK TABLES?)\b/i;
const ENDS = /^(COMMIT|ROLLBACK(?! TO)|END|ABORT|UNLOCK TABLES)\b/i;

/** What a statement alone says, read after `plainSql`. `SELECT … FOR UPDATE` outside a transaction locks nothing for longer than itself. */
export function transactionOf(sql: string): Transaction {
  if (ENDS.test(sql)) return 'ended';
  return OPENS.test(sql) || LOCKS.test(sql) ? 'open' : null;
}
