/** What a wide and tall terminal shows of the row under the cursor before it is opened. */
import { expect, test } from 'vitest';
import { FakeSession } from './fake-session.ts';
import { onFixture } from './on-fixture.ts';
import { openScreen } from './screen.ts';

const fixture = onFixture('close_wait_leak.pcap');
const { open, type } = fixture;
const below = (title: RegExp): string => {
  const rows = fixture.screen.text().split('\n');
  return rows.slice(rows.findIndex((row) => title.test(row))).join('\n');
};

test('below the connections: the states that the one under the cursor went through', async () => {
  await open('cj');
  const row = await fixture.session.ask('connection', { connection: 1 });
  expect(row.transitions.length).toBeGreaterThan(3);
  const shown = below(/connection 1 {2}/);
  for (const { to, frame } of row.transitions) {
    expect(shown).toContain(to);
    if (frame !== null) expect(shown).toContain(`#${String(frame)}`);
  }
});

test('below the ladder: the packet of the segment under the cursor', async () => {
  await open('c\r', { columns: 140, rows: 45 });
  const frame = /▸ +#(\d+)/.exec(fixture.screen.text())![1]!;
  expect(below(new RegExp(`packet #${frame};`))).toMatch(/\+ TCP {2}.*\[SYN\]/);
  await type('j');
  expect(below(/packet #/)).toMatch(/\+ TCP {2}.*\[SYN, ACK\]/);
});

test('one question at a time, however fast the cursor moves; none where there is no room', async () => {
  const fake = new FakeSession();
  const screen = await openScreen(fake, { columns: 140, rows: 45 });
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
  const small = await openScreen(narrow, { columns: 80, rows: 50 });
  await small.type('cj\r');
  expect(narrow.asked.filter(({ question }) => question === 'connection' || question === 'packet')).toEqual([]);
  small.close();
});
