import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readCaptures } from '../../src/capture/index.ts';
import { Cursor } from '../../src/capture/cursor.ts';
import { CHUNK, openSource } from '../../src/capture/source.ts';
import { UnreadableError } from '../../src/model/errors.ts';
import { chunksOf, noise, pcapFile } from '../support/capture-bytes.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tcpdiag-source-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

/** Larger than one chunk, so that both buffers are used and used again. */
const records = Array.from({ length: 3000 }, (_, i) => ({ seconds: i, bytes: noise(1000 + (i % 7), i) }));

describe('files', () => {
  test('of several chunks arrive whole', async () => {
    const bytes = pcapFile({}, records);
    const seen: Uint8Array[] = [];
    const told: [number, number | null][] = [];
    const [facts] = await readCaptures([await file('large.pcap', bytes)], {
      record: (r) => seen.push(r.bytes.slice(r.at, r.at + r.capLen)) > 0,
      chunk: (octets, total) => void told.push([octets, total]),
    });
    expect(Buffer.concat(seen).equals(Buffer.concat(records.map((r) => r.bytes)))).toBe(true); // toEqual takes seconds for 3 MB
    expect(facts).toMatchObject({ bytes: bytes.length, packets: 3000, complete: true });
    expect(told.map(([octets]) => octets)).toEqual(
      Array.from({ length: Math.ceil(bytes.length / CHUNK) }, (_, i) => Math.min((i + 1) * CHUNK, bytes.length)),
    );
    expect(told.every(([, total]) => total === bytes.length)).toBe(true);
  });

  test('gzipped without the name saying so: progress counts what lies in the file', async () => {
    const packed = gzipSync(pcapFile({}, records));
    const [facts] = await readCaptures([await file('no-suffix', packed)], { record: () => true });
    expect(facts).toMatchObject({ bytes: packed.length, packets: 3000, compression: 'gzip' });
  });

  test('two of them are merged', async () => {
    const paths = [
      await file('b.pcap', pcapFile({}, [{ seconds: 2 }, { seconds: 4 }])),
      await file('a.pcap', pcapFile({}, [{ seconds: 1 }, { seconds: 3 }])),
    ];
    const seen: string[] = [];
    const facts = await readCaptures(paths, { record: (r, i) => seen.push(`${i}:${r.seconds}`) > 0 });
    expect(seen).toEqual(['1:1', '0:2', '1:3', '0:4']);
    expect(facts.map((f) => f.path)).toEqual(paths);
  });

  test('a chunk stays as it is until the next is asked for, although that is being read already', async () => {
    const source = await openSource(await file('chunks', noise(100)), 30);
    const chunks: number[][] = [];
    for await (const chunk of source.chunks) {
      await new Promise(setImmediate);
      chunks.push([...chunk]);
    }
    await source.close();
    expect(chunks.map((c) => c.length)).toEqual([30, 30, 30, 10]);
    expect(chunks.flat()).toEqual([...noise(100)]);
  });
});

describe('what cannot be read is told in one sentence', () => {
  const failure = async (path: string): Promise<string> => {
    const error: unknown = await readCaptures([path], { record: () => true }).then(
      () => null,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(UnreadableError);
    return (error as UnreadableError).message;
  };

  test.runIf(process.platform === 'linux')('a file that cannot be read from its beginning', async () =>
    expect(await failure('/proc/self/mem')).toBe('cannot read /proc/self/mem: input/output error'),
  );
  test('a link that leads to itself', async () => {
    await symlink('loop', `${folder}/loop`);
    expect(await failure(`${folder}/loop`)).toBe(`cannot open ${folder}/loop: too many symbolic links`);
  });
  test('a missing file', async () => expect(await failure(`${folder}/none.pcap`)).toBe(`cannot open ${folder}/none.pcap: no such file`));
  test('a missing file with a hostile name', async () =>
    expect(await failure('no\u001b[2Jne')).toBe('cannot open no\\x1b[2Jne: no such file'));
  test('a folder', async () => expect(await failure(folder)).toBe(`${folder} is a directory`));
  test('a file as a folder', async () => {
    const path = await file('plain', noise(10));
    expect(await failure(`${path}/x`)).toBe(`cannot open ${path}/x: a part of the path is not a directory`);
  });
  test.skipIf(process.getuid?.() === 0)('a file of somebody else', async () => {
    const path = await file('secret', noise(10));
    await chmod(path, 0);
    expect(await failure(path)).toBe(`cannot open ${path}: permission denied`);
  });
  test('one of several: none is left open', async () => {
    const good = await file('good.pcap', pcapFile({}, []));
    await expect(readCaptures([good, `${folder}/none`, good], { record: () => true })).rejects.toThrow('no such file');
  });
});

describe('pipes', () => {
  /** A named pipe with a writer that sends `bytes` and then ends, or waits to be ended. */
  async function pipe(name: string, bytes: Uint8Array, then: 'ends' | 'waits'): Promise<{ path: string; end: () => void }> {
    const content = await file(`${name}.content`, bytes);
    const path = join(folder, name);
    const script = `mkfifo "$1" && echo made && exec > "$1" && cat "$2" && ${then === 'ends' ? 'exit' : 'exec sleep 60'}`;
    const writer = spawn('sh', ['-c', script, 'sh', path, content], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => writer.stdout.once('data', resolve));
    return { path, end: () => void writer.kill() };
  }

  test('are read to their end; their size is not known', async () => {
    const { path } = await pipe('ends', pcapFile({}, records), 'ends');
    const totals = new Set<number | null>();
    const [facts] = await readCaptures([path], { record: () => true, chunk: (_octets, total) => void totals.add(total) });
    expect(facts).toMatchObject({ packets: 3000, complete: true, damage: null });
    expect([...totals]).toEqual([null]);
  });

  test('a signal ends the waiting for one that is silent, and what came is kept', async () => {
    const { path, end } = await pipe('waits', pcapFile({}, records.slice(0, 5)), 'waits');
    const controller = new AbortController();
    let seen = 0;
    const reading = readCaptures(
      [path],
      {
        record: () => {
          if (++seen === 5) setImmediate(() => controller.abort());
          return true;
        },
      },
      { signal: controller.signal },
    );
    expect(await reading).toMatchObject([{ packets: 5, complete: false, damage: null }]);
    end();
  });
});

test('a disk that fails in the middle: what was read before is the capture, and why it ends is told', async () => {
  const bytes = pcapFile(
    {},
    Array.from({ length: 10 }, (_, i) => ({ seconds: i, bytes: new Uint8Array(60) })),
  );
  const cut = bytes.subarray(0, -30);
  const failure = 'the file could not be read further: input/output error';
  const source = {
    path: 'a.pcap',
    size: bytes.length,
    bytesRead: cut.length,
    failure,
    identity: null,
    chunks: chunksOf(cut, 100),
    close: () => Promise.resolve(),
  };
  const cursor = await Cursor.open(0, { ...source, chunks: given(source.chunks) });
  const flow = { parsed: () => undefined, stopped: () => false };
  while (await cursor.refill(flow)) {
    do cursor.count();
    while (cursor.reader.next(cursor.record));
  }
  const { packets, damage, warnings } = cursor.facts(false);
  expect(packets).toBe(9);
  expect(damage?.what).toBe('packet 10 is cut short: only 30 bytes of its frame');
  expect(warnings).toEqual([failure]);
});

async function* given(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}
