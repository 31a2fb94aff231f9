/**
 * The TUI on a made-up incident, for a look by hand and for the pseudo-terminal tests:
 *   see bundle.ts, then `node demo.mjs [--connections N] [--growing] [--stdin] [--throw]`.
 * Wired as the command line does it: the status becomes the exit status, a fault is one sentence and 70.
 */
import { createReadStream } from 'node:fs';
import type { Finding } from '../../src/model/finding.ts';
import { fakeFindings } from './fake-findings.ts';
import { FakeSession } from './fake-session.ts';
import { canRunTui, runTui } from '../../src/tui/run.tsx';

const flags = process.argv.slice(2);
const numberAfter = (flag: string, otherwise: number): number =>
  flags.includes(flag) ? Number(flags[flags.indexOf(flag) + 1]) : otherwise;

process.on('uncaughtException', (error) => {
  process.stderr.write(`demo: internal fault: ${error.message}\n`);
  process.exit(70);
});

const fromStdin = flags.includes('--stdin');
const keys = fromStdin ? 'tty' : 'stdin';
if (!canRunTui(keys)) {
  process.stdout.write('text report\n');
  process.exit(0);
}
const growing = flags.includes('--growing') || flags.includes('--half') || fromStdin;
const session = new FakeSession({ connections: numberAfter('--connections', 49), reading: growing });
if (fromStdin) {
  // As the worker does it: the descriptor itself, read beside the terminal.
  let bytes = 0;
  const found = (word: string): Finding[] =>
    fakeFindings().map((f, i) => (i === 0 ? { ...f, title: `${word} ${String(bytes)} bytes of the pipe` } : f));
  createReadStream('', { fd: 0, autoClose: false })
    .on('data', (chunk) => {
      bytes += chunk.length;
      session.read(0.5, found('so far'));
    })
    .on('error', (error) => session.fail(error.message))
    .on('end', () => session.read(1, found('all')));
} else if (flags.includes('--half')) {
  session.read(0.5);
} else if (growing) {
  let share = 0;
  const timer = setInterval(() => {
    share = Math.min(1, share + 0.05);
    session.read(share, fakeFindings().slice(0, Math.floor(share * 6)));
    if (share >= 1) clearInterval(timer);
  }, 100);
}
// Ctrl-\, to which the program gives no meaning.
if (flags.includes('--throw-on-key')) process.stdin.on('data', (keys) => { if (String(keys).includes('\x1c')) throw new Error('thrown on purpose'); }); // prettier-ignore
if (flags.includes('--throw')) setTimeout(() => { throw new Error('thrown on purpose'); }, 300); // prettier-ignore
// A finding without a title: types forbid it, and a screen cannot draw it.
if (flags.includes('--break')) setTimeout(() => session.read(1, fakeFindings().map((f) => ({ ...f, title: undefined as unknown as string }))), 300); // prettier-ignore
if (flags.includes('--reject')) setTimeout(() => void Promise.reject(new Error('rejected on purpose')), 300);
process.exitCode = await runTui(session, {
  title: fromStdin ? '(standard input)' : 'incident.pcap',
  keys,
  paths: fromStdin ? ['-'] : ['incident.pcap'],
  settings: { color: !process.env.NO_COLOR, ascii: flags.includes('--ascii'), mouse: true },
});
await session.close();
process.exit();
