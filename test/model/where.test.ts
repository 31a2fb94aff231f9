/** The filter language: what it takes, what it refuses and where it points, and that no text breaks it. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inPrefix, parseEndpoint, parsePrefix } from '../../src/model/address.ts';
import { WhereError } from '../../src/model/where/error.ts';
import { BARE_WORDS, exampleOf, fieldNamed, FIELDS } from '../../src/model/where/fields.ts';
import { parseWhere, type Where } from '../../src/model/where/parse.ts';

const RULES = ['close-wait-stuck', 'syn-flood'];

/** The tree in words, fully parenthesised. */
function spelled(where: Where): string {
  switch (where.kind) {
    case 'and':
    case 'or':
      return `(${where.parts.map(spelled).join(` ${where.kind} `)})`;
    case 'not':
      return `not ${spelled(where.part)}`;
    case 'endpoint':
      return `at ${String(where.endpoint.port)}`;
    case 'field': {
      const { operand } = where;
      const value =
        operand === null
          ? 'null'
          : typeof operand === 'object'
            ? 'bits' in operand
              ? `/${String(operand.bits)}`
              : operand.kind
            : String(operand);
      return `${where.field.name}${where.comparison}${value}`;
    }
  }
}
const tree = (text: string): string => spelled(parseWhere(text, RULES));

function mistake(text: string): { problem: string; mark: string } {
  try {
    parseWhere(text, RULES);
  } catch (error) {
    if (error instanceof WhereError) return { problem: error.problem, mark: text.slice(error.at, error.at + error.length) };
    throw error;
  }
  throw new Error(`${text} was taken`);
}

describe('what it takes', () => {
  test.each([
    ['server.port:3306', 'server.port:3306'],
    ['duration>60', 'duration>60'],
    ['duration >= 1m', 'duration>=60'],
    ['connectSeconds<500ms', 'connectSeconds<0.5'],
    ['close-wait', 'state:CLOSE_WAIT'],
    ['CLOSE_WAIT', 'state:CLOSE_WAIT'],
    ['estab', 'state:ESTABLISHED'], // as ss spells it
    ['state:syn-recv', 'state:SYN_RCVD'],
    ['rst', 'rst>0'],
    ['SYN-ACK', 'synAck>0'],
    ['10.0.0.1', 'ip:/32'],
    ['10.0.0.0/8', 'ip:/8'],
    ['2001:db8::/32', 'ip:/32'],
    ['2001:db8::1', 'ip:/128'],
    ['10.0.0.9:3306', 'at 3306'],
    ['[2001:db8::1]:443', 'at 443'],
    ['client.ip:10.0.0.0/8', 'client.ip:/8'],
    ['OUTCOME:Half-Open', 'outcome:half-open'],
    ['history:ShADadFa', 'history:ShADadFa'],
    ['encapsulation:vlan:7', 'encapsulation:vlan:7'],
    ['closedBy:null', 'closedBy:null'],
    ['client.options.sackPermitted:false', 'client.options.sackPermitted:false'],
    ['start>+12.5', 'start>offset'],
    ['end<2026-11-20T08:33:00Z', 'end<absolute'],
    ['finding:close-wait-stuck', 'finding:close-wait-stuck'],
    ['findings:close-wait-stuck/[2001:db8::1]:443', 'finding:close-wait-stuck/[2001:db8::1]:443'],
    ['history:"a b"', 'history:a b'],
  ])('%s', (text, expected) => expect(tree(text)).toBe(expected));

  test.each([
    ['server.port:3306 duration>60 close-wait not 10.0.0.0/8', '(server.port:3306 and duration>60 and state:CLOSE_WAIT and not ip:/8)'],
    ['rst or fin and syn', '(rst>0 or (fin>0 and syn>0))'],
    ['rst or fin syn', '(rst>0 or (fin>0 and syn>0))'],
    ['(rst or fin) syn', '((rst>0 or fin>0) and syn>0)'],
    ['not rst fin', '(not rst>0 and fin>0)'],
    ['not not rst', 'not not rst>0'],
    ['not(rst)or(fin)', '(not rst>0 or fin>0)'],
    ['rst AND fin OR NOT syn', '((rst>0 and fin>0) or not syn>0)'],
  ])('and binds closer than or, not closer than both: %s', (text, expected) => expect(tree(text)).toBe(expected));

  test('every field with the example that a list shows of it, and every bare word', () => {
    for (const field of FIELDS) expect(tree(field.name + exampleOf(field)), field.name).not.toBe('');
    for (const word of BARE_WORDS) expect(tree(word)).not.toBe('');
  });

  test('any rule where the rules are not known', () => expect(spelled(parseWhere('finding:my-own'))).toBe('finding:my-own'));
});

describe('what it refuses, and where it points', () => {
  test.each([
    ['', 'the expression is empty', ''],
    ['sever.port:80', 'there is no field "sever.port"; did you mean "server.port"?', 'sever.port'],
    ['rst and clsoe-wait', 'there is no word "clsoe-wait" in this language; did you mean "close-wait"?', 'clsoe-wait'],
    ['leaked', 'there is no word "leaked" in this language; write "outcome:leaked"', 'leaked'],
    ['rst duration', 'there is no word "duration" in this language: it is a field; write "duration>1"', 'duration'],
    ['port=80', 'there is no word "port=80" in this language; write "port:80"', 'port=80'],
    ['rst && fin', 'there is no word "&&" in this language; write "and"', '&&'],
    ['!rst', 'there is no word "!rst" in this language; write "not rst"', '!rst'],
    ['3306', 'there is no word "3306" in this language; write "port:3306" or "id:3306"', '3306'],
    ['10.0.0.256', 'there is no word "10.0.0.256" in this language', '10.0.0.256'],
    ['10.0.0.0/33', 'there is no word "10.0.0.0/33" in this language', '10.0.0.0/33'],
    ['port:mysql', 'port takes a number, not "mysql"', 'mysql'],
    ['port:0x50', 'port takes a number, not "0x50"', '0x50'],
    ['duration>soon', 'duration takes seconds (60, 0.5) or a duration (500ms, 1m), not "soon"', 'soon'],
    ['outcome:leakt', 'there is no outcome "leakt"; did you mean "leaked"?', 'leakt'],
    ['closedBy:me', 'closedBy takes client, server, both, not "me"', 'me'],
    ['state>close-wait', 'state has no order; write state:close-wait', 'close-wait'],
    ['duration>null', 'null is neither less nor more; write duration:null', 'null'],
    ['client.ip:db1', 'client.ip takes an address or a prefix, not "db1"', 'db1'],
    ['finding:syn-floods', 'there is no rule "syn-floods"; did you mean "syn-flood"?', 'syn-floods'],
    ['port:', '"port:" needs a value right behind the colon', 'port:'],
    ['duration>', '"duration>" needs a value behind it', 'duration>'],
    ['rst and', 'something is missing at the end', ''],
    ['or rst', 'something is missing before "or"', 'or'],
    ['()', 'something is missing before ")"', ')'],
    ['rst (fin', 'this "(" is never closed', '('],
    ['rst) fin', 'this ")" closes nothing', ')'],
    ['> 5', 'something is missing before ">"', '>'],
    ['history:"a', 'this quote is never closed', '"'],
  ])('%s', (text, problem, mark) => expect(mistake(text)).toEqual({ problem, mark }));

  test('the hint is the expression with carets below the place', () => {
    const error = catching('rst and clsoe-wait');
    expect(error.message).toMatch(/^--where: there is no word/);
    expect(error.hint).toBe('  rst and clsoe-wait\n          ^^^^^^^^^^');
  });

  test('of a long expression only the surroundings are shown, and nothing of it steers a terminal', () => {
    const error = catching(`${'rst '.repeat(50)}\u001b[31m ${'fin '.repeat(50)}`);
    const [line = '', marks = ''] = error.hint!.split('\n');
    expect(line).toContain('\\x1b[31m');
    expect(line.slice(marks.indexOf('^'), marks.length)).toBe('\\x1b[31m');
    expect(line.length).toBeLessThan(120);
  });

  test('what is too deep or too long is a mistake like others', () => {
    expect(mistake(`${'('.repeat(100_000)}rst`).problem).toMatch(/more than 10000 characters/);
    expect(mistake(`${'('.repeat(200)}rst${')'.repeat(200)}`).problem).toMatch(/levels are too deep/);
    expect(mistake('not '.repeat(200)).problem).toMatch(/levels are too deep/);
    expect(tree(`${'('.repeat(99)}rst${')'.repeat(99)}`)).toBe('rst>0');
  });
});

function catching(text: string): WhereError {
  try {
    parseWhere(text);
  } catch (error) {
    if (error instanceof WhereError) return error;
  }
  throw new Error('taken');
}

/** Takes it, or says where it is wrong, inside the text or right behind it. */
function survives(text: string): void {
  try {
    parseWhere(text, RULES);
  } catch (error) {
    if (!(error instanceof WhereError)) throw error;
    expect(error.at).toBeGreaterThanOrEqual(0);
    expect(error.at).toBeLessThanOrEqual(text.length);
    expect(error.hint?.split('\n')).toHaveLength(2);
  }
}

describe('no text breaks it', () => {
  test('any characters', () => fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), survives), { numRuns: 2_000 }));

  test('its own words in any order', () => {
    const words = [
      'and',
      'or',
      'not',
      '(',
      ')',
      '<',
      '>=',
      '"',
      "'",
      ':',
      'rst',
      'close-wait',
      '10.0.0.0/8',
      '[::1]:443',
      '[',
      'port:80',
      'port',
      '::',
      'null',
      'state:',
      'finding:syn-flood',
    ];
    const glue = fc.constantFrom('', ' ');
    const text = fc.array(fc.tuple(fc.constantFrom(...words, ...FIELDS.map((f) => f.name)), glue), { maxLength: 40 });
    fc.assert(
      fc.property(text, (parts) => survives(parts.flat().join(''))),
      { numRuns: 3_000 },
    );
  });
});

describe('addresses', () => {
  test.each([
    ['10.1.2.3', '10.0.0.0/8', true],
    ['11.0.0.0', '10.0.0.0/8', false],
    ['10.0.0.129', '10.0.0.128/25', true],
    ['10.0.0.127', '10.0.0.128/25', false],
    ['10.0.0.1', '0.0.0.0/0', true],
    ['2001:db8:1::5', '2001:db8::/32', true],
    ['2001:db9::', '2001:db8::/32', false],
    ['fe80::1', '::/0', true],
    ['10.0.0.1', '::/0', false],
    ['::ffff:10.0.0.1', '::ffff:a00:0/104', true],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.0/120', true],
  ])('%s in %s: %s', (ip, prefix, expected) => expect(inPrefix(ip, parsePrefix(prefix)!)).toBe(expected));

  test.each(['10.0.0.1:65536', '10.0.0.1:', '2001:db8::1:443x', '[10.0.0.1]:80', '[::1]', 'host:80', '10.0.0.0/8:80'])(
    '%s is no address with a port',
    (word) => expect(parseEndpoint(word)).toBeNull(),
  );
});

test('a field that both ends have means either without its side', () => {
  expect(fieldNamed('port')?.either?.map((f) => f.name)).toEqual(['client.port', 'server.port']);
  expect(fieldNamed('duration')?.either).toBeNull();
});

test('the examples of the documentation are taken', () => {
  const text = ['docs/where.md', 'README.md'].map((path) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')).join('\n');
  const examples = Array.from(text.matchAll(/--where (?:'([^']+)'|(finding:[\w-]+))/g), (m) => m[1] ?? m[2]!);
  expect(examples.length).toBeGreaterThan(4);
  for (const example of examples) expect(tree(example)).not.toBe('');
});
