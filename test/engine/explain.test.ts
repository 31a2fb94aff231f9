import { expect, test } from 'vitest';
import { defineDetector, type RuleDocs } from '../../src/detect/detector.ts';
import { DETECTORS } from '../../src/detect/index.ts';
import { COMMAND_MARK, explain, explainWithExample } from '../../src/engine/explain.ts';
import { UsageError } from '../../src/model/errors.ts';
import { explanationText } from '../../src/report/explanation.ts';

const docs: RuleDocs = {
  what: 'Sockets that wait for their application.',
  why: 'Each holds a descriptor.',
  how: '1. A FIN is acknowledged. 2. None follows.',
  never: 'While data still flows.',
  limits: '',
  references: ['RFC 9293 §3.6', 'linux: net/ipv4/tcp.c'],
};
const rule = defineDetector({
  id: 'close-wait-stuck',
  title: 'Stuck in CLOSE_WAIT',
  severity: 'critical',
  category: 'close',
  docs,
  params: { minSeconds: { default: 60, text: 'seconds in CLOSE_WAIT before it counts' } },
  detect: () => ({ verdict: 'clear' }),
});

test('a rule explains itself in the order in which one asks; what has nothing to say is left out', () => {
  const { title, sections } = explain([rule], 'close-wait-stuck');
  expect(title).toBe('Stuck in CLOSE_WAIT');
  expect(sections.map(({ heading, text }) => `${heading}: ${text}`)).toEqual([
    'What: Sockets that wait for their application.',
    'Why it matters: Each holds a descriptor.',
    'How it is decided: 1. A FIN is acknowledged. 2. None follows.',
    'When it stays silent: While data still flows.',
    'Parameters: minSeconds = 60: seconds in CLOSE_WAIT before it counts',
    'References: RFC 9293 §3.6\nlinux: net/ipv4/tcp.c',
  ]);
});

test('a rule that does not exist is a usage error', () => {
  expect(() => explain([rule], 'close-wait')).toThrow(UsageError);
});

test('a rule shows what it said of a capture of ours, with its causes and remedies, before its references', async () => {
  const { sections } = await explainWithExample(DETECTORS, 'close-wait-stuck');
  expect(sections.map(({ heading }) => heading).slice(-4)).toEqual([
    expect.stringMatching(/^Example: \w+\.pcap/),
    'Causes that it names there',
    'What it says to do there',
    'References',
  ]);
  expect(sections.at(-2)!.text).toContain(`\n${COMMAND_MARK}ss -`);
});

test('a rule that found nothing in our captures has none, and is in the minority', async () => {
  const shown = await Promise.all(DETECTORS.map(({ id }) => explainWithExample(DETECTORS, id)));
  const examples = shown.filter(({ sections }) => sections.some(({ heading }) => heading.startsWith('Example: ')));
  expect(examples.length).toBeGreaterThan(0.8 * DETECTORS.length);
});

test('a rule of the user has none', async () => {
  const own = { ...rule, id: 'my-rule' };
  expect(await explainWithExample([own], 'my-rule')).toEqual(explain([own], 'my-rule'));
});

test('on a page, words are wrapped and commands are not', () => {
  const command = `${COMMAND_MARK}ss -tanp state close-wait dst 10.0.0.9 and dport = 3306`;
  const page = { rule: 'x', title: 'X', about: 'a', sections: [{ heading: 'H', text: `${'word '.repeat(20)}\n${command}` }] };
  const lines = [...explanationText(page, { width: 40, colour: false })].join('').split('\n');
  expect(lines).toContain(`      ${command}`);
  expect(lines.filter((line) => line.length > 40)).toEqual([`      ${command}`]);
});
