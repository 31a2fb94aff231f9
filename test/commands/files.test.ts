/**
 * The real program on a real system: files that are no files, disks that fill up, captures that grow, shrink or vanish while they are
 * read, signals. Whatever happens it is one sentence and 2, nothing that was there is lost, and what was read is told.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Report } from '../../src/model/report.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const built = mkdtempSync(join(tmpdir(), 'tcpdiag-files-built-'));
const cli = join(built, 'cli.js');
const fixture = join(root, 'fixtures', 'close_wait_leak.pcap');
/** capinfos -c */
const PACKETS = 861;

beforeAll(async () => {
  await build({
    entryPoints: [join(root, 'src/cli.ts')],
    outdir: built,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    external: ['pcap-parser', 'ink', 'react'],
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  });
});
afterAll(() => rmSync(built, { recursive: true }));

let folder: string;
let capture: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tcpdiag-files-'));
  capture = join(folder, 'a.pcap');
  copyFileSync(fixture, capture);
});
afterEach(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

interface Around {
  readonly stdout?: number;
  readonly stdin?: number;
  /** Called with the running program, whose standard input is a pipe then. */
  readonly during?: (child: ReturnType<typeof spawn>) => void;
}

const program = (words: readonly string[], { stdout, stdin, during }: Around = {}): Promise<Ended> =>
  new Promise((resolve) => {
    const stdio = [stdin ?? (during ? 'pipe' : 'ignore'), stdout ?? 'pipe', 'pipe'] as const;
    const child = spawn(process.execPath, [cli, ...words], { stdio: [...stdio], cwd: folder });
    let [out, err] = ['', ''];
    child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.stdin?.on('error', () => undefined);
    child.on('close', (status) => resolve({ status, out, err }));
    during?.(child);
  });

/** The program as a shell starts it, with its redirections. */
const shell = (words: string, script = (program: string): string => program): Promise<Ended> =>
  new Promise((resolve) => {
    const child = spawn('bash', ['-c', script(`'${process.execPath}' '${cli}' ${words}`)], { cwd: folder });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.stdin.on('error', () => undefined);
    child.on('close', (status) => resolve({ status, out, err }));
  });

/** One sentence, 2, and nothing where the result would be. */
const refused = (sentence: string): Ended => ({ status: 2, out: '', err: expect.stringContaining(sentence) as string });
const left = (): string[] => readdirSync(folder).sort();

describe('-o', () => {
  test.each([
    ['the capture itself', () => 'a.pcap'],
    ['a link to the capture', () => (symlinkSync('a.pcap', join(folder, 'link')), 'link')],
    ['another name of the same file', () => (linkSync(capture, join(folder, 'hard')), 'hard')],
    ['a way round to it', () => (mkdirSync(join(folder, 'b')), 'b/../a.pcap')],
  ])('%s is never written to', async (_what, make) => {
    expect(await program(['report', 'a.pcap', '-o', make()])).toEqual(refused('is the capture itself'));
    expect(readFileSync(capture).equals(readFileSync(fixture))).toBe(true);
  });

  test.each([
    ['-o names what standard input is read from', 'report - -o b.pcap < b.pcap', '"b.pcap" is the capture itself'],
    ['standard output goes on behind the capture', 'connections b.pcap >> b.pcap', 'standard output is the capture itself'],
    ['the same, as a name', 'report b.pcap -o /dev/stdout >> b.pcap', 'standard output is the capture itself'],
    ['the same, as another', 'report b.pcap -o /proc/self/fd/1 >> b.pcap', 'standard output is the capture itself'],
    ['the same, from standard input', 'report - -f ndjson < b.pcap >> b.pcap', 'standard output is the capture itself'],
    ['another descriptor', 'report b.pcap -o /dev/fd/3 3>> b.pcap', '"/dev/fd/3" is the capture itself'],
  ])('%s: it is never written to', async (_what, words, sentence) => {
    copyFileSync(capture, join(folder, 'b.pcap'));
    expect(await shell(words)).toEqual(refused(sentence));
    expect(readFileSync(join(folder, 'b.pcap')).equals(readFileSync(fixture))).toBe(true);
  });

  test.each(['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1', '-'])('%s that is a file goes on where the shell is in it', async (name) => {
    await shell(`connections a.pcap -c 1 -f csv -o ${name}`, (program) => `{ echo before; ${program}; echo after; } > r.txt`);
    expect(readFileSync(join(folder, 'r.txt'), 'utf8')).toMatch(/^before\nid,client\.ip[^]*\nafter\n$/);
  });

  test('another descriptor as well, also of a file that has no name any more', async () => {
    const { out } = await shell(
      'connections a.pcap -c 1 -f csv -o /dev/fd/3',
      (program) => `exec 3> r.txt; exec 4< r.txt; rm r.txt; echo before >&3; ${program}; cat <&4`,
    );
    expect(out).toMatch(/^before\nid,client\.ip/);
  });

  test.runIf(process.getuid?.() !== 0)('an older file that may not be written to is not replaced', async () => {
    writeFileSync(join(folder, 'r.txt'), 'old', { mode: 0o444 });
    expect(await program(['report', 'a.pcap', '-o', 'r.txt'])).toEqual(refused('permission denied'));
    expect(readFileSync(join(folder, 'r.txt'), 'utf8')).toBe('old');
  });

  test.each([
    ['a folder', '.', 'it is a directory'],
    ['below a file', 'a.pcap/r.txt', 'a part of its path is not a folder'],
    ['in a folder that is not there', 'b/r.txt', 'its folder does not exist'],
    ['a name that is too long', 'x'.repeat(300), 'the name is too long'],
  ])('%s is refused in a sentence', async (_what, name, sentence) => {
    expect(await program(['report', 'a.pcap', '-o', name])).toEqual(refused(sentence));
    expect(left()).toEqual(['a.pcap']);
  });

  test('a FIFO is written to, and stays one', async () => {
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    const reader = spawn('cat', [fifo]);
    let read = '';
    reader.stdout.on('data', (chunk: Buffer) => (read += chunk.toString()));
    const over = new Promise((resolve) => reader.on('close', resolve));
    expect((await program(['report', 'a.pcap', '--json', '-o', 'fifo'])).status).toBe(0);
    await over;
    expect((JSON.parse(read) as Report).capture.packets).toBe(PACKETS);
    expect(statSync(fifo).isFIFO()).toBe(true);
  });

  test('/dev/stdout that is a pipe is written to', () => {
    const words = `'${process.execPath}' '${cli}' report a.pcap --json -o /dev/stdout | cat`;
    const out = execFileSync('bash', ['-c', words], { cwd: folder, encoding: 'utf8' });
    expect((JSON.parse(out) as Report).capture.packets).toBe(PACKETS);
  });

  test('a socket is refused', async () => {
    const server = createServer().listen(join(folder, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    expect(await program(['report', 'a.pcap', '-o', 'socket'])).toEqual(refused('cannot write to "socket"'));
    server.close();
  });

  test.runIf(process.getuid?.() !== 0)('a folder that may not be written to is said', async () => {
    mkdirSync(join(folder, 'shut'));
    chmodSync(join(folder, 'shut'), 0o555);
    expect(await program(['report', 'a.pcap', '-o', 'shut/r.txt'])).toEqual(refused('permission denied'));
  });

  test.runIf(existsSync('/dev/full'))('a full disk is said, however much had been written', async () => {
    expect(await program(['connections', 'a.pcap', '-o', '/dev/full'])).toEqual(refused('no space left on the device'));
    expect(left()).toEqual(['a.pcap']);
  });

  /** RLIMIT_FSIZE stands for a disk that fills up in the middle of a write: EFBIG for ENOSPC, after some of it went well. */
  test('a disk that fills up half way: the older file is as it was, and no half one lies beside it', async () => {
    writeFileSync(join(folder, 'r.json'), 'old');
    const words = `trap '' XFSZ; ulimit -f 8; exec '${process.execPath}' '${cli}' connections a.pcap --json -o r.json`;
    const child = spawn('bash', ['-c', words], { cwd: folder });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect({ status, err }).toEqual({ status: 2, err: expect.stringContaining('a file may not be that large here') as string });
    expect(left()).toEqual(['a.pcap', 'r.json']);
    expect(readFileSync(join(folder, 'r.json'), 'utf8')).toBe('old');
  });
});

describe('a capture that is', () => {
  test('a folder', async () => expect(await program(['report', folder])).toEqual(refused('is a directory')));

  test('a link that leads to itself', async () => {
    symlinkSync('loop', join(folder, 'loop'));
    expect(await program(['report', 'loop'])).toEqual(refused('cannot open loop: too many symbolic links'));
  });

  test.runIf(process.platform === 'linux')('a file of a disk that cannot read it', async () =>
    expect(await program(['report', '/proc/self/mem'])).toEqual(refused('cannot read /proc/self/mem: input/output error')),
  );

  test('a socket', async () => {
    const server = createServer().listen(join(folder, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    expect(await program(['report', 'socket'])).toEqual(refused('cannot open socket: it is a socket, or nobody is behind it'));
    server.close();
  });

  test.runIf(process.getuid?.() !== 0)('unreadable', async () => {
    chmodSync(capture, 0);
    expect(await program(['report', 'a.pcap'])).toEqual(refused('permission denied'));
  });

  test('a device without an end of its own kind: zeros and noise are no capture', async () => {
    for (const device of ['/dev/zero', '/dev/urandom']) expect((await program(['report', device])).status).toBe(2);
    expect(await program(['report', '/dev/null'])).toEqual(refused('empty'));
  });

  test('a loop of links, a name too long, a file as a folder', async () => {
    symlinkSync('loop', join(folder, 'loop'));
    expect(await program(['report', 'loop'])).toEqual(refused('loop'));
    expect(await program(['report', 'x'.repeat(300)])).toEqual(refused('the name is too long'));
    expect(await program(['report', 'a.pcap/b.pcap'])).toEqual(refused('there is no file'));
  });

  test('a FIFO: read once, and what was said last comes from the copy', async () => {
    execFileSync('mkfifo', [join(folder, 'fifo')]);
    spawn('cp', [fixture, join(folder, 'fifo')]);
    const { status, out, err } = await program(['report', 'fifo', '--json', '--checksum']);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    const { capture: read, findings } = JSON.parse(out) as Report;
    expect(read.files).toMatchObject([{ packets: PACKETS, sha256: createHash('sha256').update(readFileSync(fixture)).digest('hex') }]);
    expect(findings.some((f) => f.lastSaid !== undefined)).toBe(true);
  });

  test('a FIFO that is read only in part has no checksum, and a document says why', async () => {
    execFileSync('mkfifo', [join(folder, 'part')]);
    spawn('cp', [fixture, join(folder, 'part')]);
    const { status, out } = await program(['report', 'part', '-c', '5', '-f', 'markdown']);
    expect(status).toBe(0);
    expect(out).toMatch(/\| `part` \| pcap \| .* \| 5 \| .* \| not known, since the stream was not read to its end \|/);
  });

  test('two FIFOs, as a shell makes of <(…)', () => {
    const words = `'${process.execPath}' '${cli}' report <(cat a.pcap) <(gzip -c a.pcap) --json -q`;
    const out = execFileSync('bash', ['-c', words], { cwd: folder, encoding: 'utf8' });
    expect((JSON.parse(out) as Report).capture.files).toMatchObject([{ packets: PACKETS }, { packets: PACKETS }]);
  });

  test('standard input that is closed', async () => {
    const child = spawn('bash', ['-c', `exec '${process.execPath}' '${cli}' report - <&-`], { cwd: folder });
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect(status).toBe(2);
  });
});

describe('a capture that changes while it is read', () => {
  const whole = readFileSync(fixture);

  test('grows: read to the end that it has when we get there', async () => {
    writeFileSync(capture, whole.subarray(0, 40_000));
    const { status, out } = await program(['report', 'a.pcap', '--json'], {
      during: () => appendFileSync(capture, whole.subarray(40_000)),
    });
    expect(status).toBe(0);
    const { packets } = (JSON.parse(out) as Report).capture;
    expect(packets).toBeGreaterThan(300);
    expect(packets).toBeLessThanOrEqual(PACKETS);
  });

  test('shrinks or vanishes: what was there is told, or that nothing is', async () => {
    const shrunk = await program(['report', 'a.pcap', '--json'], { during: () => truncateSync(capture, 24) });
    expect(shrunk.status).toBe(0);
    expect((JSON.parse(shrunk.out) as Report).capture.packets).toBeLessThanOrEqual(PACKETS);
  });
});

/** Milliseconds after which a program that was given its input has read it, also on a busy machine; nothing is measured by it. */
const UNDER_WAY_MS = 2_000;

describe('Ctrl-C while it reads', () => {
  /** The pipe stays open, as that of a tcpdump would. */
  const interrupted = (
    words: readonly string[],
    signal: NodeJS.Signals = 'SIGINT',
    feed: Uint8Array = readFileSync(fixture),
  ): Promise<Ended> =>
    program(words, {
      during: (child) => child.stdin?.write(feed, () => setTimeout(() => child.kill(signal), UNDER_WAY_MS)),
    });

  test.each([['report'], ['connections'], ['states'], ['report', '-f', 'ndjson']])(
    'tcpdiag %s tells what was read until then, and says so, 130',
    async (...words) => {
      const { status, out, err } = await interrupted([words[0], '-', ...words.slice(1)]);
      expect({ status, err }).toEqual({ status: 130, err: expect.stringMatching(/reading was interrupted after packet \d+/) as string });
      expect(out).toMatch(words.includes('ndjson') ? /"status":"final"/ : /192\.168\.58\./);
    },
  );

  test('check says so itself', async () => {
    const { status, out } = await interrupted(['check', '-']);
    expect(status).toBe(130);
    expect(out).toMatch(/reading was interrupted after packet \d+/);
  });

  test('a report to a file is complete as a document', async () => {
    writeFileSync(join(folder, 'r.json'), 'old');
    const { status, out } = await interrupted(['report', '-', '--json', '-o', 'r.json']);
    expect({ status, out }).toEqual({ status: 130, out: '' });
    const { capture: read } = JSON.parse(readFileSync(join(folder, 'r.json'), 'utf8')) as Report;
    expect(read.caveats.map((c) => c.code)).toContain('interrupted');
    expect(left()).toEqual(['a.pcap', 'r.json']);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s ends it without a word, %i', async (signal, status) => {
    expect(await interrupted(['report', '-'], signal)).toEqual({ status, out: '', err: '' });
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends it while it waits for somebody to read its result from a FIFO', async (signal) => {
    execFileSync('mkfifo', [join(folder, 'nobody')]);
    const words = ['report', 'a.pcap', '-o', 'nobody'];
    const ended = program(words, { during: (child) => setTimeout(() => child.kill(signal), UNDER_WAY_MS) });
    expect(await ended).toEqual({ status: null, out: '', err: '' }); // by the signal itself
  });

  test.each([['SIGINT', 130] as const, ['SIGTERM', 143] as const])(
    '%s ends it while it waits for somebody to write to a FIFO, %i',
    async (signal, status) => {
      execFileSync('mkfifo', [join(folder, 'nobody')]);
      const ended = program(['report', 'nobody'], { during: (child) => setTimeout(() => child.kill(signal), UNDER_WAY_MS) });
      expect(await ended).toEqual({ status, out: '', err: '' });
    },
  );

  test('a FIFO to which nobody writes yet is waited for', async () => {
    execFileSync('mkfifo', [join(folder, 'late')]);
    const write = (): void => void writeFile(join(folder, 'late'), readFileSync(fixture)).catch(() => undefined);
    const { status, out } = await program(['report', 'late', '-f', 'json'], { during: () => setTimeout(write, UNDER_WAY_MS) });
    expect(status).toBe(0);
    expect((JSON.parse(out) as Report).capture.packets).toBeGreaterThan(0);
  });

  test('before anything came: nothing to tell, 130', async () => {
    expect(await interrupted(['report', '-'], 'SIGINT', new Uint8Array(0))).toEqual({ status: 130, out: '', err: '' });
  });
});
