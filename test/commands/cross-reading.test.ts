/** The second reader as a process: it answers, or it is ended; the first one comes to no harm. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { crossReadApart } from '../../src/commands/cross-reading.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-cross-'));
const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const script = (name: string, text: string): URL => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return pathToFileURL(path);
};
let program: URL;

beforeAll(async () => {
  const outfile = join(folder, 'cross-reader.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('../../src/commands/cross-reader.ts', import.meta.url))],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
    logLevel: 'warning',
  });
  program = pathToFileURL(outfile);
});
afterAll(() => rmSync(folder, { recursive: true }));

test('every packet of a classic capture is compared', async () => {
  // capinfos -c
  expect(await crossReadApart(fixture('close_wait_leak.pcap'), { program })).toEqual({ verdict: 'agrees', packets: 861, whole: true });
});

test('a capture that no reader knows is not comparable, with the reason', async () => {
  writeFileSync(join(folder, 'text'), 'no capture at all');
  expect(await crossReadApart(join(folder, 'text'), { program })).toMatchObject({ verdict: 'not-comparable' });
  expect(await crossReadApart(fixture('refused.pcapng'), { program })).toMatchObject({ because: 'pcap-parser does not read pcapng' });
});

test('a pipe with a name is not opened: it would wait for ever', async () => {
  execFileSync('mkfifo', [join(folder, 'fifo')]);
  expect(await crossReadApart(join(folder, 'fifo'), { program })).toMatchObject({
    because: expect.stringContaining('only once') as string,
  });
});

test('a reader that does not end is ended', async () => {
  const endless = script('endless.mjs', 'for (;;);');
  const result = await crossReadApart(fixture('refused.pcapng'), { program: endless, seconds: 1 });
  expect(result).toMatchObject({ verdict: 'not-comparable', because: expect.stringContaining('within 1 second') as string });
});

test('a reader that takes all memory dies alone, and without a word on our screen', async () => {
  const greedy = script('greedy.mjs', 'const all = []; for (;;) all.push(Array(1e5).fill({}));');
  const result = await crossReadApart(fixture('refused.pcapng'), { program: greedy });
  expect(result).toMatchObject({ verdict: 'not-comparable', because: expect.stringContaining('broke off') as string });
});

test('an interrupt ends it', async () => {
  const interrupt = new AbortController();
  const endless = script('endless.mjs', 'for (;;);');
  const result = crossReadApart(fixture('refused.pcapng'), { program: endless, signal: interrupt.signal });
  interrupt.abort();
  expect(await result).toMatchObject({ verdict: 'not-comparable' });
});
