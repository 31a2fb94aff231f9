/** Data for a peer that has closed. Who did not wait for whom? */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake } from '../support/traffic.ts';

const RULE = 'broken-pipe';

/** The server closes an idle connection; the client writes `after` seconds later and meets a RST. */
const stale = (at: number, after: number, idle = 5): string => `${handshake(at)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  +.001 > .  11:11(0) ack 21
  +${idle} < F. 21:21(0) ack 11
  +.001 > .  11:11(0) ack 22
  +${after} > P. 11:31(20) ack 22
  +.001 < R  22:22(0)`;

describe('real captures', () => {
  test('a client writes into 8 pooled connections that its server closed', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('broken_pipe.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      severity: 'warning',
      count: 8,
      atFault: 'fd92:70c1:c666:fb::79f',
      subject: { host: 'fd92:70c1:c666:fb::79f', role: 'client' },
    });
  });

  test('a server answers 2 clients that closed long before: they did not wait', async () => {
    const [finding] = findingsOf(await diagnoseFixture('fin_wait2_orphan_timeout.pcap'), RULE);
    expect(finding).toMatchObject({
      severity: 'warning',
      count: 2,
      subject: { host: 'fd8f:336:a49f:76::d9e8', role: 'server' },
      atFault: 'fd8f:336:a49f:76::7805',
    });
  });

  test.each(['tls_close_rst.pcap.gz', 'half_open_reboot.pcap', 'rst_linger0.pcapng', 'process_killed.pcap', 'half_close.pcap'])(
    '%s: nothing above info',
    async (fixture) => {
      expect(findingsOf(await diagnoseFixture(fixture), RULE).filter((f) => f.severity !== 'info')).toEqual([]);
    },
  );
});

test('a stale connection: the writer had been told', async () => {
  const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(stale(0, 3)))), RULE);
  expect(finding).toMatchObject({
    id: 'broken-pipe/10.0.0.1@10.0.0.2:80',
    severity: 'warning',
    atFault: '10.0.0.1',
    count: 1,
    evidence: [{ frame: 7 }, { frame: 9 }, { frame: 10 }],
    metrics: { lostBytes: 20 },
  });
  expect(finding!.causes[0]!.text).toContain('handed out a connection');
});

test('data that crosses the FIN is nobody’s fault', async () => {
  const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(stale(0, 0.005)))), RULE);
  expect(finding).toMatchObject({ severity: 'info', atFault: null, faultBecause: null });
});

test('a client that asks and closes without waiting is at fault itself', async () => {
  const impatient = `${handshake(0)}
    +.001 > P. 1:11(10) ack 1
    +.001 < .  1:1(0) ack 11
    +2    > F. 11:11(0) ack 1
    +.001 < .  1:1(0) ack 12
    +3    < P. 1:21(20) ack 12
    +.001 > R  12:12(0)`;
  const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(impatient))), RULE);
  expect(finding).toMatchObject({ id: 'broken-pipe/10.0.0.2:80', atFault: '10.0.0.1', severity: 'warning' });
  expect(finding!.faultBecause).toContain('closed without waiting for the answer');
});

test('a server that closes three at once in the middle of exchanges has ended', async () => {
  const [finding] = findingsOf(await diagnoseBytes(captureOf(connections(3, () => stale(0, 3, 0.05)))), RULE);
  expect(finding).toMatchObject({ atFault: '10.0.0.2', count: 3 });
});

test('a connection that began before the capture counts when its FIN is in it', async () => {
  const midstream = stale(0, 3).split('\n').slice(5).join('\n').replace('+5', '+0');
  expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(`+0 < P. 1:21(20) ack 11\n${midstream}`))), RULE)).toHaveLength(1);
});

describe('silent', () => {
  test('a half-close whose data is acknowledged', async () => {
    const halfClose = `${handshake(0)}
      +.001 > P. 1:11(10) ack 1
      +.001 > F. 11:11(0) ack 1
      +.001 < .  1:1(0) ack 12
      +3    < P. 1:21(20) ack 12
      +.001 > .  12:12(0) ack 21
      +.001 < F. 21:21(0) ack 12
      +.001 > .  12:12(0) ack 22`;
    expect(verdictOf(await diagnoseBytes(captureOf(scriptFrames(halfClose))), RULE).verdict).toBe('clear');
  });

  test('a RST without a FIN before it', async () => {
    const reset = `${handshake(0)}
      +.001 > P. 1:11(10) ack 1
      +.001 < R. 1:1(0) ack 11
      +3    > P. 11:31(20) ack 1
      +.001 < R  1:1(0)`;
    expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(reset))), RULE)).toEqual([]);
  });

  test('where data was filtered out', async () => {
    const report = await diagnoseBytes(captureOf(flagsOnly(scriptFrames(stale(0, 3)))));
    expect(verdictOf(report, RULE).verdict).toBe('inconclusive');
  });
});
