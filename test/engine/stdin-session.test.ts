/**
 * A capture that comes through a pipe, as from `tcpdump -w - | tcpdiag -`: what has passed can be looked at again, and leaving does
 * not wait for the other end of the pipe. In a child process, because only one reader can have standard input.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scriptCapture } from '../support/script.ts';

const folder = mkdtempSync(join(tmpdir(), 'stdin-test-'));
const temporary = mkdtempSync(join(folder, 'tmp-'));
const child = join(folder, 'child.mjs');

/** Reads commands that cannot come through standard input from its arguments: prints one line of JSON per step, then leaves. */
const CHILD = `
import { pathToFileURL } from 'node:url';
import { remoteSession } from './remote.ts';
import { localSession } from './session.ts';
const [where, packets] = process.argv.slice(2);
const session = where === 'worker' ? remoteSession(['-'], {}, pathToFileURL(${JSON.stringify(join(folder, 'worker.mjs'))})) : localSession(['-'], {});
const say = (what) => process.stdout.write(JSON.stringify(what) + '\\n');
await new Promise((enough) => {
  const look = () => session.snapshot().progress.packets >= Number(packets) && enough();
  session.subscribe(look);
  look();
});
say({ phase: session.snapshot().progress.phase });
const ladder = await session.ask('ladder', { connection: 0 });
say({ frames: ladder.rows.map((row) => row.frame) });
const packet = await session.ask('packet', { frame: 2 });
say({ frame: packet.frame, bytes: packet.bytes.length });
await session.close();
say({ closed: true });
`;

const capture = scriptCapture('+0 > S 0:0(0)\n+.01 < S. 0:0(0) ack 1\n+.01 > . 1:1(0) ack 1');

beforeAll(async () => {
  const engine = join(import.meta.dirname, '../../src/engine');
  const settings = { bundle: true, format: 'esm', platform: 'node', target: 'node20.19', logLevel: 'warning' } as const;
  await build({ ...settings, stdin: { contents: CHILD, resolveDir: engine, loader: 'ts' }, outfile: child });
  await build({ ...settings, entryPoints: [join(engine, 'worker.ts')], outfile: join(folder, 'worker.mjs') });
});
afterAll(() => rmSync(folder, { recursive: true }));

function start(where: string): { process: ChildProcess; lines: AsyncIterator<string>; exited: Promise<unknown> } {
  const started = spawn(process.execPath, [child, where, '3'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: temporary },
  });
  const lines = createInterface({ input: started.stdout })[Symbol.asyncIterator]();
  return { process: started, lines, exited: new Promise((resolve) => started.once('exit', (code, signal) => resolve(signal ?? code))) };
}

describe.each(['thread', 'worker'])('standard input, read in this %s', (where) => {
  test('what has come so far can be looked at again while the pipe is open, and leaving does not wait for it', async () => {
    const { process: running, lines, exited } = start(where);
    running.stdin!.write(capture);
    const said: unknown[] = [];
    for (let i = 0; i < 4; i++) said.push(JSON.parse((await lines.next()).value as string));
    expect(said).toEqual([{ phase: 'reading' }, { frames: [1, 2, 3] }, { frame: 2, bytes: 54 }, { closed: true }]);
    expect(await exited).toBe(0);
    running.stdin!.destroy();
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('and after the pipe has ended', async () => {
    const { process: running, lines, exited } = start(where);
    running.stdin!.end(capture);
    const said: unknown[] = [];
    for (let i = 0; i < 4; i++) said.push(JSON.parse((await lines.next()).value as string));
    expect(said.slice(1)).toEqual([{ frames: [1, 2, 3] }, { frame: 2, bytes: 54 }, { closed: true }]);
    expect(await exited).toBe(0);
  });

  test.runIf(process.platform === 'linux')('the copy is gone even when the program is killed', async () => {
    const { process: running, lines, exited } = start(where);
    running.stdin!.write(capture);
    await lines.next();
    running.kill('SIGKILL');
    expect(await exited).toBe('SIGKILL');
    expect(readdirSync(temporary)).toEqual([]);
  });
});
