/** The conn.log, the lines and the Parquet file of the same capture, read by what people read them with: zeek-cut and DuckDB. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { analyse } from '../../src/engine/analyse.ts';
import type { ConnectionRow } from '../../src/model/report.ts';
import { connLog } from '../../src/report/conn-log.ts';
import { ndjsonRows } from '../../src/report/ndjson.ts';
import { connectionParquet } from '../../src/report/parquet.ts';
import { zeekCut } from '../support/zeek-cut.ts';

const FIXTURES = ['incident.pcap', 'midstream_capture.pcapng', 'forwarding_any.pcap'];
const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-conn-log-'));
afterAll(() => rmSync(folder, { recursive: true }));

const captures = new Map<string, { readonly rows: readonly ConnectionRow[]; readonly log: string }>();
beforeAll(async () => {
  for (const name of FIXTURES) {
    const rows = [...(await analyse([new URL(`../../fixtures/${name}`, import.meta.url).pathname])).connections()];
    captures.set(name, { rows, log: [...connLog(rows)].join('') });
  }
}, 60_000);

describe.each(FIXTURES)('zeek-cut of %s', (name) => {
  test('gives the columns that are asked for, in that order', () => {
    const { rows, log } = captures.get(name)!;
    expect(zeekCut(log, ['id.resp_p', 'id.orig_h', 'conn_state'])).toEqual(
      rows.map(({ client, server, connState }) => [String(server.port), client.ip, connState]),
    );
  });

  test('gives an empty cell for a column that no conn.log has, and every column where none is named', () => {
    const { rows, log } = captures.get(name)!;
    expect(zeekCut(log, ['no_such', 'proto'])).toEqual(rows.map(() => ['', 'tcp']));
    expect(new Set(zeekCut(log).map((cells) => cells.length))).toEqual(new Set([21]));
  });

  test('knows which column is a time: -u spells when each connection began', () => {
    const { rows, log } = captures.get(name)!;
    expect(zeekCut(log, ['ts', 'duration'], { utc: true }).map(([ts]) => ts)).toEqual(rows.map(({ start }) => start.slice(0, 19)));
  });

  test('never takes a row for a header, nor a header for a row', () => {
    const { rows, log } = captures.get(name)!;
    const uids = zeekCut(log, ['uid']);
    expect(uids).toHaveLength(rows.length);
    for (const [uid] of uids) expect(uid).toMatch(/^C[0-9A-Za-z]{17}$/);
  });
});

test('zeek-cut reads logs that were put one behind the other', () => {
  const [a, b] = FIXTURES.map((name) => captures.get(name)!);
  expect(zeekCut(a!.log + b!.log, ['uid'])).toEqual([...zeekCut(a!.log, ['uid']), ...zeekCut(b!.log, ['uid'])]);
});

/** What a Python program prints as JSON; null: there is no Python, or it has no DuckDB. */
function python(program: string): unknown {
  const { status, stdout, stderr } = spawnSync('python3', ['-c', `import duckdb, json\n${program}`], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}
const hasDuckDb = spawnSync('python3', ['-c', 'import duckdb']).status === 0;

describe.skipIf(!hasDuckDb)(`DuckDB${hasDuckDb ? '' : ' (python3 has no duckdb here, so it is not asked)'}`, () => {
  test.each(FIXTURES)('reads the conn.log of %s with its types, and what is unset as null', { timeout: 60_000 }, (name) => {
    const { rows, log } = captures.get(name)!;
    writeFileSync(join(folder, 'conn.log'), log);
    const read = python(`
names = next(line for line in open('conn.log') if line.startswith('#fields')).rstrip('\\n').split('\\t')[1:]
log = duckdb.sql("select * from read_csv('conn.log', delim='\\t', header=false, comment='#', nullstr='-', quote='', escape='', names=$names)",
  params={'names': names})
print(json.dumps(duckdb.sql('select "id.orig_h", "id.orig_p", ts, duration, missed_bytes, history, service, resp_ip_bytes from log').fetchall()))`);
    const micros = (time: string): number => Number(`${String(Date.parse(`${time.slice(0, 19)}Z`) / 1000)}.${time.slice(20, 26)}`);
    expect((read as unknown[][]).map((row) => row.filter((_, i) => i !== 3))).toEqual(
      rows.map((c) => [
        c.client.ip,
        c.client.port,
        micros(c.start),
        c.client.missedBytes + c.server.missedBytes,
        c.history === '' ? null : c.history,
        null,
        c.server.ipBytes,
      ]),
    );
    // Zeek has no duration where no time passed.
    for (const [i, row] of (read as unknown[][]).entries()) if (rows[i]!.duration === 0) expect(row[3]).toBeNull();
  });

  test.each(FIXTURES)('finds in the Parquet file of %s what the lines hold, row by row', { timeout: 60_000 }, async (name) => {
    const { rows } = captures.get(name)!;
    writeFileSync(join(folder, 'c.ndjson'), [...ndjsonRows(rows)].join(''));
    const pieces: Uint8Array[] = [];
    for await (const piece of connectionParquet(rows)) pieces.push(piece);
    writeFileSync(join(folder, 'c.parquet'), Buffer.concat(pieces));
    // Where a key is null in every line, DuckDB has nothing to guess its type from; and its time with a zone has microseconds.
    const columns = `id, client.ip, client.port, client.state, client."packets", client.ipBytes, server.ip, server.port, server.state, server.payloadBytes,
      basis, rolesFrom, "start"::timestamp, "end"::timestamp, duration, connectSeconds::double, outcome, closedBy::varchar, connState, history, completeness,
      len(transitions), len(findings)`;
    const all = python(`
lines, table = ["select ${columns.replaceAll('\n', ' ').replaceAll('"', '\\"')} from '" + name + "'" for name in ['c.ndjson', 'c.parquet']]
count = lambda sql: duckdb.sql('select count(*) from (' + sql + ')').fetchone()[0]
print(json.dumps([count(lines), count(table), count(lines + ' except ' + table), count(table + ' except ' + lines)]))`);
    expect(all).toEqual([rows.length, rows.length, 0, 0]);
  });
});
