/** `connections -f zeek`. Zeek's format: its ASCII writer (Ascii.cc); field names and types: scripts/base/protocols/conn/main.zeek. */
import { describe, expect, test } from 'vitest';
import { analyse } from '../../src/engine/analyse.ts';
import type { ConnectionRow } from '../../src/model/report.ts';
import { connLog } from '../../src/report/conn-log.ts';
import { connectionRow } from '../engine/rows.ts';

/** A reader of Zeek's TSV as zeek-cut is one: everything it knows, it has from the header. */
function readLog(text: string): { header: Map<string, string[]>; rows: Record<string, string>[] } {
  const lines = text.split('\n');
  expect(lines.pop()).toBe('');
  const separator = String.fromCharCode(Number.parseInt(/^#separator \\x([0-9a-f]{2})$/.exec(lines[0]!)![1]!, 16));
  const header = new Map<string, string[]>();
  for (const line of lines.slice(1)) {
    const [name, ...values] = line.split(separator);
    if (name!.startsWith('#')) header.set(name!.slice(1), values);
  }
  const fields = header.get('fields')!;
  const rows = lines
    .filter((l) => !l.startsWith('#'))
    .map((l) => {
      const cells = l.split(separator);
      expect(cells).toHaveLength(fields.length);
      return Object.fromEntries(fields.map((f, i) => [f, cells[i]!]));
    });
  return { header, rows };
}

const logOf = (...rows: ConnectionRow[]): string => [...connLog(rows)].join('');
const one = (facts: Partial<ConnectionRow>): Record<string, string> => readLog(logOf(connectionRow(facts))).rows[0]!;
const blank = connectionRow({});
const START = '2026-11-20T08:33:00.123456789Z';

describe('the header', () => {
  test('is what a reader of Zeek logs needs, in the order in which Zeek writes it', () => {
    const lines = logOf(connectionRow({ start: START, end: '2026-11-20T08:34:05.000000000Z' })).split('\n');
    expect(lines.slice(0, 6)).toEqual([
      '#separator \\x09',
      '#set_separator\t,',
      '#empty_field\t(empty)',
      '#unset_field\t-',
      '#path\tconn',
      '#open\t2026-11-20-08-33-00',
    ]);
    expect(lines[6]).toBe(
      '#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\ttunnel_parents',
    );
    expect(lines[7]).toBe(
      '#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tbool\tbool\tcount\tstring\tcount\tcount\tcount\tcount\tset[string]',
    );
    expect(lines.slice(-2)).toEqual(['#close\t2026-11-20-08-34-05', '']);
  });

  test('closes at the end of the connection that ended last', () => {
    const [long, short] = [connectionRow({ end: '2026-11-20T09:00:00.000000000Z' }), connectionRow({ id: 1 })];
    expect(readLog(logOf(long, short)).header.get('close')).toEqual(['2026-11-20-09-00-00']);
  });

  test('stands without any connection, too', () => {
    const { header, rows } = readLog(logOf());
    expect(rows).toEqual([]);
    expect([header.get('open'), header.get('close')]).toEqual([['-'], ['-']]);
  });
});

describe('a row', () => {
  test('has Zeek units: epoch seconds with six decimals, cut, not rounded up', () => {
    expect(one({ start: START }).ts).toBe('1795163580.123456');
    expect(one({ start: '1969-12-31T23:59:59.500000000Z' }).ts).toBe('-0.500000');
    expect(one({ start: '2106-02-07T06:28:16.000000001Z' }).ts).toBe('4294967296.000000');
    expect(one({ start: '+12345678901234567890.000000000s' }).ts).toBe('-');
  });

  test('says nothing of duration and bytes where no time passed', () => {
    expect(one({ start: START, end: START })).toMatchObject({ duration: '-', orig_bytes: '-', resp_bytes: '-', missed_bytes: '0' });
  });

  test('ends with the segment that closed the second direction, not with the ACK after it', () => {
    const client = { ...blank.client, endSent: '2026-11-20T08:33:07.000000000Z' };
    const server = { ...blank.server, endSent: '2026-11-20T08:33:09.250000000Z' };
    const times = { start: '2026-11-20T08:33:00.000000000Z', end: '2026-11-20T08:33:30.000000000Z' };
    expect(one({ ...times, client, server }).duration).toBe('9.250000');
    expect(one({ ...times, client }).duration).toBe('30.000000');
    expect(one({ ...times, server }).duration).toBe('30.000000');
  });

  test('counts bytes by sequence numbers where a SYN says where they began', () => {
    const client = { ...blank.client, payloadBytes: 300, sequenceBytes: 200 };
    const server = { ...blank.server, payloadBytes: 500, missedBytes: 40, sequenceBytes: null };
    expect(one({ client, server, end: '2026-11-20T08:33:01.000000000Z' })).toMatchObject({
      orig_bytes: '200',
      resp_bytes: '540',
      missed_bytes: '40',
    });
  });

  test('leaves unset what a capture does not say', () => {
    expect(one({})).toMatchObject({ proto: 'tcp', service: '-', local_orig: '-', local_resp: '-', tunnel_parents: '-', history: '-' });
  });

  test('keeps octets above 2^53 of nanoseconds and 2^32 of bytes exact', () => {
    const client = { ...blank.client, ipBytes: 9_000_000_000, sequenceBytes: 8_589_934_593 };
    const years = one({ client, start: '1970-01-01T00:00:00.000000000Z', end: '2030-01-01T00:00:00.000001000Z' });
    expect(years).toMatchObject({ duration: '1893456000.000001', orig_bytes: '8589934593', orig_ip_bytes: '9000000000' });
  });

  test('never breaks its line: separators, controls, the escape and what is not ASCII come as \\xNN', () => {
    const cells = one({ client: { ...blank.client, ip: '10.0.0.1\t\n\\x\u{202e}\u001b[2J' } });
    expect(cells['id.orig_h']).toBe('10.0.0.1\\x09\\x0a\\x5cx\\xe2\\x80\\xae\\x1b[2J');
  });
});

describe('the uid', () => {
  const uids = (...rows: ConnectionRow[]): string[] => readLog(logOf(...rows)).rows.map((r) => r.uid!);

  test('looks like Zeek’s, and is the same for the same connection', () => {
    expect(uids(blank)[0]).toMatch(/^C[0-9A-Za-z]{17}$/);
    expect(uids(blank)).toEqual(uids(connectionRow({})));
  });

  test('differs between connections, also on one tuple, in other VLANs, in other captures', () => {
    const rows = [blank, connectionRow({ id: 1 }), connectionRow({ encapsulation: ['vlan:7'] }), connectionRow({ start: START })];
    expect(new Set(uids(...rows)).size).toBe(4);
  });

  test('is unique among many', () => {
    const rows = Array.from({ length: 5_000 }, (_, id) => connectionRow({ id }));
    expect(new Set(uids(...rows)).size).toBe(5_000);
  });
});

test('one piece of text per row: a log of any length is never held whole', () => {
  const pieces = [...connLog([blank, connectionRow({ id: 1 }), connectionRow({ id: 2 })])];
  expect(pieces.slice(1, 4).map((p) => p.split('\n').length)).toEqual([2, 2, 2]);
});

test('a whole capture: what its name promises', async () => {
  const analysis = await analyse([new URL('../../fixtures/healthy_client_closes.pcap', import.meta.url).pathname]);
  const { rows } = readLog([...connLog(analysis.connections())].join(''));
  expect(rows.length).toBeGreaterThan(0);
  for (const row of rows)
    expect(row).toMatchObject({ conn_state: 'SF', missed_bytes: '0', history: expect.stringMatching(/^ShA.*F.*f/) as string });
});
