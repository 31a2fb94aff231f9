/** `report -f ndjson` of a capture that is still coming. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Session, Snapshot } from '../../src/engine/protocol.ts';
import { firstSnapshot } from '../../src/engine/snapshots.ts';
import { UnknownFormatError } from '../../src/model/errors.ts';
import type { Finding } from '../../src/model/finding.ts';
import { LiveLines } from '../../src/report/live-ndjson.ts';
import { incident } from '../support/fake-analysis.ts';
import { tcpdiag } from '../support/fake-world.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-live-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Line {
  readonly type: string;
  readonly status?: string;
  readonly id?: string;
  readonly count?: number;
}
const parsed = (text: string): Line[] =>
  text
    .trimEnd()
    .split('\n')
    .filter((l) => l !== '')
    .map((l) => JSON.parse(l) as Line);
const inShort = (lines: readonly Line[]): string[] =>
  lines.map((l) => [l.type, l.status, l.id, l.count].filter((x) => x !== undefined).join(' '));

const one: Finding = { ...incident.findings[0]!, id: 'a/1', count: 1, connections: [0] };
const two: Finding = { ...one, id: 'b/2' };

describe('the lines', () => {
  const state = (findings: readonly Finding[]) => ({ capture: incident.capture, series: incident.series, findings });
  const told = (lines: LiveLines, findings: readonly Finding[], now: number): string[] =>
    inShort(parsed([...lines.changes(state(findings), now)].join('')));

  test('a finding is told when it opens, when it has changed, at most once a second, and when it is withdrawn', () => {
    const lines = new LiveLines();
    expect(told(lines, [one], 0)).toEqual(['capture open', 'finding open a/1 1']);
    expect([told(lines, [{ ...one }, two], 100), lines.owes]).toEqual([['finding open b/2 1'], true]);
    expect([told(lines, [{ ...one, count: 5 }, two], 900), lines.owes]).toEqual([[], true]);
    expect([told(lines, [{ ...one, count: 5 }, two], 1_000), lines.owes]).toEqual([['finding open a/1 5'], false]);
    expect(told(lines, [two], 1_100)).toEqual(['finding withdrawn a/1 5']);
    expect(told(lines, [two], 9_000)).toEqual([]);
    expect(told(lines, [one, two], 9_100)).toEqual(['finding open a/1 1']);
  });

  test('the report comes last, and what it does not have is withdrawn before', () => {
    const lines = new LiveLines();
    told(lines, [one], 0);
    const final = inShort(parsed([...lines.final(incident)].join('')));
    expect(final.slice(0, 2)).toEqual(['finding withdrawn a/1 1', 'capture final']);
    expect(final.filter((l) => l.startsWith('finding final'))).toHaveLength(incident.findings.length);
  });

  test('nothing before the first packet', () => {
    expect([...new LiveLines().changes({ ...state([]), capture: { ...incident.capture, packets: 0 } }, 0)]).toEqual([]);
  });
});

/** A session whose changes the test makes. */
class ScriptedSession implements Session {
  readonly done: Promise<typeof incident>;
  closed = false;
  finish!: (report: typeof incident) => void;
  fail!: (error: Error) => void;
  #snapshot: Snapshot = firstSnapshot();
  readonly #listeners = new Set<() => void>();
  readonly #play: (session: ScriptedSession) => void;

  /** @param play begins once somebody listens */
  constructor(play: (session: ScriptedSession) => void) {
    this.#play = play;
    this.done = new Promise((resolve, reject) => {
      this.finish = resolve;
      this.fail = reject;
    });
    this.done.catch(() => undefined);
  }
  show(findings: readonly Finding[], phase: Snapshot['progress']['phase'] = 'reading'): void {
    this.#snapshot = { ...this.#snapshot, capture: incident.capture, findings, progress: { ...this.#snapshot.progress, phase } };
    for (const listener of this.#listeners) listener();
  }
  snapshot(): Snapshot {
    return this.#snapshot;
  }
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    setImmediate(() => this.#play(this));
    return () => this.#listeners.delete(listener);
  }
  ask(): Promise<never> {
    return Promise.reject(new Error('nobody asks'));
  }
  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

describe('the command', () => {
  const argv = ['report', '-', '-f', 'ndjson', '-q'];

  test('prints what changes, then the report, and closes the session', async () => {
    const session = new ScriptedSession((it) => {
      it.show([one]);
      setImmediate(() => {
        it.show([]);
        setImmediate(() => it.finish(incident));
      });
    });
    const { out, exitCode } = await tcpdiag([...argv, '--fail-on', 'critical'], { session: () => Promise.resolve(session) });
    const lines = inShort(parsed(out));
    expect(lines.slice(0, 4)).toEqual(['capture open', 'finding open a/1 1', 'finding withdrawn a/1 1', 'capture final']);
    expect({ exitCode, closed: session.closed }).toEqual({ exitCode: 1, closed: true });
  });

  test('what cannot be read is said as ever', async () => {
    const session = new ScriptedSession((it) => {
      it.fail(new UnknownFormatError('standard input is text'));
      it.show([], 'failed');
    });
    const running = tcpdiag(['report', '-f', 'ndjson'], { session: () => Promise.resolve(session), stdin: { isTTY: false } });
    expect(await running).toMatchObject({
      exitCode: 2,
      out: '',
      err: expect.stringContaining('standard input is not one: standard input is text') as string,
    });
    expect(session.closed).toBe(true);
  });

  test('nobody reads any more (| head): quiet, 0, and the session is closed', async () => {
    const session = new ScriptedSession((it) => it.show([one]));
    expect(await tcpdiag(argv, { session: () => Promise.resolve(session), stdoutError: 'EPIPE' })).toMatchObject({ exitCode: 0, err: '' });
    expect(session.closed).toBe(true);
  });

  test('a signal ends it', async () => {
    const interrupt = new AbortController();
    const session = new ScriptedSession(() => interrupt.abort(2));
    expect(await tcpdiag(argv, { session: () => Promise.resolve(session), interrupted: interrupt.signal })).toMatchObject({
      exitCode: 130,
      err: '',
    });
  });

  test.each([[['report', '-', '-f', 'json']], [['report', '-', '-f', 'ndjson', '-o', join(folder, 'x.ndjson')]]])(
    '%j waits for the end: it is one document',
    async (words) => expect((await tcpdiag(words)).asked).toHaveLength(1),
  );
});

describe('through a pipe', () => {
  const cli = join(folder, 'dist', 'cli.js');
  beforeAll(async () => {
    await build({
      entryPoints: [join(root, 'src/cli.ts')],
      outdir: join(folder, 'dist'),
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
      alias: { 'react-devtools-core': join(root, 'src/tui/no-devtools.ts') },
    });
  });

  test('findings are printed before the capture ends, and the end is that of the whole file', async () => {
    const bytes = readFileSync(join(root, 'fixtures/incident.pcap'));
    const half = bytes.length >> 1;
    const child = spawn(process.execPath, [cli, 'report', '-', '-f', 'ndjson', '-q'], { stdio: ['pipe', 'pipe', 'inherit'], cwd: folder });
    let out = '';
    let ended = false;
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (ended || !out.includes('"status":"open","id":"port-scan/')) return;
      ended = true;
      child.stdin.end(bytes.subarray(half));
    });
    child.stdin.write(bytes.subarray(0, half));
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect({ status, ended }).toEqual({ status: 0, ended: true });
    const lines = parsed(out);
    const final = lines.filter((l) => l.type === 'finding' && l.status === 'final').map((l) => l.id);
    const open = new Set<string | undefined>();
    for (const line of lines.filter((l) => l.type === 'finding')) {
      if (line.status === 'open') open.add(line.id);
      if (line.status === 'withdrawn') expect(open.delete(line.id)).toBe(true);
    }
    expect([...open].filter((id) => !final.includes(id))).toEqual([]);
    const whole = spawn(process.execPath, [cli, 'report', join(root, 'fixtures/incident.pcap'), '-f', 'ndjson', '-q'], { cwd: folder });
    let expected = '';
    whole.stdout.on('data', (chunk: Buffer) => (expected += chunk.toString()));
    await new Promise((resolve) => whole.on('close', resolve));
    expect(final).toEqual(parsed(expected).flatMap((l) => (l.type === 'finding' ? [l.id] : [])));
  });
});
