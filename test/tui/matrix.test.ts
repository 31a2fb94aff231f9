/** Every screen in a real pseudo-terminal: at three sizes, with colour and without, while reading and after, on stdin, after a storm of resizes, and left by every way out. */
import { execFileSync } from 'node:child_process';
import { createWriteStream, existsSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pcapOf, scriptFrames } from '../support/script.ts';
import { buildDemo } from './bundle.ts';
import { AT_FINDINGS, BACK, EVERY_SCREEN, type ScreenPath } from './every-screen.ts';
import { Terminal } from './terminal.ts';

let demo = '';
beforeAll(() => {
  demo = buildDemo();
});
afterAll(() => rmSync(dirname(demo), { recursive: true, force: true }));

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const incident = fileURLToPath(new URL('../../fixtures/incident.pcap', import.meta.url));

const SIZES = [
  [80, 24],
  [120, 40],
  [200, 50],
] as const;
const COLOUR = /\x1b\[(3[0-7]|9[0-7])m/;

/** Goes there, looks whether the screen is whole, does what is asked, and goes back. */
async function walk(t: Terminal, screens: readonly ScreenPath[], there?: (screen: ScreenPath) => Promise<unknown>): Promise<void> {
  await t.until(AT_FINDINGS);
  for (const screen of screens) {
    t.type(screen.keys);
    const seen = await t.until(screen.shows);
    isWhole(seen, screen);
    await there?.(screen);
    t.type(BACK);
    await t.until(AT_FINDINGS);
  }
}

/** The last row is the last row, once; nothing of another frame is left. */
function isWhole(seen: string, { last = /q quit/ }: ScreenPath): void {
  const rows = seen.split('\n').map((row, at) => ({ at: at + 1, row }));
  const where = rows.filter(({ row }) => last.test(row)).map(({ at }) => at);
  expect(where, seen).toEqual([rows.length]);
}

/** Side by side with others each may take as long as all of them in a row. */
const SIDE_BY_SIDE = 60_000;

describe.concurrent.each(SIZES)('at %ix%i', { timeout: SIDE_BY_SIDE }, (columns, rows) => {
  test('in colour', async () => {
    const t = new Terminal(process.execPath, [demo], { columns, rows });
    await walk(t, EVERY_SCREEN);
    expect(t.output).toMatch(COLOUR);
    t.type('q');
    expect(await t.exit()).toBe(0);
  });
  test('without', async () => {
    const t = new Terminal(process.execPath, [demo], { columns, rows, env: { NO_COLOR: '1' } });
    await walk(t, EVERY_SCREEN);
    expect(t.output).not.toMatch(COLOUR);
    t.type('q');
    expect(await t.exit()).toBe(0);
  });
});

test('while the capture is still being read', async () => {
  const t = new Terminal(process.execPath, [demo, '--half'], { columns: 120, rows: 40 });
  await t.until('reading');
  await walk(t, EVERY_SCREEN);
  t.type('q');
  expect(await t.exit()).toBe(0);
});

test('after a storm of resizes on each of them', async () => {
  const t = new Terminal(process.execPath, [demo], { columns: 120, rows: 40 });
  await walk(t, EVERY_SCREEN, async (screen) => {
    const { shows, last = /q quit/ } = screen;
    for (let i = 0; i < 12; i++) t.resize(60 + ((i * 37) % 140), 15 + ((i * 11) % 40));
    t.resize(61, 16);
    await t.until((seen) => last.test(seen.split('\n')[15] ?? ''));
    t.resize(120, 40);
    isWhole(await t.until((seen) => shows.test(seen) && last.test(seen.split('\n')[39] ?? '')), screen);
  });
  expect(t.output).not.toContain('\x1b[3J');
  t.type('q');
  await t.exit();
  expect(t.scrollback()).toBe(0);
});

const WAYS_OUT: readonly (readonly [name: string, leave: (t: Terminal) => void, status: number])[] = [
  ['SIGINT', (t) => t.kill('SIGINT'), 130],
  ['SIGTERM', (t) => t.kill('SIGTERM'), 143],
  ['an exception', (t) => t.type('\x1c'), 70],
];

test.concurrent.each(EVERY_SCREEN.map((screen, i) => ({ screen, name: screen.name, way: WAYS_OUT[i % WAYS_OUT.length]! })))(
  'left from $name by $way.0',
  async ({ screen, way: [, leave, status] }) => {
    const t = new Terminal(process.execPath, [demo, '--throw-on-key']);
    await t.until(AT_FINDINGS);
    t.type(screen.keys);
    await t.until(screen.shows);
    leave(t);
    expect(await t.exit()).toBe(status);
    expect(t.onAlternateScreen()).toBe(false);
    expect(t.modesLeftOn()).toEqual([]);
  },
);

test('stopped and continued on each of them', async () => {
  const t = new Terminal('bash', ['--norc', '--noprofile', '-i'], { env: { PS1: 'prompt> ' } });
  await t.until('prompt>');
  t.type(`${process.execPath} ${demo}\r`);
  await walk(t, EVERY_SCREEN, async (screen) => {
    t.type('\x1a');
    await t.until((seen) => seen.includes('Stopped') && seen.trimEnd().endsWith('prompt>'));
    // Bracketed paste is bash's own, for its prompt.
    expect(t.modesLeftOn().filter((mode) => mode !== '2004')).toEqual([]);
    t.type('clear; fg\r');
    isWhole(await t.until(screen.shows), screen);
  });
  t.type('q');
  await t.until((screen) => screen.trimEnd().endsWith('prompt>'));
  t.type('exit\r');
  await t.exit();
});

// Needs the built program (`npm run build`).
describe.skipIf(!existsSync(cli)).concurrent('the program on a real incident', { timeout: SIDE_BY_SIDE }, () => {
  test.each(SIZES)('at %ix%i', async (columns, rows) => {
    const t = new Terminal(process.execPath, [cli, incident], { columns, rows });
    await walk(t, EVERY_SCREEN);
    t.type('q');
    expect(await t.exit()).toBe(0);
  });
  test('on stdin, half of it read and then the rest', async () => {
    const fifo = join(dirname(demo), 'incident.fifo');
    execFileSync('mkfifo', [fifo]);
    const t = new Terminal('bash', ['-c', `cat ${fifo} | ${process.execPath} ${cli} -`], { columns: 120, rows: 40 });
    const bytes = readFileSync(incident);
    const capture = createWriteStream(fifo);
    capture.write(bytes.subarray(0, bytes.length * 0.9));
    await t.until('reading');
    await walk(t, EVERY_SCREEN);
    capture.end(bytes.subarray(bytes.length * 0.9));
    await t.until((screen) => !screen.includes('reading'));
    await walk(t, EVERY_SCREEN);
    t.type('q');
    expect(await t.exit()).toBe(0);
  });
  test('live: silence is counted while no packet comes', async () => {
    const fifo = join(dirname(demo), 'live.fifo');
    execFileSync('mkfifo', [fifo]);
    const t = new Terminal('bash', ['-c', `cat ${fifo} | ${process.execPath} ${cli} -`], { columns: 120, rows: 40 });
    const capture = createWriteStream(fifo);
    capture.write(
      pcapOf(scriptFrames('+0 > S 0:0(0)\n+.01 < S. 0:0(0) ack 1\n+.01 > . 1:1(0) ack 1', { start: Math.floor(Date.now() / 1000) })),
    );
    await t.until('● live');
    await t.until(/nothing for [1-9]/);
    t.type('F');
    await t.until('frozen, F goes on');
    capture.end();
    t.type('F');
    await t.until((screen) => !screen.includes('live'));
    t.type('q');
    expect(await t.exit()).toBe(0);
  });
});
