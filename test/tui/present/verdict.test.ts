import { describe, expect, test } from 'vitest';
import { verdictLines, verdictOf } from '../../../src/tui/present/verdict.ts';
import { lineText } from '../../../src/tui/present/line.ts';
import type { Finding } from '../../../src/model/finding.ts';
import { fakeFindings } from '../fake-findings.ts';
import { FakeSession } from '../fake-session.ts';

const sentence = async (findings: readonly Finding[]): Promise<string | undefined> => {
  const session = new FakeSession({ findings });
  return verdictOf(session.snapshot(), (await session.done).rules)?.text;
};

describe('the capture in one sentence', () => {
  const [leak, , refused] = fakeFindings();

  test('names the gravest, whose fault it is, and how much else there is', async () => {
    expect(await sentence([leak!, refused!])).toBe(
      '✖ CRITICAL: 39 connections stuck in CLOSE_WAIT on 10.0.0.1; 10.0.0.1 is at fault; besides: 1 warning.',
    );
    expect(await sentence([{ ...leak!, atFault: 'path' }])).toMatch(/; the path between the ends is at fault\.$/);
    expect(await sentence([{ ...leak!, atFault: null }])).toMatch(/on 10\.0\.0\.1\.$/);
  });
  test('says that nothing is wrong only when all has been read', async () => {
    expect(await sentence([])).toMatch(/^Nothing wrong was found: 2 rules looked at 49 connections; 1 more could not tell\.$/);
    expect(verdictOf(new FakeSession({ reading: true }).snapshot(), null)?.text).toBe('Nothing found so far; still reading …');
    expect(verdictOf(new FakeSession({ findings: [] }).snapshot(), null)).toBeNull();
    const failed = new FakeSession({ reading: true });
    failed.fail('the disk is gone');
    expect(verdictOf(failed.snapshot(), null)?.text).toBe('✖ The capture could not be read to its end.');
  });
  test('while reading it is so far', () => {
    const session = new FakeSession({ reading: true });
    session.read(0.5, [leak!]);
    expect(verdictOf(session.snapshot(), null)?.text).toMatch(/^so far: ✖ CRITICAL: 39 connections/);
  });
  test.each([1, 2, 3])('always takes %i rows, and says when there is more', (rows) => {
    const lines = verdictLines({ text: 'a cause and its consequences, one after the other'.repeat(2), style: 'bold' }, rows, 40);
    expect(lines.map((line) => lineText(line).length)).toEqual(Array.from({ length: rows }, () => 40));
    expect(lineText(lines.at(-1)!).trimEnd().endsWith('…')).toBe(rows < 3);
  });
});
