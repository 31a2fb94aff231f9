import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { captureOf, connections, flagsOnly, handshake, sentBy } from '../support/traffic.ts';

const RULE = 'idle-timeout-pattern';

/** One exchange, then silence, then `side` closes; the last data is at `at` + 4 ms. */
const idle = (at: number, seconds: number, side: '<' | '>' = '<', flags = 'F.'): string => `${handshake(at)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  +.001 > .  11:11(0) ack 21
  +${(seconds - 0.001).toFixed(6)} ${side} ${flags} ${side === '<' ? '21:21(0) ack 11' : '11:11(0) ack 21'}
  ${flags === 'F.' ? (side === '<' ? '+.001 > F. 11:11(0) ack 22\n  +.001 < . 22:22(0) ack 12' : '+.001 < F. 21:21(0) ack 12\n  +.001 > . 12:12(0) ack 22') : ''}`;

describe('a server that closes after the same silence', () => {
  test('at different moments shows its timeout, and whose default it equals', async () => {
    const [finding, ...more] = findingsOf(await diagnoseBytes(captureOf(connections(4, (i) => idle(i * 7, 75 + i * 0.01)))), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'idle-timeout-pattern/10.0.0.2:80',
      severity: 'info',
      confidence: 'medium',
      atFault: null,
      count: 4,
    });
    expect(finding!.metrics).toMatchObject({ agreeing: 4, idleCloses: 4 });
    expect(Number(finding!.metrics.idleSeconds)).toBeCloseTo(75, 1);
    expect(finding!.summary).toContain('equals the default of nginx');
    // The last data is the server's, in frame 5 of the first connection.
    expect(finding!.evidence[0]).toMatchObject({ connection: 0, frame: 5 });
  });

  test('by RST is the same timeout', async () => {
    const [finding] = findingsOf(await diagnoseBytes(captureOf(connections(3, (i) => idle(i * 7, 30, '<', 'R.')))), RULE);
    expect(finding).toMatchObject({ count: 3 });
    expect(finding!.evidence.some((e) => e.note.startsWith('RST from 10.0.0.2:80 after 30 s'))).toBe(true);
  });

  test('is told from a client that does', async () => {
    const [finding] = findingsOf(await diagnoseBytes(captureOf(connections(3, (i) => idle(i * 7, 90, '>')))), RULE);
    expect(finding).toMatchObject({ id: 'idle-timeout-pattern/10.0.0.1@10.0.0.2:80', subject: { host: '10.0.0.1', role: 'client' } });
  });

  test('on the loopback interface, where both ends have one address, is told from its clients', async () => {
    const byClient = connections(
      3,
      (i) => idle(i * 7, 20, '>'),
      () => ({ clientIp: '127.0.0.1', serverIp: '127.0.0.1' }),
    );
    const byServer = connections(
      3,
      (i) => idle(i * 7 + 1, 60),
      (i) => ({ clientIp: '127.0.0.1', serverIp: '127.0.0.1', clientPort: 50_000 + i }),
    );
    const ids = findingsOf(await diagnoseBytes(captureOf(byClient, byServer)), RULE).map((f) => [f.subject.role, f.count]);
    expect(ids.sort()).toEqual([
      ['client', 3],
      ['server', 3],
    ]);
  });

  test('in one moment may be a restart: low confidence, and it says so', async () => {
    const [finding] = findingsOf(await diagnoseBytes(captureOf(connections(5, (i) => idle(i * 0.01, 40 - i * 0.01)))), RULE);
    expect(finding).toMatchObject({ confidence: 'low' });
    expect(finding!.summary).toContain('such as a restart, would look the same');
  });
});

test('a TLS server says goodbye with its FIN: the silence before that counts', async () => {
  const goodbye = (at: number): string => `${handshake(at)}
    +.001 > P. 1:201(200) ack 1
    +.001 < P. 1:1001(1000) ack 201
    +.001 > .  201:201(0) ack 1001
    +60   < P. 1001:1025(24) ack 201
    +.0001 < F. 1025:1025(0) ack 201
    +.001 > .  201:201(0) ack 1026
    +.001 > F. 201:201(0) ack 1026
    +.001 < .  1026:1026(0) ack 202`;
  const frames = connections(4, (i) => goodbye(i * 7));
  // Ethernet, IPv4 and TCP without options take 54 octets; a TLS record begins with its type and the version 3.x.
  for (const { bytes, segment } of frames)
    if (segment.kind === 'tcp' && segment.length > 0) bytes.set([segment.seq === 1 ? 22 : 23, 3, 3], 54);
  const [finding] = findingsOf(await diagnoseBytes(captureOf(frames)), RULE);
  expect(finding).toMatchObject({ count: 4, subject: { host: '10.0.0.2' } });
  expect(Number(finding!.metrics.idleSeconds)).toBeCloseTo(60, 1);
});

describe('silent', () => {
  test.each([
    ['two closes', connections(2, (i) => idle(i * 7, 75))],
    ['silences that differ', connections(6, (i) => idle(i * 7, 20 + 3 * i))],
    ['closes straight after the answer', connections(6, (i) => idle(i, 0.2))],
  ])('with %s', async (_name, frames) => {
    expect(verdictOf(await diagnoseBytes(captureOf(frames)), RULE).verdict).toBe('clear');
  });

  test.each([
    ['SYN, FIN and RST alone', flagsOnly(connections(4, (i) => idle(i * 7, 75)))],
    [
      'one direction',
      sentBy(
        'server',
        connections(4, (i) => idle(i * 7, 75)),
      ),
    ],
  ])('where the capture holds %s', async (_name, frames) => {
    const report = await diagnoseBytes(captureOf(frames));
    expect(findingsOf(report, RULE)).toEqual([]);
    expect(verdictOf(report, RULE).verdict).toBe('inconclusive');
  });
});

test('a real balancer that closes idle connections (truth: 6.8 s after the last use of the pool)', async () => {
  const [finding] = findingsOf(await diagnoseFixture('close_wait_leak.pcap'), RULE);
  expect(finding).toMatchObject({ severity: 'info', subject: { host: '192.168.58.119', port: 3306 } });
  expect(Math.abs(Number(finding!.metrics.idleSeconds) - 7)).toBeLessThan(0.3);
});
