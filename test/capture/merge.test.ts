import { describe, expect, test } from 'vitest';
import { type CaptureSink, readStream, readStreams } from '../../src/capture/index.ts';
import { chunksOf, noise, pcapFile, pcapngFile, section } from '../support/capture-bytes.ts';

const at = (...seconds: number[]): Uint8Array => pcapFile({}, seconds.map((s) => ({ seconds: s, bytes: noise(60) }))); // prettier-ignore

/** `file:second` of every record, in the order in which several files of these bytes are read. */
async function order(files: readonly Uint8Array[], chunkSize = 10_000): Promise<string[]> {
  const seen: string[] = [];
  await readStreams(
    files.map((bytes, i) => ({ chunks: chunksOf(bytes, chunkSize), name: `file ${i}` })),
    { record: (record, file) => seen.push(`${file}:${record.seconds}`) > 0 },
  );
  return seen;
}

describe('several files are one capture in time order', () => {
  test.each([10_000, 64, 1])('in chunks of %i bytes', async (chunkSize) => {
    expect(await order([at(1, 4, 9), at(2, 3, 10, 11), at(5)], chunkSize)).toEqual([
      '0:1',
      '1:2',
      '1:3',
      '0:4',
      '2:5',
      '0:9',
      '1:10',
      '1:11',
    ]);
  });

  test('at the same time, the file named first goes first', async () => {
    expect(await order([at(5, 5), at(1, 5, 5), at(5)])).toEqual(['1:1', '0:5', '0:5', '1:5', '1:5', '2:5']);
  });

  test('nanoseconds decide where seconds do not, across formats', async () => {
    const s = section();
    const ng = pcapngFile([s.header(), s.interface(1, 0, [[9, Uint8Array.of(9)]]), s.packet(0, 7_000_000_999n, noise(60))]);
    const micro = pcapFile({}, [0, 1].map((fraction) => ({ seconds: 0, fraction: 7_000_000 + fraction, bytes: noise(60) }))); // prettier-ignore
    const seen: string[] = [];
    await readStreams(
      [
        { chunks: [ng], name: 'a' },
        { chunks: [micro], name: 'b' },
      ],
      { record: (record, file) => seen.push(`${file}:${record.nanos}`) > 0 },
    );
    expect(seen).toEqual(['1:0', '0:999', '1:1000']);
  });

  test('a file whose own clock steps back keeps its own order', async () => {
    expect(await order([at(10, 3, 12), at(4, 11)])).toEqual(['1:4', '0:10', '0:3', '1:11', '0:12']);
  });

  test('an empty file and a damaged one do not stop the others', async () => {
    expect(await order([at(), at(1, 2).slice(0, -1), at(3)])).toEqual(['1:1', '2:3']);
  });

  test('files named in the wrong order', async () => {
    expect(await order([at(7, 8, 9), at(4, 5, 6), at(1, 2, 3)])).toEqual(['2:1', '2:2', '2:3', '1:4', '1:5', '1:6', '0:7', '0:8', '0:9']);
  });
});

describe('ending early', () => {
  const count = (limit: number): CaptureSink & { seen: number } => {
    const sink = { seen: 0, record: () => ++sink.seen < limit };
    return sink;
  };

  test('the sink says that it has enough', async () => {
    const sink = count(2);
    const facts = await readStream([at(1, 2, 3)], sink);
    expect(sink.seen).toBe(2);
    expect(facts).toMatchObject({ packets: 2, complete: false, damage: null });
  });

  test('a signal ends the reading between chunks, and what came so far is told', async () => {
    const controller = new AbortController();
    const bytes = at(...Array.from({ length: 100 }, (_, i) => i));
    const sink: CaptureSink = {
      record: () => true,
      chunk: (octets) => {
        if (octets >= 1000) controller.abort();
      },
    };
    const facts = await readStream(chunksOf(bytes, 100), sink, { signal: controller.signal });
    expect(facts).toMatchObject({ complete: false, damage: null, bytes: 1000 });
    expect(facts.packets).toBe(Math.floor((1000 - 24) / 76));
  });

  test('progress is told after each chunk, and reading waits for the one who is told', async () => {
    const steps: string[] = [];
    await readStream(chunksOf(at(1, 2, 3), 100), {
      record: ({ seconds }) => steps.push(`record ${seconds}`) > 0,
      chunk: async (read, total) => {
        await Promise.resolve();
        steps.push(`${read} of ${total}`);
      },
    });
    expect(steps).toEqual(['record 1', '100 of null', 'record 2', '200 of null', 'record 3', '252 of null']);
  });
});
