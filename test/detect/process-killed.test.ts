/** A process that ends takes all its connections along: which common ends are that, and which are something else? */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { type ScriptedFrame, scriptFrames } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake, healthy, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'process-killed';

/** A download of 1000 octets every 0.1 s, until the server ends it at 2 s: what comes then, and the seconds from the last data. */
const download = (index: number, end: string): string => {
  const start = 0.011 * index;
  const pieces = 9 + (index % 3);
  const chunks = Array.from({ length: pieces }, (_, i) => {
    const [from, to] = [1 + 1000 * i, 1001 + 1000 * i];
    return `+.1   < P. ${String(from)}:${String(to)}(1000) ack 11\n  +.001 > .  11:11(0) ack ${String(to)}`;
  });
  const spent = start + 0.003 + pieces * 0.101;
  const next = 1 + 1000 * pieces;
  return `${handshake(start)}
  +.001 > P. 1:11(10) ack 1
  ${chunks.join('\n  ')}
  +${(2 - spent).toFixed(6)} < ${end} ${String(next)}:${String(next)}(0) ack 11`;
};
const refused = (at: number) =>
  scriptFrames(`+${String(at)} > S 0:0(0) win 64240 <mss 1460>\n+.001 < R. 0:0(0) ack 1 win 0`, { clientPort: 50002 });
const accepted = (at: number) => scriptFrames(handshake(at), { clientPort: 50010 });

describe('real captures', () => {
  test('7 downloads cut by SIGKILL, 4 by FIN and 3 by RST, and a refused connect: one cause for all that follows', async () => {
    const report = await diagnoseFixture('process_killed.pcap');
    const [finding, ...more] = findingsOf(report, RULE);
    expect(more).toEqual([]);
    expect(report.findings[0]).toBe(finding);
    expect(finding).toMatchObject({
      id: 'process-killed/10.68.155.97:80',
      severity: 'critical',
      confidence: 'high',
      count: 7,
      subject: { host: '10.68.155.97', role: 'server', port: 80 },
      atFault: '10.68.155.97',
      metrics: { fins: 4, resets: 3, cutMessages: 7, survivors: 0 },
    });
    for (const rule of ['connection-refused', 'rst-abort', 'broken-pipe'])
      expect(findingsOf(report, rule).map((f) => f.explainedBy)).toEqual([finding!.id]);
  });

  test('300 idle clients lose their service, which refuses them for 2.3 s: a warning, and the cause of the refusals', async () => {
    const report = await diagnoseFixture('reconnect_storm.pcap.gz');
    const [finding] = findingsOf(report, RULE);
    expect(finding).toMatchObject({ severity: 'warning', count: 300, subject: { host: '172.26.27.181', port: 1883 } });
    expect(finding!.metrics.downSeconds).toBeCloseTo(2.3, 0);
    expect(findingsOf(report, 'connection-refused')[0]!.explainedBy).toBe(finding!.id);
  });

  test.each([
    'tls_close_rst.pcap.gz',
    'healthy_server_closes.pcap',
    'close_wait_leak.pcap',
    'rst_linger0.pcapng',
    'rst_close_unread.pcapng',
    'refused.pcapng',
  ])('%s: none', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });
});

describe('3 downloads end within a moment', () => {
  const ends = connections(3, (i) => download(i, i === 0 ? 'R.' : 'F.'));

  test('and the port refuses: critical', async () => {
    const [finding] = findingsOf(await diagnoseBytes(captureOf(ends, refused(3), lateExchange(9))), RULE);
    expect(finding).toMatchObject({
      severity: 'critical',
      confidence: 'high',
      count: 3,
      atFault: '10.0.0.2',
      until: null,
      metrics: { fins: 2, resets: 1, cutMessages: 3, refusedAfterSeconds: 1 },
    });
  });

  test('`until` is when the service answers again', async () => {
    const [finding] = findingsOf(await diagnoseBytes(captureOf(ends, refused(3), accepted(5))), RULE);
    expect(finding).toMatchObject({ metrics: { downSeconds: 3 } });
    expect(finding!.until).not.toBeNull();
  });

  test('connections that began before the capture count', async () => {
    const together = connections(
      3,
      (i) => `+.1 < P. 1:1001(1000) ack 11\n+.001 > . 11:11(0) ack 1001\n+${String(0.5 + i * 0.001)} < F. 1001:1001(0) ack 11`,
    );
    expect(findingsOf(await diagnoseBytes(captureOf(together, refused(2))), RULE)).toHaveLength(1);
  });

  test('no refusal: three are too few to say', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(ends, lateExchange(9))), RULE).verdict).toBe('clear');
  });

  test('other connections go on: not the end of the process', async () => {
    const other = scriptFrames(`${handshake(1)}\n+.001 > P. 1:11(10) ack 1\n+2 < P. 1:21(20) ack 11`, { clientPort: 50100 });
    expect(findingsOf(await diagnoseBytes(captureOf(ends, other, refused(3))), RULE)).toEqual([]);
  });
});

describe('8 end within a moment, and nothing is refused', () => {
  test('all cut in the middle, with last words at different times: critical', async () => {
    const ends = connections(8, (i) => download(i, i % 2 === 0 ? 'R.' : 'F.'));
    const [finding] = findingsOf(await diagnoseBytes(captureOf(ends, lateExchange(9))), RULE);
    expect(finding).toMatchObject({ severity: 'critical', confidence: 'medium', count: 8 });
  });

  const silent = async (...scripts: (readonly ScriptedFrame[])[]): Promise<void> =>
    expect(findingsOf(await diagnoseBytes(captureOf(...scripts)), RULE)).toEqual([]);

  test('idle: a graceful reload or a pool that is shut down', () =>
    silent(
      connections(
        8,
        (i) => `${handshake(i * 0.01)}\n+.01 > P. 1:11(10) ack 1\n+.01 < P. 1:21(20) ack 11\n+${String(5 - i * 0.01)} < F. 21:21(0) ack 11`,
      ),
    ));

  test('requests that were sent together and meet the same deadline', () =>
    silent(connections(8, (i) => `${handshake(i * 0.001)}\n+.01 > P. 1:11(10) ack 1\n+.9 < F. 1:1(0) ack 11`)));

  test('answered and closed', () =>
    silent(
      connections(8, (i) => `${handshake(i * 0.001)}\n+.01 > P. 1:11(10) ack 1\n+.5 < P. 1:21(20) ack 11\n+.0001 < F. 21:21(0) ack 11`),
    ));

  test('new connections are answered at once: a worker among others, and no proof', () =>
    silent(
      connections(8, (i) => download(i, 'R.')),
      accepted(2.2),
    ));
});

test('ordinary closes', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
});

test('inconclusive where data or the other direction is missing', async () => {
  const frames = connections(3, (i) => download(i, 'F.'));
  for (const part of [flagsOnly(frames), sentBy('server', frames)])
    expect(verdictOf(await diagnoseBytes(captureOf(part)), RULE).verdict).toBe('inconclusive');
});
