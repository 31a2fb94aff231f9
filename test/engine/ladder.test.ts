import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CaptureSink, readStream } from '../../src/capture/index.ts';
import { Decoder } from '../../src/decode/index.ts';
import { analyse } from '../../src/engine/analyse.ts';
import { type Extent, KEPT_SEGMENTS, composeLadder, evidenceOf, readSegments } from '../../src/engine/ladder.ts';
import type { Ladder, LadderRow, LadderSegment } from '../../src/engine/protocol.ts';
import { SecondPass } from '../../src/engine/second-pass.ts';
import type { Evidence } from '../../src/model/finding.ts';
import type { ConnectionRow, TransitionRow } from '../../src/model/report.ts';
import { concat } from '../support/frames.ts';
import { type ScriptOptions, pcapOf, scriptFrames } from '../support/script.ts';
import { connectionRow } from './rows.ts';
import type { StateName } from '../../src/model/state.ts';

const time = (seconds: string): string => `2026-11-20T08:33:${seconds}Z`;

/** The ladder of a capture whose frames are given, for a row that the tracker would have made. */
async function ladderOf(capture: Uint8Array, row: Partial<ConnectionRow>, extent: Extent = {}): Promise<Ladder> {
  const pass = new SecondPass((sink: CaptureSink) => readStream([capture], sink), new AbortController().signal);
  const full = connectionRow({ lastFrame: 1_000_000, ...row });
  const [segments] = await readSegments(pass, { decoder: new Decoder(), payload: true, connectionOf: () => -1 }, [full], extent);
  return composeLadder(full, segments!, []);
}

const inVlan = (id: number, script: string): ReturnType<typeof scriptFrames> =>
  scriptFrames(script).map((frame) => {
    const tag = Uint8Array.of(0x81, 0x00, id >> 8, id & 255);
    return { ...frame, bytes: concat(frame.bytes.subarray(0, 12), tag, frame.bytes.subarray(12)) };
  });

const captureOf = (script: string, options: ScriptOptions = {}): Uint8Array => pcapOf(scriptFrames(script, options));
const isSegment = (row: LadderRow): row is LadderSegment => row.frame !== null;

/** The notes of all segments. */
const notesIn = (ladder: Ladder): string[] => ladder.rows.filter(isSegment).flatMap(({ notes }) => notes);

/** One line per row, as a person would read the screen aloud. */
function told(ladder: Ladder): string[] {
  return ladder.rows.map((row) => {
    const states = `${row.clientState}/${row.serverState}`;
    if (!isSegment(row)) return `${row.at.toFixed(2)} timer ${states} ${row.transitions.join('; ')}`;
    const { at, from, flags, seq, length, ack, notes } = row;
    return `${at.toFixed(2)} ${from} ${flags} ${String(seq)}+${String(length)} ack ${String(ack)} ${states}${notes.length > 0 ? ` [${notes.join(', ')}]` : ''}`;
  });
}

const HANDSHAKE = `
+0    > S  0:0(0) <mss 1460,wscale 7>
+.010 < S. 0:0(0) ack 1 <mss 1460,wscale 7>
+.010 > .  1:1(0) ack 1`;

const OPENING: TransitionRow[] = [
  { time: time('00.000000000'), frame: 1, endpoint: 'client', from: 'CLOSED', to: 'SYN_SENT', cause: 'sends SYN' },
  { time: time('00.000000000'), frame: 1, endpoint: 'server', from: 'CLOSED', to: 'LISTEN', cause: 'is asked' },
  { time: time('00.010000000'), frame: 2, endpoint: 'server', from: 'LISTEN', to: 'SYN_RCVD', cause: 'sends SYN-ACK' },
  { time: time('00.010000000'), frame: 2, endpoint: 'client', from: 'SYN_SENT', to: 'ESTABLISHED', cause: 'receives SYN-ACK' },
  { time: time('00.020000000'), frame: 3, endpoint: 'server', from: 'SYN_RCVD', to: 'ESTABLISHED', cause: 'handshake complete' },
];

describe('the ladder of a connection', () => {
  test('segments with relative numbers, and the states of both ends once each had passed', async () => {
    const ladder = await ladderOf(
      captureOf(`${HANDSHAKE}\n+.1 > P. 1:101(100) ack 1\n+.4 > P. 1:101(100) ack 1\n+.01 < . 1:1(0) ack 101`),
      {
        transitions: OPENING,
      },
    );
    expect(told(ladder)).toEqual([
      '0.00 client S 0+0 ack null SYN_SENT/LISTEN',
      '0.01 server S. 0+0 ack 1 ESTABLISHED/SYN_RCVD',
      '0.02 client . 1+0 ack 1 ESTABLISHED/ESTABLISHED',
      '0.12 client P. 1+100 ack 1 ESTABLISHED/ESTABLISHED',
      '0.52 client P. 1+100 ack 1 ESTABLISHED/ESTABLISHED [retransmission (timeout)]',
      '0.53 server . 1+0 ack 101 ESTABLISHED/ESTABLISHED',
    ]);
    expect(ladder.rows[1]).toMatchObject({
      time: time('00.010000000'),
      delta: 0.01,
      window: 65535,
      transitions: ['server LISTEN → SYN_RCVD: sends SYN-ACK', 'client SYN_SENT → ESTABLISHED: receives SYN-ACK'],
    });
    expect(ladder.rows[2]).toMatchObject({ window: 65535 * 128, frame: 3 });
  });

  test('a timer stands between the segments, and after the last one', async () => {
    const timer = (seconds: string, from: StateName, to: StateName): TransitionRow => ({
      time: time(seconds),
      frame: null,
      endpoint: 'client',
      from,
      to,
      cause: 'its orphan timer ended',
      assumed: true,
    });
    const ladder = await ladderOf(captureOf(`${HANDSHAKE}\n+20 < P. 1:11(10) ack 1`), {
      transitions: [...OPENING, timer('10.000000000', 'FIN_WAIT_2', 'TIME_WAIT'), timer('50.000000000', 'TIME_WAIT', 'CLOSED')],
    });
    expect(told(ladder).slice(3)).toEqual([
      '10.00 timer TIME_WAIT/ESTABLISHED client FIN_WAIT_2 → TIME_WAIT: its orphan timer ended (assumed)',
      '20.02 server P. 1+10 ack 1 TIME_WAIT/ESTABLISHED',
      '50.00 timer CLOSED/ESTABLISHED client TIME_WAIT → CLOSED: its orphan timer ended (assumed)',
    ]);
  });

  test('a transition by a frame that is no segment of it (an ICMP error) says which frame that was', async () => {
    const ladder = await ladderOf(captureOf('+0 > S 0:0(0)\n+.01 < icmp 3/1\n+1 > S 0:0(0)'), {
      transitions: [
        { time: time('00.010000000'), frame: 2, endpoint: 'client', from: 'SYN_SENT', to: 'CLOSED', cause: 'host unreachable' },
      ],
    });
    expect(told(ladder)).toEqual([
      '0.00 client S 0+0 ack null SYN_SENT/CLOSED',
      '0.01 timer CLOSED/CLOSED client SYN_SENT → CLOSED: host unreachable (frame 2)',
      '1.01 client S 0+0 ack null CLOSED/CLOSED [retransmission (timeout)]',
    ]);
  });

  const REPEATS = `
+0    > S  0:0(0) <mss 1460,sackOK,wscale 7>
+.010 < S. 0:0(0) ack 1 <mss 1460,sackOK,wscale 7>
+0    > .  1:1(0) ack 1`;

  test('a tail loss probe (RFC 8985), and the D-SACK (RFC 2883) that makes it spurious', async () => {
    const probe = `${REPEATS}\n+.1 > P. 1:101(100) ack 1\n+.04 > P. 1:101(100) ack 1`;
    expect(notesIn(await ladderOf(captureOf(probe), {}))).toEqual(['retransmission (tail-loss probe)']);
    const answered = `${probe}\n+.01 < . 1:1(0) ack 101 <sack 1:101>`;
    expect(notesIn(await ladderOf(captureOf(answered), {}))).toEqual(['spurious retransmission (D-SACK)']);
  });

  test('a wait that doubles tells that the first repeat was no probe, but the retransmission timer (RFC 6298)', async () => {
    const once = `${REPEATS}\n+.1 > P. 1:101(100) ack 1\n+.25 > P. 1:101(100) ack 1`;
    expect(notesIn(await ladderOf(captureOf(once), {}))).toEqual(['retransmission (tail-loss probe)']);
    const twice = `${once}\n+.5 > P. 1:101(100) ack 1`;
    expect(notesIn(await ladderOf(captureOf(twice), {}))).toEqual(['retransmission (timeout)', 'retransmission (timeout)']);
  });

  test('other connections, and earlier ones of the same tuple, are left out', async () => {
    const frames = [
      ...scriptFrames('+0 > S 0:0(0)\n+.1 < R. 0:0(0) ack 1'),
      ...scriptFrames('+1 > S 0:0(0)', { clientPort: 40001 }),
      ...scriptFrames('+2 > S 0:0(0)', { clientIp: '10.0.0.3' }),
      ...scriptFrames('+3 > S 0:0(0)\n+.1 < S. 0:0(0) ack 1', { clientIsn: 77 }),
      ...scriptFrames('+4 < . 1:1(0) ack 1'),
    ];
    const ladder = await ladderOf(pcapOf(frames), { firstFrame: 5, lastFrame: 6 });
    expect(ladder.rows.map(({ frame }) => frame)).toEqual([5, 6]);
  });

  test('the same tuple in another VLAN is another connection', async () => {
    const frames = [
      ...inVlan(7, '+0 > S 0:0(0)'),
      ...inVlan(8, '+1 > S 0:0(0)'),
      ...scriptFrames('+2 > S 0:0(0)'),
      ...inVlan(8, '+3 < R. 0:0(0) ack 1'),
    ];
    const ladder = await ladderOf(pcapOf(frames), { encapsulation: ['vlan:8'] });
    expect(ladder.rows.map(({ frame }) => frame)).toEqual([2, 4]);
  });

  test('directions under different tags, and a copy under another tag, are all there', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ladder-'));
    const path = join(folder, 'trunk.pcap');
    // A mirror of a trunk: the client's segments in VLAN 7, the server's in VLAN 8; the request also before it was tagged.
    const frames = [
      ...inVlan(7, '+0 > S 0:0(0)'),
      ...inVlan(8, '+.010 < S. 0:0(0) ack 1'),
      ...inVlan(7, '+.020 > . 1:1(0) ack 1'),
      ...inVlan(7, '+.030 > P. 1:101(100) ack 1'),
      ...scriptFrames('+.031 > P. 1:101(100) ack 1'),
      ...inVlan(8, '+.040 < . 1:1(0) ack 101'),
    ];
    writeFileSync(path, pcapOf(frames));
    const analysis = await analyse([path]);
    const ladder = await analysis.ladder(0);
    rmSync(folder, { recursive: true });
    expect([...analysis.connections()].map(({ client, server, copies }) => [client.packets, server.packets, copies])).toEqual([[4, 2, 1]]);
    expect(told(ladder).map((line) => line.replace(/ ack .*?(?= \[|$)/, ''))).toEqual([
      '0.00 client S 0+0',
      '0.01 server S. 0+0',
      '0.02 client . 1+0',
      '0.03 client P. 1+100',
      '0.03 client P. 1+100 [captured again]',
      '0.04 server . 1+0',
    ]);
  });

  test('IPv6, and both ends on one port: the addresses say who sent it', async () => {
    const options: ScriptOptions = { family: 6, clientPort: 179, serverPort: 179, clientIp: '2001:db8::a', serverIp: '2001:db8::b' };
    const end = (ip: string): ConnectionRow['client'] => ({ ...connectionRow({}).client, ip, port: 179 });
    // The first segment comes from the server: nothing may be learned from it the wrong way round.
    const ladder = await ladderOf(captureOf('+0 < S 0:0(0)\n+.01 > S 0:0(0)\n+.01 < S. 0:0(0) ack 1', options), {
      client: end('2001:db8::a'),
      server: end('2001:db8::b'),
    });
    expect(ladder.rows.map(({ from }) => from)).toEqual(['server', 'client', 'server']);
  });

  test('of a long connection the beginning and the end remain, and the states go on behind the gap', async () => {
    const data = Array.from({ length: KEPT_SEGMENTS * 2 + 37 }, () => '+.001 > . 1:1(0) ack 1').join('\n');
    const ladder = await ladderOf(captureOf(`${HANDSHAKE}\n${data}`), {
      transitions: [
        ...OPENING,
        { time: time('05.500000000'), frame: KEPT_SEGMENTS + 20, endpoint: 'server', from: 'ESTABLISHED', to: 'CLOSE_WAIT', cause: 'x' },
      ],
    });
    expect(ladder.omitted).toBe(40);
    expect(ladder.omittedAt).toBe(KEPT_SEGMENTS);
    const frames = ladder.rows.map(({ frame }) => frame);
    expect(frames.slice(KEPT_SEGMENTS - 1, KEPT_SEGMENTS + 1)).toEqual([KEPT_SEGMENTS, KEPT_SEGMENTS + 41]);
    expect(frames.at(-1)).toBe(KEPT_SEGMENTS * 2 + 40);
    expect(frames).toHaveLength(KEPT_SEGMENTS * 2);
    expect(ladder.rows[KEPT_SEGMENTS]).toMatchObject({ serverState: 'CLOSE_WAIT', transitions: [] });
  });

  test('of a long connection any part can be asked for, with the states and numbers that it has in the whole', async () => {
    const data = Array.from({ length: 97 }, (_, i) => `+.001 > P. ${String(i * 10 + 1)}:${String(i * 10 + 11)}(10) ack 1`).join('\n');
    const row = {
      transitions: [
        ...OPENING,
        { time: time('00.050000000'), frame: 33, endpoint: 'server', from: 'ESTABLISHED', to: 'CLOSE_WAIT', cause: 'x' },
        { time: time('59.000000000'), frame: null, endpoint: 'client', from: 'ESTABLISHED', to: 'CLOSED', cause: 'timer' },
      ] satisfies TransitionRow[],
    };
    const whole = await ladderOf(captureOf(`${HANDSHAKE}\n${data}`), row);
    const part = async (around: number): Promise<Ladder> => ladderOf(captureOf(`${HANDSHAKE}\n${data}`), row, { kept: 10, around });
    for (const [around, from, to] of [
      [60, 51, 70],
      [4, 1, 14],
      [95, 86, 100],
      [100, 91, 100],
      [0, 1, 10],
    ] as const) {
      // prettier-ignore
      const ladder = await part(around);
      const rows = whole.rows.filter(({ frame }) => (frame === null ? to === 100 : frame >= from && frame <= to));
      expect(ladder).toEqual({
        ...whole,
        rows,
        omitted: from - 1,
        omittedAt: 0,
        ...(to < 100 ? { omittedAfter: 100 - to } : {}),
      });
    }
  });

  test('numbers count on where 2^32 ends: octets of a 5 GB stream', async () => {
    const frames = [0, 1, 2, 3, 4, 5].flatMap((gigabyte) => {
      const isn = (4294967290 + gigabyte * 1_000_000_000) % 2 ** 32;
      return scriptFrames(gigabyte === 0 ? '+0 > S 0:0(0)' : '+0 > . 0:0(0) ack 1', { clientIsn: isn });
    });
    const ladder = await ladderOf(pcapOf(frames), {});
    expect(ladder.rows.filter(isSegment).map(({ seq }) => seq / 1e9)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('frames that prove a finding are named, those of other connections are not', () => {
    const proof = (connection: number | null, frame: number): Evidence => ({
      connection,
      frame,
      time: time('00.000000000'),
      note: `frame ${String(frame)}`,
    });
    const finding = { id: 'refused/10.0.0.2:80', evidence: [proof(3, 7), proof(4, 8), proof(null, 9), proof(3, 10)] };
    expect(evidenceOf(3, [finding])).toEqual([
      { frame: 7, finding: 'refused/10.0.0.2:80', note: 'frame 7' },
      { frame: 10, finding: 'refused/10.0.0.2:80', note: 'frame 10' },
    ]);
  });

  test('a keep-alive stands one before, and a made-up RST number does not move the count', async () => {
    const ladder = await ladderOf(captureOf(`${HANDSHAKE}\n+9 > . 0:0(0) ack 1\n+1 < R 900:900(0)\n+1 < . 1:1(0) ack 1`), {});
    expect(
      ladder.rows
        .filter(isSegment)
        .map(({ seq, ack }) => [seq, ack])
        .slice(3),
    ).toEqual([
      [0, 1],
      [900, null],
      [1, 1],
    ]);
  });
});

test('several connections are read in one pass, each as if it were alone', async () => {
  const path = new URL('../../fixtures/incident.pcap', import.meta.url).pathname;
  const analysis = await analyse([path]);
  const ids = [7, 0, 65, 183, 314];
  const ladders = await analysis.ladders(ids, KEPT_SEGMENTS);
  expect([...ladders.keys()]).toEqual(ids);
  for (const id of ids) expect(ladders.get(id)).toEqual(await analysis.ladder(id));
  const short = (await analysis.ladders([7], 3)).get(7)!;
  expect(short).toMatchObject({ omittedAt: 3, omitted: (await analysis.ladder(7)).rows.length - 6 });
  expect(await analysis.ladders([], 3)).toEqual(new Map());
  await expect(analysis.ladders([0, 100_000], 3)).rejects.toThrow('there is no connection 100000: the capture has 0 to 873');
});
