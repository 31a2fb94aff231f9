/** One end has closed and waits in vain for the other to close too. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake, healthy, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'fin-wait2-lingering';

/** The client closes; the server acknowledges and does nothing more. */
const waiting = (at: number): string => `${handshake(at)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  +.001 > F. 11:11(0) ack 21
  +.001 < .  21:21(0) ack 12          # FIN_WAIT_2 / CLOSE_WAIT`;

describe('real captures', () => {
  test('11 clients wait for a server that does not close; 2 others prove that they are orphans', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('fin_wait2_orphan_timeout.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      severity: 'info',
      count: 11,
      subject: { host: 'fd8f:336:a49f:76::7805', role: 'client', peer: 'fd8f:336:a49f:76::d9e8' },
      atFault: 'fd8f:336:a49f:76::d9e8',
      metrics: { provenOrphans: 2 },
    });
  });

  test('the leak of the other end leads, FIN_WAIT_2 follows from it', async () => {
    const report = await diagnoseFixture('close_wait_leak.pcap');
    const [finding] = findingsOf(report, RULE);
    expect(finding).toMatchObject({ severity: 'info', count: 39, subject: { host: '192.168.58.119' }, atFault: '192.168.58.216' });
    expect(finding!.explainedBy).toBe(findingsOf(report, 'close-wait-stuck')[0]!.id);
  });

  test('orphans that outlived tcp_fin_timeout', async () => {
    const [finding] = findingsOf(await diagnoseFixture('timers_run_out.pcap'), RULE);
    expect(finding).toMatchObject({ severity: 'info', count: 2, metrics: { longerThanOrphanTimeout: 2 } });
  });

  test.each([
    'close_wait_halfclose_active.pcap',
    'half_close.pcap',
    'healthy_client_closes.pcap',
    'edge_of_capture.pcap',
    'capture_with_gaps.pcap',
  ])('%s: none', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });
});

test('7 s in FIN_WAIT_2', async () => {
  const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(waiting(0)), lateExchange(7))), RULE);
  expect(finding).toMatchObject({
    id: 'fin-wait2-lingering/10.0.0.1@10.0.0.2:80',
    severity: 'info',
    count: 1,
    until: null,
    atFault: '10.0.0.2',
    evidence: [{ frame: 6 }, { frame: 7 }],
  });
});

test('many clients of one server are one finding about all of them', async () => {
  const frames = connections(
    5,
    (i) => waiting(i * 0.1),
    (i) => ({ clientIp: `10.0.1.${String(i + 1)}` }),
  );
  const found = findingsOf(await diagnoseBytes(captureOf(frames, lateExchange(9))), RULE);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ count: 5, subject: { role: 'client', peer: '10.0.0.2', peerPort: 80 }, atFault: '10.0.0.2' });
});

test('a half-closed socket whose peer fell silent for longer than 60 s is a warning: no timer ends it', async () => {
  const halfClosed = `${waiting(0)}
    +1    < P. 21:41(20) ack 12
    +.001 > .  12:12(0) ack 41`;
  const report = (end: number) => diagnoseBytes(captureOf(scriptFrames(halfClosed), lateExchange(end)));
  expect(findingsOf(await report(90), RULE)).toMatchObject([{ severity: 'warning', count: 1, metrics: { halfClosed: 1 } }]);
  expect(findingsOf(await report(30), RULE)).toEqual([]);
});

test('of a connection that began before the capture', async () => {
  const tail = waiting(0).split('\n').slice(5).join('\n');
  expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(tail), lateExchange(9))), RULE)).toHaveLength(1);
});

describe('silent', () => {
  const verdict = async (script: string, end = 20) =>
    verdictOf(await diagnoseBytes(captureOf(scriptFrames(script), lateExchange(end))), RULE);

  test('when the other end closes late', async () => {
    expect((await verdict(`${waiting(0)}\n+8 < F. 21:21(0) ack 12\n+.001 > . 12:12(0) ack 22`)).verdict).toBe('clear');
  });

  test('when late data meets a RST: that is broken-pipe', async () => {
    expect((await verdict(`${waiting(0)}\n+8 < P. 21:41(20) ack 12\n+.001 > R 12:12(0)`)).verdict).toBe('clear');
  });

  test('when octets of the other end are missing, among which its FIN may be', async () => {
    expect((await verdict(`${waiting(0)}\n+.001 > . 12:12(0) ack 90`)).verdict).toBe('clear');
  });

  test('for ordinary closes', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
  });

  test('before minSeconds, but says so', async () => {
    const { verdict: v, because } = await verdict(waiting(0), 2);
    expect(v).toBe('inconclusive');
    expect(because).toContain('--captured-until');
  });
});

test('inconclusive where data or the other direction is missing', async () => {
  const frames = connections(3, (i) => waiting(i));
  for (const part of [flagsOnly(frames), sentBy('client', frames)])
    expect(verdictOf(await diagnoseBytes(captureOf(part)), RULE).verdict).toBe('inconclusive');
});
