/** The time machine on a real incident: what the kernels of both hosts said of their sockets is on the screen. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { SS_NAMES, STATE_NAMES } from '../../src/model/state.ts';
import { stack } from '../../src/tui/present/time.ts';
import { FakeSession } from './fake-session.ts';
import { onFixture } from './on-fixture.ts';
import { openScreen } from './screen.ts';

const FIXTURES = fileURLToPath(new URL('../../fixtures/', import.meta.url));

/** The `ss` output of both hosts at the end: sockets by address and state. */
interface Kernel {
  readonly samples: readonly {
    readonly label: string;
    readonly sockets: readonly (readonly [local: string, remote: string, state: string])[];
  }[];
}
const kernel = JSON.parse(readFileSync(`${FIXTURES}incident.kernel.json`, 'utf8')) as Kernel;
function kernelCounts(host: string): string[] {
  const counts = new Map<string, number>();
  for (const { sockets } of kernel.samples)
    for (const [local, , state] of sockets) if (local.startsWith(`${host}:`)) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, n]) => `${String(n)} ${SS_NAMES[STATE_NAMES.findIndex((name) => name === state)]!}`).sort();
}
/** `▓ 16 CLOSE-WAIT  █ 3 ESTAB` */
const countsOf = (row: string): string[] => Array.from(row.matchAll(/\S (\d+ [A-Z\d-]+)/g), (m) => m[1]!).sort();

const fixture = onFixture('incident.pcap');
const { open, type, rowWith } = fixture;
const toFinding = (rule: string): string => 'j'.repeat(fixture.session.snapshot().findings.findIndex((f) => f.rule === rule));

describe('the sockets of a moment', () => {
  test.each(['10.87.55.40', '10.87.55.102', '10.87.55.161', '10.87.55.185'])('at the end on %s are those of its kernel', async (host) => {
    const s = await open('t$');
    for (let i = 0; i < 60 && !s.text().includes(`[${host}`); i++) await type('\t');
    expect(countsOf(s.row(3))).toEqual(kernelCounts(host));
  });

  test('of a finding: its moment, and its connection under the cursor', async () => {
    const s = await open(`${toFinding('close-wait-stuck')}t`);
    expect(s.row(0)).toContain('Findings › Time machine');
    expect(s.row(2)).toMatch(/09:12:59\.\d{6} UTC {2}\+6\.\d+ of 20\.2 s/);
    expect(rowWith('begins:')).toContain('CLOSE_WAIT');
    expect(rowWith('▸')).toMatch(/CLOSE-WAIT 10\.87\.55\.40:\d+ +10\.87\.55\.185:3306/);
  });

  test('Enter opens the connection at this moment, t in it comes back to the moment of a segment', async () => {
    const s = await open(`${toFinding('close-wait-stuck')}t\r`);
    expect(s.row(0)).toMatch(/Time machine › 10\.87\.55\.40:\d+→10\.87\.55\.185:3306/);
    expect(rowWith('▸')).toContain('CLOSE_WAIT');
    const frame = /#\d+/.exec(rowWith('▸'))![0];
    await type('t');
    expect(s.row(0)).toMatch(/› Time machine$|› Time machine +\S/);
    await type('\r');
    expect(/#\d+/.exec(rowWith('▸'))![0]).toBe(frame);
  });
});

describe('going through the capture', () => {
  test('scrubs by columns, stops at both ends, and jumps there', async () => {
    const s = await open('t^');
    expect(s.row(2)).toContain('+0.000000 of');
    await type('h');
    expect(s.row(2)).toContain('+0.000000 of');
    await type('L');
    const ten = Number(/\+([\d.]+) of/.exec(s.row(2))![1]);
    await type('l');
    expect(Number(/\+([\d.]+) of/.exec(s.row(2))![1])).toBeCloseTo(ten * 1.1, 4);
    await type('$l');
    expect(s.row(2)).toMatch(/\+20\.19\d+ of 20\.2 s/);
  });

  test('from change to change, of all connections and of one', async () => {
    const s = await open('t^]');
    expect(rowWith('#')).toMatch(/#\d+ 10\.87\.55\.\d+:\d+→10\.87\.55\.\d+:\d+ \w+ → \w+: /);
    expect(rowWith('▸')).not.toBe('');
    const socket = / (10\.87\.55\.\d+:\d+)→/.exec(rowWith('#'))![1]!;
    await type('}');
    expect(rowWith('#')).toContain(socket);
    await s.type('{{{{'); // ahead of the answers
    await type('{');
    expect(s.text()).toContain('No state changed before this moment.');
  });

  test('to a time that is typed', async () => {
    const s = await open('t@+10.5\r');
    expect(s.row(2)).toContain('+10.500000 of 20.2 s');
    await type('@2026-11-20T09:13:00.5Z\r');
    expect(s.row(2)).toContain(' 09:13:00.500000 UTC');
    await type('@1795165990\r');
    expect(s.row(2)).toContain(' 09:13:10.000000 UTC');
    await type('@+21\r');
    expect(s.row(2)).toMatch(/\+20\.19\d+ of 20\.2 s/);
    expect(s.text()).toContain('The capture goes from 2026-11-20T09:12:53.164');
    await type('@soon\r');
    expect(s.text()).toContain('A time is 2026-11-20T08:33:00Z, seconds since 1970');
  });

  test('from finding to finding', async () => {
    const s = await open('t^.');
    const { findings, capture } = fixture.session.snapshot();
    const first = findings.flatMap(({ since }) => since ?? []).sort().find((time) => time > capture.start!)!; // prettier-ignore
    expect(s.row(2)).toContain(first.slice(11, 26));
    await type('..,,');
    expect(s.row(2)).toContain(first.slice(11, 26));
  });
});

describe('the chart', () => {
  test('a kind of state that is there is seen, however few its sockets are', () => {
    const kinds = new Map([
      ['stateStuck', 1],
      ['stateOpening', 5_000],
    ] as const);
    expect(stack(kinds, 5_001, 4)).toEqual(['stateStuck', 'stateOpening', 'stateOpening', 'stateOpening']);
    expect(stack(kinds, 1_000_000, 4)).toEqual(['stateStuck']);
    expect(stack(new Map(), 10, 4)).toEqual([]);
  });

  test('grows with the leak, and at every size fills the screen', async () => {
    for (const size of [
      { columns: 60, rows: 15 },
      { columns: 80, rows: 24 },
      { columns: 200, rows: 50 },
    ]) {
      // prettier-ignore
      const screen = await openScreen(new FakeSession(), size);
      await screen.type('t');
      expect(screen.text().split('\n')).toHaveLength(size.rows);
      expect(screen.text()).toContain('▓ 2 CLOSE-WAIT');
      await screen.type('$');
      expect(screen.text()).toContain('▓ 39 CLOSE-WAIT');
      screen.close();
    }
  });
});

test('what cannot be answered is a sentence', async () => {
  const fake = new FakeSession();
  const screen = await openScreen(fake);
  fake.refuse('chart', 'the session is closed');
  await screen.type('t');
  expect(screen.text()).toContain('Cannot show the states of all sockets: the session is closed');
  screen.close();
});
