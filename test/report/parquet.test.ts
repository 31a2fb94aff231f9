/** Parquet, read back by another library (hyparquet), holds what the lines of ndjson hold. */
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { describe, expect, test } from 'vitest';
import { analyse } from '../../src/engine/analyse.ts';
import type { ConnectionRow, SocketRow } from '../../src/model/report.ts';
import { connectionFormats, stateFormats } from '../../src/report/index.ts';
import { connectionParquet, socketParquet } from '../../src/report/parquet.ts';
import { tcpdiag } from '../support/fake-world.ts';

const fixture = (name: string): string => new URL(`../../fixtures/${name}`, import.meta.url).pathname;

async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<ArrayBuffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  const bytes = Buffer.concat(all);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

/** Nanoseconds as the rows spell them. */
const spelled = (time: bigint): string => {
  const rest = time % 1_000_000_000n;
  return `${new Date(Number((time - rest) / 1_000_000n)).toISOString().slice(0, -5)}.${String(rest).padStart(9, '0')}Z`;
};
const parsers = { timestampFromNanoseconds: (time: bigint) => spelled(time) };

/** Keys without a value are left out of rows, and null in a table; 64 bits are a number there. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([, v]) => v !== null && v !== undefined);
  return Object.fromEntries(members.map(([key, v]) => [key, plain(v)]));
}

const readBack = async (file: ArrayBuffer): Promise<unknown[]> => {
  const rows: unknown[] = await parquetReadObjects({ file, parsers: parsers });
  return rows.map(plain);
};

describe.each(['incident.pcap', 'forwarding_any.pcap', 'duplicated_packets.pcap', 'midstream_capture.pcapng'])('%s', (name) => {
  test('connections', async () => {
    const rows: readonly ConnectionRow[] = [...(await analyse([fixture(name)])).connections()];
    expect(rows.length).toBeGreaterThan(0);
    expect(await readBack(await bytesOf(connectionParquet(rows)))).toEqual(rows.map(plain));
  });

  test('sockets', async () => {
    const rows: readonly SocketRow[] = [...(await analyse([fixture(name)])).sockets()];
    expect(await readBack(await bytesOf(socketParquet(rows)))).toEqual(rows.map(plain));
  });
});

test('no connection is a file with columns and without rows', async () => {
  const file = await bytesOf(connectionParquet([]));
  expect(parquetMetadata(file)).toMatchObject({ num_rows: 0n });
  expect(await readBack(file)).toEqual([]);
});

test('rows are packed in groups, not at once', async () => {
  const [row] = (await analyse([fixture('broken_pipe.pcap')])).connections();
  if (row === undefined) throw new Error('the fixture has a connection');
  let asked = 0;
  function* many(): Generator<ConnectionRow> {
    for (let id = 0; id < 40_000; id++) {
      asked = id + 1;
      yield { ...row!, id };
    }
  }
  const pieces = connectionParquet(many());
  await pieces.next();
  expect(asked).toBeLessThan(20_000);
  const file = await bytesOf(connectionParquet(many()));
  const { row_groups } = parquetMetadata(file);
  expect(row_groups.map(({ num_rows }) => Number(num_rows))).toEqual([16_384, 16_384, 7_232]);
});

test('a time that 64 bits do not hold is null', async () => {
  const [row] = (await analyse([fixture('broken_pipe.pcap')])).connections();
  const far = { ...row!, start: '2300-01-01T00:00:00.000000000Z', end: '2261-12-31T23:59:59.999999999Z' };
  expect(await readBack(await bytesOf(connectionParquet([far])))).toEqual([plain({ ...far, start: null })]);
});

test('is refused on a terminal, before the capture is read', async () => {
  for (const argv of [
    ['connections', fixture('incident.pcap'), '-f', 'parquet'],
    ['states', fixture('incident.pcap'), '-f', 'parquet'],
  ]) {
    const { exitCode, err, asked } = await tcpdiag(argv, { stdoutTty: true });
    expect({ exitCode, asked }).toEqual({ exitCode: 2, asked: [] });
    expect(err).toBe('tcpdiag: parquet is nothing to look at: -o FILE.parquet writes it to a file.\n');
  }
  expect([connectionFormats.binary, stateFormats.binary]).toEqual([['parquet'], ['parquet']]);
});
