/**
 * The filter language of `--where`, from text to a tree: `server.port:3306 duration>60 close-wait not 10.0.0.0/8`.
 *
 *     expression = term { "or" term }          term   = factor { ["and"] factor }
 *     factor     = "not" factor | "(" expression ")" | test
 *     test       = FIELD:VALUE | FIELD>N (also < >= <=) | STATE | FLAG | ADDRESS | PREFIX | ADDRESS:PORT
 *
 * Every mistake is a `WhereError` that says where it is and, where something similar exists, what was probably meant.
 * Pure: `match.ts` turns the tree into a test of connections, fields.ts has the names.
 */
import { type Endpoint, parseEndpoint, parsePrefix, type Prefix } from '../address.ts';
import { parseDurationArgument, parseTimeArgument, type TimeArgument } from '../clock.ts';
import { didYouMean } from '../nearest.ts';
import { sanitise } from '../sanitise.ts';
import { secondsOf } from '../units.ts';
import { WhereError } from './error.ts';
import { BARE_WORDS, exampleOf, type Field, fieldNamed, FIELDS, flagNamed, folded, stateNamed } from './fields.ts';
import { type Token, tokensOf } from './tokens.ts';

export type Comparison = ':' | '<' | '<=' | '>' | '>=';
/** null asks for rows that have no such value. */
export type Operand = number | string | boolean | Prefix | TimeArgument | null;

export type Where =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Where[] }
  | { readonly kind: 'not'; readonly part: Where }
  | { readonly kind: 'field'; readonly field: Field; readonly comparison: Comparison; readonly operand: Operand }
  | { readonly kind: 'endpoint'; readonly endpoint: Endpoint };

/** Deeper than anybody nests; the parser and the tests that it makes call themselves so often. */
const MAX_DEPTH = 100;
/** Longer than a command line that anybody reads. */
const MAX_LENGTH = 10_000;

const KEYWORDS: ReadonlySet<string> = new Set(['and', 'or', 'not']);
/** What other languages call it. */
const FOREIGN: ReadonlyMap<string, string> = new Map([
  ['&&', 'and'],
  ['||', 'or'],
  ['!', 'not'],
  ['&', 'and'],
  ['|', 'or'],
]);

/** @param rules ids that `finding:` may name; undefined: not known here, so any. Throws WhereError. */
export function parseWhere(text: string, rules?: readonly string[]): Where {
  if (text.length > MAX_LENGTH) throw new WhereError(`the expression has more than ${String(MAX_LENGTH)} characters`, text, MAX_LENGTH, 1);
  const parser = new Parser(text, tokensOf(text), rules);
  return parser.whole();
}

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly #rules: readonly string[] | undefined;
  #next = 0;
  #depth = 0;

  constructor(text: string, tokens: readonly Token[], rules: readonly string[] | undefined) {
    this.#text = text;
    this.#tokens = tokens;
    this.#rules = rules;
  }

  whole(): Where {
    if (this.#tokens.length === 0) throw this.#error('the expression is empty', this.#end());
    const where = this.#expression();
    const left = this.#peek();
    if (left !== undefined) throw this.#error('this ")" closes nothing', left);
    return where;
  }

  #expression(): Where {
    const parts = [this.#term()];
    while (this.#takeWord('or')) parts.push(this.#term());
    return parts.length === 1 ? parts[0]! : { kind: 'or', parts };
  }

  #term(): Where {
    const parts = [this.#factor()];
    for (;;) {
      const anded = this.#takeWord('and');
      const token = this.#peek();
      if (!anded && (token === undefined || token.kind === 'close' || isKeyword(token, 'or'))) break;
      parts.push(this.#factor());
    }
    return parts.length === 1 ? parts[0]! : { kind: 'and', parts };
  }

  #factor(): Where {
    const token = this.#peek();
    if (token === undefined) throw this.#error('something is missing at the end', this.#end());
    if (++this.#depth > MAX_DEPTH) throw this.#error(`more than ${String(MAX_DEPTH)} levels are too deep`, token);
    this.#next++;
    const where = this.#from(token);
    this.#depth--;
    return where;
  }

  #from(token: Token): Where {
    if (token.kind === 'open') {
      const where = this.#expression();
      if (this.#peek()?.kind !== 'close') throw this.#error('this "(" is never closed', token);
      this.#next++;
      return where;
    }
    if (isKeyword(token, 'not')) return { kind: 'not', part: this.#factor() };
    if (token.kind !== 'word' || isKeyword(token, 'and') || isKeyword(token, 'or'))
      throw this.#error(`something is missing before "${sanitise(token.text, 40)}"`, token);
    return this.#test(token);
  }

  #test(token: Token): Where {
    const { text } = token;
    const following = this.#peek();
    if (following?.kind === 'comparison') {
      const field = this.#field(text, token);
      this.#next++;
      const value = this.#peek();
      if (value?.kind !== 'word')
        throw this.#error(`"${text}${following.text}" needs a value behind it`, {
          ...token,
          length: following.at + following.length - token.at,
        });
      this.#next++;
      return this.#comparison(field, following.text as Comparison, value.text, value);
    }
    const address = addressTest(text);
    if (address !== undefined) return address;
    const colon = text.indexOf(':');
    if (colon > 0) {
      const field = this.#field(text.slice(0, colon), { ...token, length: colon });
      const value = text.slice(colon + 1);
      const at = { ...token, at: token.at + colon + 1, length: token.length - colon - 1 };
      if (value === '') throw this.#error(`"${text}" needs a value right behind the colon`, token);
      return this.#comparison(field, ':', value, at);
    }
    const state = stateNamed(text);
    if (state !== undefined) return { kind: 'field', field: fieldNamed('state')!, comparison: ':', operand: state };
    const flag = flagNamed(text);
    if (flag !== undefined) return { kind: 'field', field: flag, comparison: '>', operand: 0 };
    throw this.#error(`there is no word "${sanitise(text, 40)}" in this language${meant(text)}`, token);
  }

  #field(name: string, where: Place): Field {
    const field = fieldNamed(name);
    if (field !== undefined) return field;
    const near = didYouMean(
      name,
      FIELDS.map((f) => f.name),
    );
    throw this.#error(`there is no field "${sanitise(name, 40)}"${near}`, where);
  }

  #comparison(field: Field, comparison: Comparison, value: string, where: Place): Where {
    return { kind: 'field', field, comparison, operand: this.#operand(field, comparison, value, where) };
  }

  #operand(field: Field, comparison: Comparison, value: string, where: Place): Operand {
    const { name, type } = field;
    const refuse = (what: string): WhereError => this.#error(`${name} takes ${what}, not "${sanitise(value, 40)}"`, where);
    const ordered = type.kind === 'number' || type.kind === 'seconds' || type.kind === 'time';
    if (!ordered && comparison !== ':') throw this.#error(`${name} has no order; write ${name}:${sanitise(value, 40)}`, where);
    if (value === 'null') {
      if (comparison !== ':') throw this.#error(`null is neither less nor more; write ${name}:null`, where);
      return null;
    }
    switch (type.kind) {
      case 'number':
        return numberOf(value) ?? raise(refuse('a number'));
      case 'seconds': {
        const duration = parseDurationArgument(value);
        return (
          numberOf(value) ?? (duration === undefined ? raise(refuse('seconds (60, 0.5) or a duration (500ms, 1m)')) : secondsOf(duration))
        );
      }
      case 'time':
        return parseTimeArgument(value) ?? raise(refuse('a time (RFC 3339 in UTC, epoch seconds, or +SECONDS)'));
      case 'address':
        return parsePrefix(value.replace(/^\[(.*)\]$/, '$1')) ?? raise(refuse('an address or a prefix'));
      case 'yes-no':
        return value === 'true' || value === 'false' ? value === 'true' : raise(refuse('true or false'));
      case 'words': {
        const state = name.endsWith('state') ? stateNamed(value) : undefined;
        const word = state ?? type.words.find((w) => folded(w) === folded(value));
        if (word !== undefined) return word;
        const near = didYouMean(value, type.words);
        if (near === '') throw refuse(type.words.join(', '));
        throw this.#error(`there is no ${name} "${sanitise(value, 40)}"${near}`, where);
      }
      case 'finding':
        this.#known(value, where);
        return value;
      case 'tags':
      case 'text':
      case 'name':
        return value;
    }
  }

  #known(finding: string, where: Place): void {
    const rule = finding.split('/', 1)[0] ?? '';
    if (this.#rules === undefined || this.#rules.includes(rule)) return;
    const near = didYouMean(rule, this.#rules);
    throw this.#error(`there is no rule "${sanitise(rule, 40)}"${near === '' ? '; tcpdiag rules lists them' : near}`, where);
  }

  #takeWord(word: string): boolean {
    const token = this.#peek();
    if (token === undefined || !isKeyword(token, word)) return false;
    this.#next++;
    return true;
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#next];
  }

  #end(): Place {
    return { at: this.#text.length, length: 1 };
  }

  #error(message: string, { at, length }: Place): WhereError {
    return new WhereError(message, this.#text, at, length);
  }
}

type Place = Pick<Token, 'at' | 'length'>;

function raise(error: Error): never {
  throw error;
}

const isKeyword = (token: Token, word: string): boolean => token.kind === 'word' && !token.quoted && token.text.toLowerCase() === word;

/** Number() also takes '', '0x10' and 'Infinity', which nobody means. */
const numberOf = (value: string): number | undefined => (/^(\d+\.?\d*|\.\d+)(e[+-]?\d{1,2})?$/i.test(value) ? Number(value) : undefined);

function addressTest(word: string): Where | undefined {
  const prefix = parsePrefix(word);
  if (prefix !== null) return { kind: 'field', field: fieldNamed('ip')!, comparison: ':', operand: prefix };
  const endpoint = parseEndpoint(word);
  return endpoint === null ? undefined : { kind: 'endpoint', endpoint };
}

/** What a word that means nothing alone may have been meant as. */
function meant(word: string): string {
  const foreign = FOREIGN.get(word);
  if (foreign !== undefined) return `; write "${foreign}"`;
  if (/^!\w/.test(word)) return `; write "not ${sanitise(word.slice(1), 40)}"`;
  const equals = /^([\w.]+)={1,3}(.+)$/.exec(word);
  if (equals !== null && fieldNamed(equals[1]!) !== undefined) return `; write "${equals[1]!}:${sanitise(equals[2]!, 40)}"`;
  if (/^\d+$/.test(word)) return `; write "port:${word}" or "id:${word}"`;
  const field = fieldNamed(word);
  if (field !== undefined) return `: it is a field; write "${field.name}${exampleOf(field)}"`;
  const holder = FIELDS.find(({ type }) => type.kind === 'words' && type.words.some((w) => folded(w) === folded(word)));
  if (holder !== undefined) return `; write "${holder.name}:${word}"`;
  return didYouMean(word, [...BARE_WORDS, ...KEYWORDS, ...FIELDS.map((f) => f.name)]);
}
