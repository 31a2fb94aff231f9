/** What a wide and tall terminal shows of the row under the cursor before it is opened. */
import { expect, test } from 'vitest';
import { lineText } from '../../src/tui/present/line.ts';
import { figuresLine, stateLadder } from '../../src/tui/present/state-ladder.ts';
import { connectionRow } from '../engine/rows.ts';
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
  // What no state tells.
  const { client, server, findings } = row;
  expect(shown).toContain(`client ${String(client.packets)} packets, ${String(client.payloadBytes)} B`);
  expect(shown).toContain(`server ${String(server.packets)} packets, ${String(server.payloadBytes)} B`);
  expect(shown).toContain(`in ${findings[0]!.split('/')[0]!}`);
});

test('of a connection that lost segments: how many each end sent again', () => {
  const end = { ...connectionRow({}).client, packets: 12, payloadBytes: 4_000 };
  const row = connectionRow({
    client: { ...end, retransmissions: 3, rst: 1 },
    server: { ...end, outOfOrder: 2, missedBytes: 1_448 },
    findings: ['packet-loss/10.0.0.9:3306', 'packet-loss/10.0.0.1'],
  });
  expect(lineText(figuresLine(row, 140)).trimEnd()).toBe(
    '  client 12 packets, 4.0 kB, 3 sent again, 1 RST  server 12 packets, 4.0 kB, 2 out of order, 1,448 octets not captured  in packet-loss',
  );
});

test('a frame number of nine digits is whole', () => {
  const row = connectionRow({
    lastFrame: 123_456_789,
    transitions: [
      { time: connectionRow({}).start, frame: 123_456_789, endpoint: 'client', from: 'CLOSED', to: 'SYN_SENT', cause: 'sends SYN' },
    ],
  });
  expect(stateLadder(row, 120, 3).map(lineText).join('\n')).toContain('#123456789 ');
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
