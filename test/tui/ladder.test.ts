/** A connection that is too long to be shown whole: any part of it is one key away. */
import { afterEach, expect, test } from 'vitest';
import type { Ladder, Questions } from '../../src/engine/protocol.ts';
import { fakeLadder, FakeSession, FIN_FRAME } from './fake-session.ts';
import { openScreen, type Screen } from './screen.ts';

let screen: Screen;
afterEach(() => screen.close());

/** Of the segments only the first three and the last are kept, or those around the frame that is asked for. */
function longConnection(): { session: FakeSession; around: (number | undefined)[] } {
  const session = new FakeSession();
  const around: (number | undefined)[] = [];
  const whole = fakeLadder(0);
  const part = (asked: Questions['ladder']['ask']): Ladder => {
    around.push(asked.around);
    if (asked.around === undefined) return { ...whole, rows: [...whole.rows.slice(0, 3), whole.rows.at(-2)!], omitted: 6, omittedAt: 3 };
    const at = whole.rows.findIndex(({ frame }) => frame === asked.around);
    return { ...whole, rows: whole.rows.slice(at - 1, at + 2), omitted: at - 1, omittedAt: 0, omittedAfter: 10 - (at + 2) };
  };
  const ask = session.ask.bind(session);
  session.ask = async (question, asked) => (question === 'ladder' ? part(asked as Questions['ladder']['ask']) : ask(question, asked));
  return { session, around };
}

const current = (): string => screen.text().split('\n').find((row) => row.startsWith('▸')) ?? ''; // prettier-ignore

test('Enter on what was left out shows the segments next to it, and the cursor stays where it was', async () => {
  const { session, around } = longConnection();
  screen = await openScreen(session);
  await screen.type('c\rjjj');
  expect(current()).toContain('⋮ 6 segments left out here');
  await screen.type('\r');
  expect(around).toEqual([undefined, 394]);
  expect(current()).toContain('#394');
  expect(screen.text()).toContain('⋮ 1 segment left out here');
  expect(screen.text()).toContain('⋮ 6 segments left out here');
  expect(screen.text()).toContain('#395');
});

test('the frame that proves a finding is found, wherever in the connection it is', async () => {
  const { session, around } = longConnection();
  screen = await openScreen(session);
  await screen.type('e');
  expect(around).toEqual([undefined, FIN_FRAME]);
  expect(current()).toMatch(/^▸★ #400/);
});

test('n and N go from mark to mark: what came again, what proves, what was left out', async () => {
  screen = await openScreen(new FakeSession());
  await screen.type('c\rn');
  expect(current()).toMatch(/^▸ ↻#397/);
  await screen.type('n');
  expect(current()).toMatch(/^▸★ #400/);
  await screen.type('nn');
  expect(current()).toMatch(/^▸★ #401/);
  expect(screen.text()).toContain('No segment after this one has a mark.');
  await screen.type('NN');
  expect(current()).toMatch(/^▸ ↻#397/);
  screen.close();
  screen = await openScreen(longConnection().session);
  await screen.type('c\rn');
  expect(current()).toContain('⋮ 6 segments left out here');
  expect(screen.text()).toContain('Marked segments may be among those');
});
