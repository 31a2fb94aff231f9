/** Unpacking on a thread of its own: the same octets, the same sentences, and nothing left behind. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packingOf } from '../../src/capture/unpack/index.ts';
import { inThread } from '../../src/capture/unpack/thread.ts';
import { chunksOf, join } from '../support/capture-bytes.ts';
import { CAPTURE, PACKED, ZEROS } from '../support/packed.ts';

const folder = mkdtempSync(joinPath(tmpdir(), 'tcpdiag-unpacker-'));
const program = pathToFileURL(joinPath(folder, 'unpacker.mjs'));

beforeAll(async () => {
  await build({
    entryPoints: [new URL('../../src/capture/unpack/unpacker.ts', import.meta.url).pathname],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: program.pathname,
    logLevel: 'silent',
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

async function* given(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

async function all(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const piece of pieces) parts.push(piece);
  return join(...parts);
}

describe.each(Object.entries(PACKED))('%s', (_by, bytes) => {
  const { name } = packingOf(bytes)!;

  test('unpacks to what was packed', async () => {
    expect(Buffer.from(await all(inThread(program, name, given(chunksOf(bytes, 100))))).equals(CAPTURE)).toBe(true);
  });

  test('cut: what was before, then the sentence', async () => {
    let octets = 0;
    const cut = (async () => {
      for await (const piece of inThread(program, name, given(chunksOf(bytes.subarray(0, -1), 100)))) octets += piece.length;
    })();
    await expect(cut).rejects.toThrow(`the ${name} data is cut short`);
    expect(octets).toBeGreaterThan(0);
  });
});

test('a bomb waits until it is asked for, and is dropped when nobody does', async () => {
  let given = 0;
  const bombs = (async function* () {
    for (; given < 1000; given++) yield await Promise.resolve(ZEROS.zstd!);
  })();
  for await (const piece of inThread(program, 'zstd', bombs)) {
    expect(piece.length).toBeLessThanOrEqual(2 ** 20);
    break;
  }
  expect(given).toBeLessThan(20);
});

test('what the source throws is thrown, as it is', async () => {
  const failing = (async function* () {
    yield await Promise.resolve(PACKED['bzip2 -1']!.subarray(0, 50));
    throw new RangeError('the disk is gone');
  })();
  await expect(all(inThread(program, 'bzip2', failing))).rejects.toThrow(RangeError);
});
