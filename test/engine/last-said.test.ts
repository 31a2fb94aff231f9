/**
 * What the connections of a finding had said last: read a second time, grouped, and an open transaction among the causes. The messages
 * are MySQL's and TLS's as their documents lay them out (test/decode/application.test.ts has every protocol).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { analyse } from '../../src/engine/analyse.ts';
import { Analyzer } from '../../src/engine/analyzer.ts';
import type { AnalysisOptions } from '../../src/engine/analysis.ts';
import { completed } from '../../src/engine/complete.ts';
import { SecondPass } from '../../src/engine/second-pass.ts';
import { readStream } from '../../src/capture/index.ts';
import { TcpdiagError } from '../../src/model/errors.ts';
import type { Finding } from '../../src/model/finding.ts';
import { wordsText } from '../../src/report/narrate.ts';
import { pcapOf, type ScriptedFrame } from '../support/script.ts';
import { connections, handshake, lateExchange, merged } from '../support/traffic.ts';

const folder = mkdtempSync(join(tmpdir(), 'last-said-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Octets as characters: header (length, sequence number), then the body. */
const packet = (sequence: number, body: string): string => String.fromCharCode(body.length & 255, body.length >> 8, 0, sequence) + body;
const query = (sql: string): string => packet(0, `\u0003${sql}`);
/** OK with SERVER_STATUS_AUTOCOMMIT, or with SERVER_STATUS_IN_TRANS too. */
const OK = packet(1, '\0\0\0\u0002\0\0\0');
const OK_IN_TRANSACTION = packet(1, '\0\0\0\u0003\0\0\0');

/** The client asks, the server answers, closes after 5 s, and the client never does. */
const leak = (asked: string, answered: string, begin = ''): string => {
  const [a, b] = [1 + begin.length, 1 + begin.length + asked.length];
  const end = 1 + answered.length;
  const first = begin === '' ? '' : `+.001 > P. 1:${String(a)}(${String(begin.length)}) ack 1\n`;
  return `${handshake(0)}
  ${first}+.001 > P. ${String(a)}:${String(b)}(${String(asked.length)}) ack 1
  +.001 < P. 1:${String(end)}(${String(answered.length)}) ack ${String(b)}
  +.001 > .  ${String(b)}:${String(b)}(0) ack ${String(end)}
  +5    < F. ${String(end)}:${String(end)}(0) ack ${String(b)}
  +.001 > .  ${String(b)}:${String(b)}(0) ack ${String(end + 1)}`;
};

const lock = (i: number): string => query(`SELECT * FROM orders WHERE id = ${String(i)} FOR UPDATE`);
const PING = packet(0, '\u000e');

/** Fourteen that hold a row and two that were asked whether they live. */
const pool = merged(
  connections(
    16,
    (i) => (i < 14 ? leak(lock(i), OK_IN_TRANSACTION) : leak(PING, OK)),
    (i) => ({ serverPort: 3306, clientText: i < 14 ? lock(i) : PING, serverText: i < 14 ? OK_IN_TRANSACTION : OK }),
  ),
  lateExchange(80),
);

async function findingOf(frames: readonly ScriptedFrame[] | Uint8Array, rule: string, options: AnalysisOptions = {}): Promise<Finding> {
  const path = join(folder, 'capture.pcap');
  writeFileSync(path, frames instanceof Uint8Array ? frames : pcapOf(frames));
  const { report } = await analyse([path], options);
  const finding = report.findings.find((f) => f.rule === rule);
  if (!finding) throw new Error(`no ${rule} among ${report.findings.map((f) => f.id).join(', ')}`);
  return finding;
}

describe('a pool that holds rows', () => {
  test('is grouped by what was said, and the open transaction is the first cause', async () => {
    const { lastSaid, causes } = await findingOf(pool, 'close-wait-stuck');
    expect(lastSaid).toMatchObject({
      connections: 16,
      inTransaction: 14,
      inTransactionProven: 14,
      groups: [
        { side: 'client', protocol: 'MySQL', text: 'SELECT * FROM orders WHERE id = ? FOR UPDATE', count: 14 },
        { side: 'client', protocol: 'MySQL', text: 'ping', count: 2 },
        { side: 'server', protocol: 'MySQL', text: 'OK, in a transaction', count: 14 },
        { side: 'server', protocol: 'MySQL', text: 'OK', count: 2 },
      ],
    });
    // Sixteen SYNs, SYN-ACKs, ACKs come first.
    expect(lastSaid?.lines[0]).toEqual({
      connection: 0,
      side: 'client',
      frame: 49,
      protocol: 'MySQL',
      text: 'SELECT * FROM orders WHERE id = ? FOR UPDATE',
    });
    expect(causes[0]).toMatchObject({ likelihood: 'high' });
    expect(causes[0]?.because).toBe(
      "a transaction was open on 14 of 16 connections (by the server's own status in 14 cases); 14 of 16 clients had last sent `SELECT * FROM orders WHERE id = ? FOR UPDATE`",
    );
  });

  test('--no-payload shows none of it', async () => {
    const finding = await findingOf(pool, 'close-wait-stuck', { payload: false });
    expect(finding).not.toHaveProperty('lastSaid');
    expect(JSON.stringify(finding)).not.toMatch(/orders|transaction/);
  });

  test('a snap length that cuts the payload off is said, and nothing is guessed', async () => {
    // Ethernet 14, IPv4 20, TCP 20 octets: not one of the payload.
    const cut = pcapOf(pool);
    const { lastSaid, causes } = await findingOf(shortened(cut, 54), 'close-wait-stuck');
    expect(lastSaid?.groups[0]).toEqual({ side: 'client', protocol: 'cut', text: 'none of * octets captured', count: 16 });
    expect(lastSaid?.inTransaction).toBe(0);
    expect(JSON.stringify(causes)).not.toContain('transaction');
  });

  test('the ladder says it beside the segment', async () => {
    const path = join(folder, 'ladder.pcap');
    writeFileSync(path, pcapOf(pool));
    const words = async (options: AnalysisOptions): Promise<readonly (string | undefined)[]> => {
      const analysis = await analyse([path], options);
      return (await analysis.ladder(0)).rows.flatMap((row) => (row.frame === null || row.length === 0 ? [] : [row.said?.text]));
    };
    expect(await words({})).toEqual(['SELECT * FROM orders WHERE id = ? FOR UPDATE', 'OK, in a transaction']);
    expect(await words({ payload: false })).toEqual([undefined, undefined]);
  });
});

test('a second request behind the first is what was said last', async () => {
  const [begin, insert] = [query('BEGIN'), query("INSERT INTO t VALUES ('x')")];
  const frames = merged(
    connections(
      5,
      () => leak(insert, OK, begin),
      () => ({ serverPort: 3306, clientText: begin + insert, serverText: OK }),
    ),
    lateExchange(80),
  );
  const { lastSaid } = await findingOf(frames, 'close-wait-stuck');
  expect(lastSaid?.groups[0]?.text).toBe('INSERT INTO t VALUES (?)');
});

test('a committed transaction is no cause', async () => {
  const frames = merged(
    connections(
      5,
      () => leak(query('COMMIT'), OK),
      () => ({ serverPort: 3306, clientText: query('COMMIT'), serverText: OK }),
    ),
    lateExchange(80),
  );
  const { lastSaid, causes } = await findingOf(frames, 'close-wait-stuck');
  expect(lastSaid?.inTransaction).toBe(0);
  expect(JSON.stringify(causes)).not.toContain('transaction was left open');
});

test('what is encrypted says for whom it is', async () => {
  const name = 'shop.example';
  const extension = `\0\0\0${String.fromCharCode(name.length + 5)}\0${String.fromCharCode(name.length + 3)}\0\0${String.fromCharCode(name.length)}${name}`;
  const body = `\u0003\u0003${'r'.repeat(32)}\0\0\u0002\u0013\u0001\u0001\0\0${String.fromCharCode(extension.length)}${extension}`;
  const hello = `\u0016\u0003\u0001\0${String.fromCharCode(body.length + 4)}\u0001\0\0${String.fromCharCode(body.length)}${body}`;
  const data = `\u0017\u0003\u0003\0\u0010${'x'.repeat(16)}`;
  const frames = merged(
    connections(
      5,
      () => leak(data, data, hello),
      () => ({ serverPort: 8443, clientText: hello + data, serverText: data }),
    ),
    lateExchange(80),
  );
  const { lastSaid } = await findingOf(frames, 'close-wait-stuck');
  expect(lastSaid?.groups.map(({ text }) => text)).toEqual([`application data, SNI ${name}`, `application data, SNI ${name}`]);
});

test('a capture that cannot be read again costs what was said, and nothing else', async () => {
  const analyzer = new Analyzer({});
  const facts = await readStream([pcapOf(pool)], { record: (record) => analyzer.record(record, 0) });
  const report = analyzer.finish([facts]);
  const gone = new SecondPass(() => Promise.reject(new TcpdiagError('the stream is too long to go back to')), new AbortController().signal);
  const { findings, capture } = await completed(report, analyzer, gone);
  expect(findings).toEqual(report.findings);
  expect(capture.caveats.at(-1)).toEqual({
    code: 'not-read-again',
    text: 'what the connections said last is not shown: the stream is too long to go back to',
    count: 1,
  });
});

test('where no finding asks, the capture is not read again', async () => {
  const analyzer = new Analyzer({});
  const facts = await readStream([pcapOf(lateExchange(0))], { record: (record) => analyzer.record(record, 0) });
  const report = analyzer.finish([facts]);
  const never = new SecondPass(() => Promise.reject(new Error('read again')), new AbortController().signal);
  expect(await completed(report, analyzer, never)).toBe(report);
});

test.each<[string, string, string, number]>([
  // What tshark's MySQL and HTTP dissectors show as the last command of these connections; slow_server: of the slowest answers.
  ['close_wait_leak.pcap', 'close-wait-stuck', '`SELECT name FROM users WHERE id=?` (MySQL)', 39],
  ['broken_pipe.pcap', 'broken-pipe', '`GET /2` (HTTP)', 8],
  ['slow_server.pcap.gz', 'slow-response', '`GET /report/*` (HTTP)', 10],
  ['slowloris.pcap.gz', 'slowloris', '`GET /?*` (HTTP)', 45],
])('%s: %s', async (name, rule, words, count) => {
  const { report } = await analyse([new URL(`../../fixtures/${name}`, import.meta.url).pathname]);
  const groups = report.findings.find((f) => f.rule === rule)?.lastSaid?.groups ?? [];
  expect(groups.filter(({ side }) => side === 'client').map((g) => [wordsText(g), g.count])).toContainEqual([words, count]);
});

/** The records of a little-endian pcap cut to `snap` octets. */
function shortened(bytes: Uint8Array, snap: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const parts: Uint8Array[] = [bytes.subarray(0, 24)];
  for (let at = 24; at < bytes.length;) {
    const length = view.getUint32(at + 8, true);
    const record = bytes.slice(at, at + 16 + Math.min(snap, length));
    new DataView(record.buffer).setUint32(8, Math.min(snap, length), true);
    parts.push(record);
    at += 16 + length;
  }
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
