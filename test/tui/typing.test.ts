/** Lines that are typed into, menus, numbers and the mouse, on the mounted screens. */
import { afterEach, describe, expect, test } from 'vitest';
import { FakeSession } from './fake-session.ts';
import { openScreen, type Screen } from './screen.ts';

let screen: Screen;
const open = async (options: Parameters<typeof openScreen>[1] = {}): Promise<Screen> =>
  (screen = await openScreen(new FakeSession({ connections: 100 }), options));
afterEach(() => screen.close());

const last = (s: Screen): string => s.text().split('\n').at(-1) ?? '';

describe('the filter language', () => {
  test('filters while it is typed, and an unfinished word changes nothing', async () => {
    const s = await open();
    await s.type('c/outcome:leak');
    expect(s.row(1)).toContain('row 1/100');
    await s.type('ed');
    expect(last(s)).toContain('39 matches');
    await s.type(' no');
    expect(last(s)).toContain('there is no word "no"');
    expect(s.row(1)).toContain('row 1/39');
  });
  test('a word that means nothing is underlined, and Enter does not take it', async () => {
    const s = await open();
    await s.type('c/outcom:leaked rst\r');
    expect(s.raw()).toContain('\x1b[4m\x1b[31moutcom\x1b[39m\x1b[24m');
    expect(last(s)).toContain('there is no field "outcom"; did you mean "outcome"?');
    await s.type('\x01' + '\x1b[C'.repeat(6) + 'e');
    expect(last(s)).not.toContain('there is no');
    await s.type('\r');
    expect(last(s)).toContain('Esc clears');
  });
  test('Tab shows the words that fit and puts them in', async () => {
    const s = await open();
    await s.type('c/outc');
    expect(s.text()).toMatch(/outcome: +how it went, as outcome:ok/);
    await s.type('\tlea\t\r');
    expect(last(s)).toMatch(/\/outcome:leaked +39 matches/);
  });
  test('Up brings back what was typed before', async () => {
    const s = await open();
    await s.type('c/outcome:leaked\r\x1b/\x1b[A');
    expect(last(s)).toContain('/outcome:leaked');
    expect(last(s)).toContain('39 matches');
  });
});

test('in a text / searches, n and N go on, and matches are marked', async () => {
  const s = await open();
  await s.type('o/step\r');
  expect(s.raw()).toContain('\x1b[7mStep\x1b[27m 1:');
  const at = (): number | null => s.store.state().found;
  const first = at()!;
  await s.type('nn');
  expect(at()).toBe(first + 2);
  await s.type('NNN');
  expect(at()).toBe(first + 11); // round the beginning: there are twelve steps
  await s.type('/no such thing');
  expect(last(s)).toContain('is not in this text');
});

describe('commands', () => {
  test('go to a row, a frame, a connection, with names cut short and completed', async () => {
    const s = await open();
    await s.type('c:42\r');
    expect(s.row(1)).toContain('row 42/100');
    await s.type(':fr\t');
    expect(last(s)).toContain(':frame ');
    await s.type('400\r');
    expect(s.row(0)).toContain('› #400');
    await s.type(':connection 7\r');
    expect(s.text()).toContain('SERVER IS');
  });
  test('filter all connections, and say what is wrong with a filter', async () => {
    const s = await open();
    await s.type(':connections outcome:leaked\r');
    expect(s.row(1)).toContain('row 1/39');
    await s.type(':connections sate:closed\r');
    expect(last(s)).toContain('did you mean "state"?');
  });
  test('switch ASCII and colour', async () => {
    const s = await open({ columns: 120, rows: 40 });
    await s.type(':set ascii\r');
    expect(s.text()).toMatch(/^[\x20-\x7e\n]+$/);
    expect(s.text()).toContain('> X CRIT');
    await s.type(':set nocolor\r');
    expect(s.raw()).not.toMatch(/\x1b\[3\dm/);
    await s.type(':set nomouse\r');
    expect(s.left).toEqual(['mouse off']);
  });
  test('that do not exist, or lack something, are a sentence', async () => {
    const s = await open();
    await s.type(':conections\r');
    expect(last(s)).toContain('There is no command “conections”; did you mean "connections"?');
    await s.type(':frame\r');
    expect(last(s)).toContain('A number must follow.');
    await s.type(':con\r');
    expect(last(s)).toContain(':con may be connections or connection.');
    await s.type(':hosts 3306\r');
    expect(s.row(0)).toContain('› Hosts and services');
    expect(last(s)).toContain('/3306');
    await s.type(':capture\r');
    expect(s.row(0)).toContain('› Capture');
    await s.type(':w\r');
    expect(s.text()).toContain('── Write ─');
    await s.type('\x7f:h\r');
    expect(s.text()).toContain('Keys in the facts of the capture');
    await s.type('\x1b');
    await s.type(':q\r');
    expect(s.left).toEqual(['quit']);
  });
});

describe('numbers', () => {
  test('before a movement', async () => {
    const s = await open();
    await s.type('c12G');
    expect(s.row(1)).toContain('row 12/100');
    await s.type('5j');
    expect(s.row(1)).toContain('row 17/100');
    await s.type('7');
    expect(last(s)).toMatch(/^ 7 /);
    await s.type('k');
    expect(s.row(1)).toContain('row 10/100');
  });
});

describe('copying', () => {
  test('a finding: its filters, its id, the command for Wireshark, the screen', async () => {
    const s = await open({ columns: 120, rows: 40 });
    await s.type('yd');
    expect(s.copied.at(-1)).toMatch(/^ip.addr==10.0.0.1 && /);
    expect(last(s)).toContain('Copied the display filter');
    await s.type('w');
    expect(s.copied.at(-1)).toMatch(/^wireshark -r incident.pcap -Y 'ip.addr==10.0.0.1 .*' -g 400$/);
    expect(s.text()).toContain('wireshark -r incident.pcap');
    await s.type('v');
    expect(s.copied.at(-1)).toMatch(/^## Findings\n\n```text\n +SEVERITY FINDING(.|\n)*39 connections stuck(.|\n)*```\n$/);
    await s.type('\x1b');
    expect(last(s)).toContain('Enter open');
  });
  test('a connection: the 5-tuple, and filters for tcpdump and Wireshark', async () => {
    const s = await open();
    await s.type('cy5');
    expect(s.copied.at(-1)).toBe('tcp 10.0.0.1 1024 10.0.0.9 3306');
    await s.type('d');
    expect(s.copied.at(-1)).toBe('ip.addr==10.0.0.1 && ip.addr==10.0.0.9 && tcp.port==1024 && tcp.port==3306');
    await s.type('c');
    expect(s.copied.at(-1)).toBe('tcpdiag connection 0 incident.pcap');
  });
  test('the letter, or Enter on the row', async () => {
    const s = await open();
    await s.type('cy\t\t\r');
    expect(s.copied).toEqual(['tcp 10.0.0.1 1024 10.0.0.9 3306']);
  });
});

describe('the mouse', () => {
  const click = (column: number, row: number): string =>
    `\x1b[<0;${String(column)};${String(row)}M\x1b[<0;${String(column)};${String(row)}m`;
  test('a click puts the cursor on a row, a second one opens it', async () => {
    const s = await open({ columns: 120, rows: 40 });
    const at = s
      .text()
      .split('\n')
      .findIndex((row) => row.includes('refuses connections'));
    await s.type(click(5, at + 1));
    expect(s.row(at)).toMatch(/^▸/);
    await s.type(click(100, at));
    expect(s.row(at)).toMatch(/^▸/);
    await s.type('c' + click(10, 6));
    expect(s.row(1)).toContain('row 3/100');
    await s.type(click(10, 6));
    expect(s.text()).toContain('SERVER IS');
  });
  test('a click on an entry of a menu does it', async () => {
    const s = await open();
    await s.type('cy');
    const at = s
      .text()
      .split('\n')
      .findIndex((row) => row.includes('5-tuple'));
    await s.type(click(5, at + 1));
    expect(s.copied).toEqual(['tcp 10.0.0.1 1024 10.0.0.9 3306']);
  });
});

test('a frozen screen stands still, and says so', async () => {
  const session = new FakeSession({ connections: 100, reading: true });
  screen = await openScreen(session);
  session.read(0.3);
  await screen.settle();
  await screen.type('F');
  const before = screen.row(1);
  session.read(0.6);
  await screen.settle();
  expect(screen.row(1)).toBe(before);
  expect(last(screen)).toContain('frozen, F goes on');
  await screen.type('F');
  expect(screen.row(1)).not.toBe(before);
});

test('a mark and a note are for the report', async () => {
  const s = await open();
  await s.type('m');
  expect(last(s)).toContain('Marked for the report');
  expect(s.text()).toMatch(/▸ ✖ CRIT  ✓ 39/);
  await s.type(':note look at the pool\r');
  expect(s.store.state().marks).toEqual(new Map([['close-wait-stuck/10.0.0.1@10.0.0.9:3306', 'look at the pool']]));
  await s.type('m');
  expect(s.store.state().marks.size).toBe(0);
});
