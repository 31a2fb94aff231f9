/** What is said of a whole connection: outcome, Zeek's words, Wireshark's completeness. */
import { describe, expect, test } from 'vitest';
import { Context } from '../../src/track/context.ts';
import { Tables } from '../../src/track/tables.ts';
import { Half } from '../../src/track/layout.ts';
import { sequenceBytesOf } from '../../src/track/zeek.ts';
import { play } from '../support/play.ts';

const SYN = '+0 > S 0:0(0)\n';
const SYN_ACK = `${SYN}+.01 < S. 0:0(0) ack 1\n`;
const OPEN = `${SYN_ACK}+.01 > . 1:1(0) ack 1\n`;
const REQUEST = `${OPEN}+.01 > P. 1:101(100) ack 1\n+.01 < . 1:1(0) ack 101\n`;
const ANSWER = `${REQUEST}+.1 < P. 1:501(500) ack 101\n+.01 > . 101:101(0) ack 501\n`;
const CLIENT_FIN = `${ANSWER}+1 > F. 101:101(0) ack 501\n+.01 < . 501:501(0) ack 102\n`;
const BOTH_FINS = `${CLIENT_FIN}+.01 < F. 501:501(0) ack 102\n+.01 > . 102:102(0) ack 502\n`;
const SERVER_FIN = `${ANSWER}+1 < F. 501:501(0) ack 101\n+.01 > . 101:101(0) ack 502\n`;
const REFUSED = `${SYN}+.01 < R. 0:0(0) ack 1\n`;
const CLIENT_RST = `${ANSWER}+1 > R. 101:101(0) ack 501\n`;
const SERVER_RST = `${ANSWER}+1 < R. 501:501(0) ack 101\n`;

// conn_state, history: scripts/base/protocols/conn/main.zeek and TCPSessionAdapter.cc (a SYN-ACK makes both ends ESTABLISHED there).
// completeness: SYN 1, SYN-ACK 2, ACK 4, DATA 8, FIN 16, RST 32 (packet-tcp.c).
test.each([
  ['a SYN that nobody answers', SYN, 'unanswered', 'S0', 'S', 1],
  ['a refusal', REFUSED, 'refused', 'REJ', 'Sr', 1 + 4 + 32],
  ['a handshake that stops half-way', SYN_ACK, 'half-open', 'S1', 'Sh', 1 + 2],
  ['a connection that stays open, without data', OPEN, 'open', 'S1', 'ShA', 1 + 2 + 4],
  ['a connection that stays open', ANSWER, 'open', 'S1', 'ShADad', 1 + 2 + 4 + 8],
  ['a regular life', BOTH_FINS, 'ok', 'SF', 'ShADadFf', 1 + 2 + 4 + 8 + 16],
  ['closed by the client only', CLIENT_FIN, 'leaked', 'S2', 'ShADadF', 1 + 2 + 4 + 8 + 16],
  ['closed by the server only', SERVER_FIN, 'leaked', 'S3', 'ShADadf', 1 + 2 + 4 + 8 + 16],
  ['aborted by the client', CLIENT_RST, 'reset', 'RSTO', 'ShADadR', 1 + 2 + 4 + 8 + 32],
  ['aborted by the server', SERVER_RST, 'reset', 'RSTR', 'ShADadr', 1 + 2 + 4 + 8 + 32],
  ['given up by the client when the SYN-ACK came', `${SYN_ACK}+0 > R 1:1(0)\n`, 'abandoned', 'RSTO', 'ShR', 1 + 2 + 32],
  ['a SYN, then a RST by the same client', `${SYN}+.5 > R 1:1(0)\n`, 'abandoned', 'RSTOS0', 'SR', 1 + 32],
  ['a SYN, then a FIN, and no answer', `${SYN}+.5 > F 1:1(0)\n`, 'unanswered', 'SH', 'SF', 1],
  ['answers without a question', '+0 < S. 0:0(0) ack 1\n+.5 < R. 1:1(0) ack 1\n', 'abandoned', 'RSTRH', '^hr', 2 + 4 + 32],
  ['data from the middle', '+0 > P. 1:11(10) ack 1\n+.1 < P. 1:11(10) ack 11\n', 'open', 'OTH', 'Dd', 8],
  ['a segment from the middle', '+0 > P. 1:11(10) ack 1\n', 'open', 'OTH', 'D', 0],
  ['probes without ACK', '+0 > F 1:1(0)\n', 'unknown', 'SH', 'F', 0],
  ['a client alone', `${SYN}+.02 > . 1:1(0) ack 1\n+0 > P. 1:11(10) ack 1\n`, 'open', 'S0', 'SAD', 1 + 4 + 8],
])('%s', (_name, script, outcome, connState, history, completeness) => {
  const { last } = play(script, { until: 30 });
  expect({ outcome: last.outcome, connState: last.connState, history: last.history, completeness: last.completeness }).toEqual({
    outcome,
    connState,
    history,
    completeness,
  });
});

describe('the history', () => {
  test('tells retransmissions, gaps and closed windows', () => {
    const { last } = play(`${OPEN}
      +.01  > P. 1:101(100) ack 1
      +.3   > P. 1:101(100) ack 1
      +.01  < .  1:1(0) ack 101 win 0
      +1    > P. 301:401(100) ack 1
      +.01  < .  1:1(0) ack 401`);
    expect(last.history).toBe('ShADTawG');
  });

  test('has a gap only once the other end has acknowledged it', () => {
    const { last } = play(`${OPEN}
      +.01  > P. 101:201(100) ack 1
      +.01  < .  1:1(0) ack 1
      +.3   > P. 1:101(100) ack 1
      +.01  < .  1:1(0) ack 201`);
    expect(last.history).toBe('ShADaT');
  });

  test('tells what comes often by powers of ten', () => {
    const again = (n: number): string => '+.01 > P. 1:101(100) ack 1\n'.repeat(n);
    expect(play(`${OPEN}${again(1 + 9)}`).last.history).toBe('ShADT');
    expect(play(`${OPEN}${again(1 + 10)}`).last.history).toBe('ShADTT');
    expect(play(`${OPEN}${again(1 + 99)}`).last.history).toBe('ShADTT');
    expect(play(`${OPEN}${again(1 + 100)}`).last.history).toBe('ShADTTT');
    const shut = (n: number): string => '+.01 < . 1:1(0) ack 1 win 0\n'.repeat(n);
    expect(play(`${OPEN}${shut(10)}`).last.history).toBe('ShAaww');
  });

  // Zeek's btest baselines: handshakes that begin with the SYN-ACK; RST between the two FINs.
  test.each([
    ['a SYN-ACK comes first', '+0 < S. 0:0(0) ack 1\n+.01 > . 1:1(0) ack 1\n+.01 > P. 1:11(10) ack 1\n', 'S1', '^hAD'],
    ['the server speaks first', '+0 < P. 1:11(10) ack 1\n+.1 > . 1:1(0) ack 11\n', 'OTH', '^dA'],
    [
      'FIN, RST, then the other FIN',
      `${ANSWER}+1 > F. 101:101(0) ack 501\n+0 > R 102:102(0)\n+.01 < F. 501:501(0) ack 102\n`,
      'SF',
      'ShADadFRf',
    ],
    ['a RST after both FINs', `${BOTH_FINS}+.01 < R 502:502(0)\n`, 'SF', 'ShADadFfr'],
    ['a FIN with payload', `${OPEN}+.01 > FP. 1:11(10) ack 1\n`, 'S2', 'ShAF'],
    ['a FIN that moves on', `${OPEN}+.01 > F. 1:1(0) ack 1\n+.1 > F. 1:1(0) ack 1\n+.1 > F. 1:11(10) ack 1\n`, 'S2', 'ShAFF'],
    ['SYN and FIN in one', '+0 > SF 0:0(0)\n', 'SH', 'Q'],
    ['RST and FIN in one', `${OPEN}+.01 > FR. 1:1(0) ack 1\n`, 'RSTO', 'ShAI'],
    ['simultaneous open', '+0 > S 0:0(0)\n+.001 < S 0:0(0)\n+.01 > S. 0:0(0) ack 1\n+.01 < S. 0:0(0) ack 1\n', 'S1', 'Ss'],
  ])('%s', (_name, script, connState, history) => {
    expect(play(script).last).toMatchObject({ connState, history });
  });

  test('is bounded', () => {
    const { last } = play(OPEN + Array.from({ length: 100 }, (_, i) => `+.01 > R ${60000 + i}:${60000 + i}(0)\n`).join(''));
    expect(last.history.length).toBeLessThanOrEqual(24);
  });
});

describe('an outcome', () => {
  test('is ok for TIME_WAIT that goes on, and for one that is over', () => {
    expect(play(BOTH_FINS, { until: 3 }).last.outcome).toBe('ok');
    expect(play(BOTH_FINS, { until: 300 }).last.outcome).toBe('ok');
  });

  test('stays ok when a late RST follows both FINs', () => {
    expect(play(`${BOTH_FINS}+.01 < R 502:502(0)`).last.outcome).toBe('ok');
  });

  test('is no leak while the other end still sends after the FIN', () => {
    expect(play(`${CLIENT_FIN}+5 < P. 501:601(100) ack 102\n+.01 > . 102:102(0) ack 601`, { until: 60 }).last.outcome).toBe('open');
  });
});

describe('bytes by sequence numbers', () => {
  const bytes = (script: string): (number | null)[] => play(script).last.ends.map((e) => e.sequenceBytes);

  test('are the payload of an ordinary life, without SYN and FIN', () => {
    expect(bytes(BOTH_FINS)).toEqual([100, 500]);
    expect(bytes(SYN_ACK)).toEqual([0, 0]);
  });

  test('count once what was sent twice, and what only an ACK proves', () => {
    expect(bytes(`${OPEN}+.01 > P. 1:101(100) ack 1\n+.3 > P. 1:101(100) ack 1\n+.1 < . 1:1(0) ack 151\n`)).toEqual([150, 0]);
  });

  test('go on where sequence numbers come round again: what was booked says how often', () => {
    const tables = new Tables();
    const x = new Context(tables);
    const id = tables.cores.add();
    tables.firstTimes.add(id); // at 0
    x.load(id, 0);
    x.addPair();
    x.setIss(0, 5);
    x.pair[x.me + Half.SYN] = 1;
    for (const octets of [0, 100, 2 ** 32 - 1, 2 ** 32, 6e9, 20e9]) {
      x.pair[x.me + Half.NXT] = (6 + octets) % 2 ** 32;
      for (const again of [0, 1e6]) {
        x.pairF[(x.me + Half.PAYLOAD) >> 1] = octets + again;
        expect(sequenceBytesOf(tables, id, 0)).toBe(octets);
      }
    }
  });

  test('are unknown where no SYN says where they began', () => {
    expect(bytes('+0 > P. 1:11(10) ack 1\n+.1 < P. 1:11(10) ack 11\n')).toEqual([null, null]);
    expect(bytes('+0 < S. 0:0(0) ack 1\n+.1 > P. 1:11(10) ack 1\n')).toEqual([null, 0]);
  });
});

test('an end has said its last word with its first FIN or RST', () => {
  const ends = (script: string): (number | null)[] => play(script).last.ends.map((e) => (e.endTime === null ? null : e.endTime / 1e9));
  expect(ends(ANSWER)).toEqual([null, null]);
  expect(ends(`${OPEN}+1 > F. 1:1(0) ack 1\n+1 > F. 1:1(0) ack 1\n+.5 < R. 1:1(0) ack 2\n`)).toEqual([1.02, 2.52]);
});
