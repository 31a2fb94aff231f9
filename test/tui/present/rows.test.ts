import { describe, expect, test } from 'vitest';
import { breadcrumbs, hints } from '../../../src/tui/present/chrome.ts';
import { tableHeader, tableRow } from '../../../src/tui/present/columns.ts';
import { connectionColumns } from '../../../src/tui/present/connections.ts';
import { detailLines } from '../../../src/tui/present/finding-detail.ts';
import { ladderItems, ladderRow } from '../../../src/tui/present/ladder.ts';
import { scroll } from '../../../src/tui/present/layout.ts';
import { type Line, lineText } from '../../../src/tui/present/line.ts';
import { hexLines } from '../../../src/tui/present/packet.ts';
import { sparkline } from '../../../src/tui/present/trend.ts';
import { widthOf } from '../../../src/tui/present/text.ts';
import { paint } from '../../../src/tui/theme.ts';
import { closeWaitLeak } from '../fake-findings.ts';
import { fakeConnection, fakeLadder, FIN_FRAME } from '../fake-session.ts';

const text = (line: Line): string => lineText(line).trimEnd();

describe('a row of the table of connections', () => {
  test.each([60, 80, 100, 140, 200])('is exactly as wide as a terminal of %i columns, as is its header', (width) => {
    expect(widthOf(lineText(tableRow(fakeConnection(5), connectionColumns(width), { width, current: false })))).toBe(width);
    expect(widthOf(lineText(tableHeader(connectionColumns(width), width, 'id', false)))).toBe(width);
  });
  test('loses columns from the right of their importance, never the endpoints nor the client’s state', () => {
    expect(connectionColumns(60).map((c) => c.title)).toEqual(['CLIENT', 'SERVER', 'CLIENT IS']);
    expect(connectionColumns(80).map((c) => c.title)).toEqual(['ID', 'CLIENT', 'SERVER', 'CLIENT IS', 'SERVER IS']);
    expect(connectionColumns(160)).toHaveLength(13);
  });
  test('keeps the port of a long IPv6 endpoint', () => {
    const row = { ...fakeConnection(5), client: '[2001:db8:85a3:8d3:1319:8a2e:370:7348]:54321' };
    expect(text(tableRow(row, connectionColumns(80), { width: 80, current: false }))).toContain(']:54321');
  });
  test('shows by which column it is sorted, and how', () => {
    expect(text(tableHeader(connectionColumns(140), 140, 'duration', true))).toContain('▼LASTED');
  });
});

describe('a row of the ladder', () => {
  const ladder = fakeLadder(0);
  const items = ladderItems(ladder, '');
  const row = (index: number, width: number, first = false): string =>
    text(
      ladderRow(items[index]!, {
        width,
        current: false,
        first,
        lastFrame: 400,
        evidence: items[index]?.kind === 'row' && items[index].row.frame === FIN_FRAME,
      }),
    );

  test.each([
    [
      'the SYN, with both states because it is the first',
      0,
      100,
      '   #392       +0.000000      0 s    SYN_SENT ┃─ SYN seq 0 len 0 win 64128 ────────────▶┃ CLOSED',
    ],
    [
      'the SYN-ACK: only the server’s state changes',
      1,
      100,
      '   #393       +0.000512   512 µs             ┃◀── SYN ACK seq 0 ack 1 len 0 win 64128 ─┃ SYN_RCVD',
    ],
    ['the pause before the FIN', 8, 80, '                                    ┃ ⋮ 19.9 s without a segment ⋮ ┃'],
    ['the FIN that proves it', 9, 80, ' ★ #400      +20.103900  CLOSE_WAIT ┃◀─── F. seq 90 ack 189 len 0 ─┃ FIN_WAIT_1'],
    ['a retransmission says so before its numbers', 5, 80, '  ↻#397       +0.203100             ┃─ P. (188) retransmission ───▶┃'],
    ['at 60 columns without the time', 5, 60, '  ↻#397                 ┃─ P. retransmission ─▶┃'],
  ])('%s', (_name, index, width, expected) => expect(row(index, width)).toBe(expected));

  test('what a segment says stands beside its flags, before all its numbers do', () => {
    const said = { protocol: 'HTTP', text: 'GET /index.html?page=…' };
    const item = items[4]!;
    const says = (width: number): string =>
      item.kind === 'row' && item.row.frame !== null
        ? text(ladderRow({ ...item, row: { ...item.row, said } }, { width, current: false, first: false, evidence: false, lastFrame: 400 }))
        : '';
    expect(says(80)).toContain('┃─ P. GET /index.html?page=… ─▶┃');
    expect(says(120)).toContain('─ PSH ACK seq 1 ack 79 len 188 GET /index.html?page=… ─');
  });
  test('the first one on the screen writes both states though neither changed', () => {
    expect(row(6, 80)).not.toContain('ESTABLISHED');
    expect(row(6, 80, true).match(/ESTABLISHED/g)).toHaveLength(2);
  });
  test('a timer has no arrow', () => {
    expect(row(12, 140)).toContain('· server FIN_WAIT_2 → CLOSED: orphaned for 60 s (tcp_fin_timeout) ·');
    expect(row(12, 140)).not.toMatch(/[▶◀]/);
  });
  test.each([60, 76, 80, 96, 100, 140, 200])('is never wider than %i columns', (width) => {
    for (const item of items)
      expect(widthOf(lineText(ladderRow(item, { width, current: true, first: true, evidence: true, lastFrame: 400 })))).toBe(width);
  });
  test('what was left out stands where it was', () => {
    const cutLadder = { ...ladder, omitted: 4711, omittedAt: 3 };
    expect(ladderItems(cutLadder, '')[3]).toEqual({ kind: 'omitted', count: 4711, around: 394 });
    expect(
      text(
        ladderRow(
          { kind: 'omitted', count: 4711, around: 394 },
          { width: 80, current: false, first: false, evidence: false, lastFrame: 400 },
        ),
      ),
    ).toContain('4,711 segments');
  });
  test('the filter takes words, flags and states', () => {
    const frames = (filter: string): unknown[] => ladderItems(ladder, filter).map((item) => item.kind === 'row' && item.row.frame);
    expect(frames('retrans')).toEqual([397]);
    expect(frames('fin server')).toContain(FIN_FRAME);
    expect(frames('timer')).toEqual([null]);
  });
});

describe('the dump', () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
  test('has offset, sixteen bytes in two groups, and their text', () => {
    const lines = hexLines(bytes, null, { width: 80, rows: 4 }).map(text);
    expect(lines[2]).toBe('0020  20 21 22 23 24 25 26 27  28 29 2a 2b 2c 2d 2e 2f    !"#$%&\'()*+,-./');
    expect(lines).toHaveLength(4);
  });
  test('marks the chosen bytes in both columns, also without colour', () => {
    const [line] = hexLines(bytes, { offset: 2, length: 2 }, { width: 80, rows: 1 });
    expect(paint(line!, { color: false })).toContain('\x1b[7m02 03\x1b[27m');
    expect(paint(line!, { color: false })).toContain('\x1b[7m..\x1b[27m');
  });
  test('scrolls to the chosen bytes', () => {
    const lines = hexLines(bytes, { offset: 96, length: 4 }, { width: 80, rows: 2 }).map(text);
    expect(lines[1]).toMatch(/^0060/);
  });
  test('never lets a byte steer the terminal', () => {
    const lines = hexLines(
      Uint8Array.from({ length: 256 }, (_, i) => i),
      null,
      { width: 80, rows: 16 },
    );
    for (const line of lines) expect(lineText(line)).toMatch(/^[\x20-\x7e]*$/);
  });
});

describe('a finding', () => {
  const lines = detailLines(closeWaitLeak(), [closeWaitLeak()], { width: 78 });
  const all = lines.map(({ line }) => text(line)).join('\n');
  test('says what, whose fault and why, the proof, the causes, the remedy, the filter and the doubts, in that order', () => {
    const order = [
      '✖ CRIT  39 connections',
      'AT FAULT  10.0.0.1',
      'because its application',
      'EVIDENCE',
      '#400',
      'CAUSES',
      'WHAT TO DO',
      '$ ss -tanp',
      'WIRESHARK',
      'CAVEATS',
    ];
    const places = order.map((words) => all.indexOf(words));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
  });
  test('knows which line is which evidence', () => {
    const line = lines.find(({ line: l }) => text(l).startsWith('#512'));
    expect(line?.evidence).toBe(2);
  });
});

test('breadcrumbs give up the title, then the middle, never the ends', () => {
  const crumbs = ['Findings', 'CLOSE_WAIT stuck (39)', '10.0.0.1:54200→10.0.0.9:3306', '#400'];
  expect(text(breadcrumbs(crumbs, 'incident.pcap', 100))).toMatch(
    /^ Findings › CLOSE_WAIT stuck \(39\) › 10.0.0.1:54200→10.0.0.9:3306 › #400 +incident.pcap$/,
  );
  expect(text(breadcrumbs(crumbs, 'incident.pcap', 72))).toBe(' Findings › CLOSE_WAIT stuck (39) › 10.0.0.1:54200→10.0.0.9:3306 › #400');
  expect(text(breadcrumbs(crumbs, 'incident.pcap', 60))).toMatch(/^ Findings › … › 10.0.0.1:54200→10.0.0.9:3306 › #400/);
});

test.each(['findings', 'finding', 'connections', 'ladder', 'packet'] as const)(
  'the hints of %s name help and the way out even at 60 columns',
  (context) => {
    expect(text(hints(context, 60))).toMatch(/\? help {2}q quit$/);
  },
);

describe('the capture over time', () => {
  test.each([
    ['rises', [0, 1, 2, 3, 4, 5, 6, 7, 8], 9, ' ▁▂▃▄▅▆▇█'],
    ['keeps a short peak when columns are few', [0, 0, 0, 9, 0, 0, 0, 0], 4, ' █  '],
    ['shows the smallest value that is not zero', [1, 1000], 2, '▁█'],
    ['gives each value its share of the width', [5, 9], 6, '▅▅▅███'],
    ['is empty without values', [], 10, ''],
  ])('%s', (_name, values, width, expected) => expect(sparkline(values, width)).toBe(expected));
});

test.each([
  ['stays while the cursor is inside', 10, 15, 20, 100, 10],
  ['follows it down', 10, 30, 20, 100, 11],
  ['follows it up', 10, 5, 20, 100, 5],
  ['leaves no empty rows at the end', 95, 99, 20, 100, 80],
  ['starts at the top when everything fits', 7, 3, 20, 10, 0],
])('a window %s', (_name, top, cursor, height, total, expected) => expect(scroll(top, cursor, height, total)).toBe(expected));
