import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { execFileSync } from 'node:child_process';
import { createWriteStream, existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { dirname, join } from 'node:path';
import { buildDemo } from './bundle.ts';
import { Terminal, type TerminalOptions } from './terminal.ts';

let demo = '';
beforeAll(() => {
  demo = buildDemo();
});
afterAll(() => rmSync(dirname(demo), { recursive: true, force: true }));

const open = (args: readonly string[] = [], options: TerminalOptions = {}): Terminal =>
  new Terminal(process.execPath, [demo, ...args], options);
/** Under a shell that says what it got and lives on, as at a prompt. */
const openInShell = (env: Readonly<Record<string, string>> = {}): Terminal =>
  new Terminal('bash', ['--norc', '--noprofile', '-i'], { env: { PS1: 'prompt> ', DEMO: `${process.execPath} ${demo}`, ...env } });

describe('a session at the terminal', () => {
  test('drills down to the proving packet and back out', async () => {
    const t = open();
    await t.until('39 connections stuck in CLOSE_WAIT');
    expect(t.onAlternateScreen()).toBe(true);
    t.type('\r');
    await t.until('row 1/39');
    t.type('\r');
    await t.until('SERVER IS');
    await t.until('#400');
    t.type('G\x1b[A\x1b[A\x1b[A\r'); // last row, three up: the FIN, in one burst
    await t.until('Sequence number');
    expect(t.text()).toContain('10.0.0.1:54200→10.0.0.9:3306 › #400');
    t.type('\x1b');
    await t.until('★ proves');
    t.type('\x1b');
    await t.until('row 1/39');
    t.type('hq');
    expect(await t.exit()).toBe(0);
    expect(t.onAlternateScreen()).toBe(false);
  });

  // Variables by which Ink would draw nothing, look for its developer tools, or talk to a screen reader.
  test.each(['CI', 'DEV', 'INK_SCREEN_READER'])('draws the same where %s is set', async (variable) => {
    const t = open([], { env: { [variable]: 'true' } });
    await t.until('39 connections stuck');
    t.type('q');
    expect(await t.exit()).toBe(0);
  });

  test('never clears the scrollback, and repaints only what changed', async () => {
    const t = open();
    await t.until('39 connections stuck');
    t.type('jjkk');
    await t.until('▸ ✖ CRIT  39');
    expect(t.output).not.toContain('\x1b[3J');
    t.type('q');
    await t.exit();
    expect(t.scrollback()).toBe(0);
  });

  test('without colour there is none, and the cursor is still seen', async () => {
    const t = open([], { env: { NO_COLOR: '1' } });
    await t.until('▸ ✖ CRIT');
    expect(t.output).not.toMatch(/\x1b\[(3[0-7]|9[0-7])m/);
    t.type('q');
    await t.exit();
  });

  test('follows the size of the terminal through a storm of resizes', async () => {
    const t = open();
    await t.until('39 connections stuck');
    for (let i = 0; i < 20; i++) t.resize(60 + ((i * 17) % 100), 15 + ((i * 7) % 40));
    t.resize(50, 12);
    await t.until('terminal too small (60x15 needed)');
    t.resize(130, 40);
    await t.until('CAUSES');
    const screen = await t.until((s) => s.split('\n').length === 40 && s.includes('q quit'));
    expect(screen.match(/Findings {2}/g)).toHaveLength(1);
    expect(screen.match(/q quit/g)).toHaveLength(1);
    t.type('q');
    expect(await t.exit()).toBe(0);
  });

  test('a list of 100,000 connections goes to its end and back', async () => {
    const t = open(['--connections', '100000']);
    await t.until('39 connections stuck');
    t.type('c');
    await t.until('row 1/100,000');
    t.type('G');
    await t.until('row 100,000/100,000');
    await t.until('  99999 ');
    t.type('\x1b[5~'.repeat(200));
    await t.until((s) => /row 9\d,\d{3}\/100,000/.test(s) && !s.includes('▸ …'));
    t.type('g');
    await t.until('row 1/100,000');
    t.type('q');
    expect(await t.exit()).toBe(0);
  });

  test('shows the findings while the capture is still read', async () => {
    const t = open(['--growing']);
    await t.until('reading');
    await t.until('39 connections stuck');
    expect(t.text()).toContain('%');
    await t.until('49 connections · 5m21s');
    t.type('q');
    expect(await t.exit()).toBe(0);
  });
});

describe('every way out gives the terminal back', () => {
  const leftClean = (t: Terminal): void => {
    expect(t.onAlternateScreen()).toBe(false);
    expect(t.output.endsWith('\x1b[?1049l') || t.output.includes('\x1b[?25h\x1b[?1049l')).toBe(true);
  };

  test.each([
    ['q', 'q', 0],
    ['Ctrl-C as a key', '\x03', 0],
  ])('%s', async (_name, key, status) => {
    const t = open();
    await t.until('39 connections stuck');
    t.type(key);
    expect(await t.exit()).toBe(status);
    leftClean(t);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])('%s', async (signal, status) => {
    const t = open();
    await t.until('39 connections stuck');
    t.kill(signal);
    expect(await t.exit()).toBe(status);
    leftClean(t);
  });

  test.each([
    ['an exception', '--throw', 'thrown on purpose'],
    ['a rejection', '--reject', 'rejected on purpose'],
    ['a screen that cannot be drawn', '--break', 'Cannot read properties of undefined'],
  ])('%s: one sentence on the shell’s screen, status 70', async (_name, flag, sentence) => {
    const t = open([flag]);
    expect(await t.exit()).toBe(70);
    leftClean(t);
    expect(t.text()).toContain(`demo: internal fault: ${sentence}`);
    expect(t.text()).not.toContain('at ');
  });

  test('the shell’s line editing works afterwards', async () => {
    const t = openInShell();
    await t.until('prompt>');
    t.type('$DEMO\r');
    await t.until('39 connections stuck');
    t.type('q');
    await t.until((s) => s.includes('prompt> $DEMO') && s.trimEnd().endsWith('prompt>'));
    t.type('stty -a | grep -c " icanon"\r');
    await t.until((s) => s.includes('\n1\n'));
    t.type('exit\r');
    await t.exit();
  });

  test('Ctrl-Z stops it, fg brings it back', async () => {
    const t = openInShell();
    await t.until('prompt>');
    t.type('$DEMO\r');
    await t.until('39 connections stuck');
    t.type('\x1a');
    await t.until((s) => s.includes('Stopped'));
    expect(t.onAlternateScreen()).toBe(false);
    t.type('echo in the $((20+3))rd shell\r');
    await t.until('in the 23rd shell');
    t.type('fg\r');
    await t.until('39 connections stuck');
    expect(t.onAlternateScreen()).toBe(true);
    t.type('j');
    await t.until('▸ ✖ CRIT  SYN flood');
    t.type('q');
    await t.until((s) => s.includes('in the 23rd shell') && s.trimEnd().endsWith('prompt>'));
    t.type('exit\r');
    await t.exit();
  });
});

describe('where the capture comes on stdin', () => {
  test('keys come from the terminal, and a pipe that pauses is read to its end', async () => {
    const fifo = join(dirname(demo), 'capture.fifo');
    execFileSync('mkfifo', [fifo]);
    const t = openInShell({ FIFO: fifo });
    await t.until('prompt>');
    t.type('cat $FIFO | $DEMO --stdin\r');
    const capture = createWriteStream(fifo);
    capture.write('12345');
    await t.until('so far 5 bytes');
    t.type('j');
    await t.until('▸ ✖ CRIT  SYN flood');
    capture.write('67890');
    await t.until('so far 10 bytes');
    // Nothing comes for as long as a key takes: a descriptor that was made non-blocking would answer that with EAGAIN.
    t.type('k');
    await t.until('▸ ✖ CRIT  so far');
    capture.end('abc');
    await t.until('all 13 bytes of the pipe');
    t.type('q');
    await t.until((s) => s.trimEnd().endsWith('prompt>'));
    t.type('exit\r');
    await t.exit();
  });
});

describe('where there is no terminal', () => {
  test('to draw on, or one that cannot place a cursor: the text report', async () => {
    const dumb = open([], { env: { TERM: 'dumb' } });
    expect(await dumb.exit()).toBe(0);
    expect(dumb.text()).toContain('text report');
    const redirected = openInShell();
    await redirected.until('prompt>');
    redirected.type('$DEMO | sed s/^/piped:/; exit\r');
    await redirected.exit();
    expect(redirected.text()).toContain('piped:text report');
    expect(redirected.output).not.toContain('\x1b[?1049h');
  });

  test('to take keys from: the text report', async () => {
    // In a session of its own the program has no controlling terminal, though its output is one.
    const launcher = 'require("child_process").spawn(process.execPath, process.argv.slice(1), { detached: true, stdio: "inherit" })';
    const t = new Terminal(process.execPath, ['-e', launcher, demo, '--stdin']);
    await t.until('text report');
    expect(await t.exit()).toBe(0);
  });
});

const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const incident = fileURLToPath(new URL('../../fixtures/incident.pcap', import.meta.url));

// Needs the built program (`npm run build`).
describe.skipIf(!existsSync(cli))('the program on a real incident', () => {
  test('from the list of connections to the bytes of a packet, and out', async () => {
    const t = new Terminal(process.execPath, [cli, incident], { columns: 120, rows: 40 });
    await t.until('of traffic');
    t.type('c\r\r');
    await t.until('Sequence number');
    expect(t.text()).toMatch(/Findings › All connections .* › #\d+/);
    t.type('q');
    expect(await t.exit()).toBe(0);
    expect(t.onAlternateScreen()).toBe(false);
  });
});
