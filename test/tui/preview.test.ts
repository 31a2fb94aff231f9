/** What a wide and tall terminal shows of the row under the cursor before it is opened. */
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Session } from '../../src/engine/protocol.ts';
import { localSession } from '../../src/engine/session.ts';
import { FakeSession } from './fake-session.ts';
import { answering, openScreen, type Screen } from './screen.ts';

let session: Session;
let answered: () => Promise<unknown>;
let screen: Screen;
beforeAll(async () => {
  const path = fileURLToPath(new URL('../../fixtures/close_wait_leak.pcap', import.meta.url));
  ({ session, answered } = answering(localSession([path], {})));
  await session.done;
});
afterAll(() => session.close());
afterEach(() => screen.close());

async function type(keys: string): Promise<void> {
  for (const key of keys) {
    await screen.type(key);
    await answered();
    await screen.settle();
    await answered();
    await screen.settle();
  }
}
const below = (title: RegExp): string => {
  const rows = screen.text().split('\n');
  return rows.slice(rows.findIndex((row) => title.test(row))).join('\n');
};

test('below the connections: the states that the one under the cursor went through', async () => {
  screen = await openScreen(session, { columns: 120, rows: 40 });
  await type('cj');
  const row = await session.ask('connection', { connection: 1 });
  expect(row.transitions.length).toBeGreaterThan(3);
  const shown = below(/connection 1 {2}/);
  for (const { to, frame } of row.transitions) {
    expect(shown).toContain(to);
    if (frame !== null) expect(shown).toContain(`#${String(frame)}`);
  }
});

test('below the ladder: the packet of the segment under the cursor', async () => {
  screen = await openScreen(session, { columns: 140, rows: 45 });
  await type('c\r');
  const frame = /▸ +#(\d+)/.exec(screen.text())![1]!;
  expect(below(new RegExp(`packet #${frame};`))).toMatch(/\+ TCP {2}.*\[SYN\]/);
  await type('j');
  expect(below(/packet #/)).toMatch(/\+ TCP {2}.*\[SYN, ACK\]/);
});

test('one question at a time, however fast the cursor moves; none where there is no room', async () => {
  const fake = new FakeSession();
  screen = await openScreen(fake, { columns: 140, rows: 45 });
  await screen.type('c');
  fake.asked.length = 0;
  fake.hold();
  await screen.type('jjjjjjjj');
  fake.release();
  await screen.settle();
  const asked = fake.asked.filter(({ question }) => question === 'connection').map(({ ask }) => ask);
  expect(asked).toEqual([{ connection: 1 }, { connection: 8 }]);
  screen.close();
  const narrow = new FakeSession();
  screen = await openScreen(narrow, { columns: 80, rows: 50 });
  await screen.type('cj\r');
  expect(narrow.asked.filter(({ question }) => question === 'connection' || question === 'packet')).toEqual([]);
});
