import { describe, expect, test } from 'vitest';
import { completed, edited, EDITS, type Prompt, promptFor, recalled, remembered, textOfPrompt, typed } from '../../src/tui/prompt.ts';
import { completeWhere, whereProblem } from '../../src/tui/where-completion.ts';

const at = (before: string, after = ''): Prompt => ({ ...promptFor('filter', before), after });
const shown = ({ before, after }: Prompt): string => `${before}|${after}`;

test.each([
  ['erase', at('ab', 'cd'), 'a|cd'],
  ['erase', at('a👍'), 'a|'],
  ['erase', at('', 'cd'), '|cd'],
  ['erase-ahead', at('ab', '👍d'), 'ab|d'],
  ['erase-word', at('port:80 not rst', ' fin'), 'port:80 not | fin'],
  ['erase-word', at('port:80  '), '|'],
  ['erase-all', at('ab', 'cd'), '|cd'],
  ['cursor-left', at('a👍', 'c'), 'a|👍c'],
  ['cursor-left', at('', 'c'), '|c'],
  ['cursor-right', at('a', '👍c'), 'a👍|c'],
  ['line-start', at('ab', 'cd'), '|abcd'],
  ['line-end', at('ab', 'cd'), 'abcd|'],
])('%s', (edit, prompt, expected) => expect(shown(edited(prompt, EDITS[edit]!))).toBe(expected));

test('what is typed goes in at the cursor, and a paste gone wrong is cut', () => {
  expect(shown(typed(at('a', 'd'), 'bc'))).toBe('abc|d');
  expect(textOfPrompt(typed(at('', 'd'), 'x'.repeat(5_000)))).toHaveLength(1_000);
});

describe('the history', () => {
  const history = ['rst', 'port:80', 'port:443', 'syn'];
  test('goes back and forth through lines that begin as this one, and ends at it', () => {
    let prompt = at('port');
    prompt = recalled(prompt, history, 1);
    expect(textOfPrompt(prompt)).toBe('port:443');
    prompt = recalled(prompt, history, 1);
    expect(textOfPrompt(prompt)).toBe('port:80');
    expect(textOfPrompt(recalled(prompt, history, 1))).toBe('port:80');
    prompt = recalled(recalled(prompt, history, -1), history, -1);
    expect(textOfPrompt(prompt)).toBe('port');
  });
  test('has each line once, the last typed last, and not for ever', () => {
    expect(remembered(history, 'rst')).toEqual(['port:80', 'port:443', 'syn', 'rst']);
    expect(remembered(history, '')).toEqual(history);
    let many: readonly string[] = [];
    for (let i = 0; i < 500; i++) many = remembered(many, String(i));
    expect(many).toHaveLength(100);
    expect(many.at(-1)).toBe('499');
  });
});

describe('Tab', () => {
  const offered = (line: string, findings: readonly string[] = []): Prompt => ({ ...at(line), ...completeWhere(line, findings) });
  test.each([
    ['server.st', 'server.state:'],
    ['dura', 'duration'],
    ['rst or close-', 'rst or close-wait'],
    ['not (client.opt', 'not (client.options.mss'],
    ['state:syn', 'state:syn-sent'],
    ['outcome:ref', 'outcome:refused'],
    ['client.options.mptcp:', 'client.options.mptcp:true'],
  ])('%s', (line, expected) => expect(textOfPrompt(completed(offered(line), 1))).toBe(expected));

  test('goes round, in both directions', () => {
    const first = completed(offered('closedBy:'), 1);
    expect(textOfPrompt(first)).toBe('closedBy:client');
    expect(textOfPrompt(completed(first, 1))).toBe('closedBy:server');
    expect(textOfPrompt(completed(first, -1))).toBe('closedBy:both');
  });
  test('knows the findings that there are, and their rules', () => {
    const { choices } = completeWhere('finding:', ['syn-flood/10.0.0.1:80', 'syn-flood/10.0.0.2:80']);
    expect(choices.map(({ text }) => text)).toEqual(['syn-flood', 'syn-flood/10.0.0.1:80', 'syn-flood/10.0.0.2:80']);
  });
  test.each(['duration>', 'duration>5', 'name:"a b', 'nonsense:x'])('has nothing for %s', (line) => {
    expect(completeWhere(line, []).choices).toEqual([]);
  });
  test('every word that it offers is understood', () => {
    for (const { text, about } of completeWhere('', []).choices) {
      if (/^(and|or|not)$/.test(text)) continue;
      const example = / as (.+)$/.exec(about)?.[1] ?? text;
      expect(whereProblem(example, undefined), example).toBeNull();
    }
  });
});

test('a mistake is pointed at', () => {
  expect(whereProblem('rst sate:closed', undefined)).toEqual({
    problem: 'there is no field "sate"; did you mean "state"?',
    at: 4,
    length: 4,
  });
  expect(whereProblem('  ', undefined)).toBeNull();
});
