import { expect, test } from 'vitest';
import { defineDetector, type RuleDocs } from '../../src/detect/detector.ts';
import { explain } from '../../src/engine/explain.ts';
import { UsageError } from '../../src/model/errors.ts';

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
