/** An old duplicate, the ACK of TIME_WAIT, and the RST that ends it. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, flagsOnly, handshake, healthy, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'time-wait-assassination';

const closed = `
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  +.001 < F. 21:21(0) ack 11
  +.001 > F. 11:11(0) ack 22
  +.001 < .  22:22(0) ack 12`;
const lateCopy = `
  +.5   > P. 1:11(10) ack 1
  +.001 < .  22:22(0) ack 12
  +.001 > R  12:12(0) win 0`;

const run = async (script: string): Promise<ReturnType<typeof findingsOf>> =>
  findingsOf(await diagnoseBytes(captureOf(scriptFrames(script), lateExchange(20))), RULE);

test('real: an old segment each for two sockets (one of the kernels keeps TIME_WAIT, tcp_rfc1337 = 1, which no packet shows)', async () => {
  const [finding, ...more] = findingsOf(await diagnoseFixture('time_wait_assassination.pcap'), RULE);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ id: 'time-wait-assassination/192.168.51.217:80', severity: 'warning', count: 2, atFault: 'path' });
  expect(finding!.evidence.map((e) => e.frame)).toEqual([15, 17, 30, 32]);
});

describe('found', () => {
  test('old data 0.5 s after the close', async () => {
    const [finding] = await run(`${handshake(0)}${closed}${lateCopy}`);
    expect(finding).toMatchObject({ count: 1, metrics: { shortestTimeWaitSeconds: 0.503 } });
  });

  test('of a connection that began before the capture', async () => {
    expect(await run(`${closed}${lateCopy}`)).toHaveLength(1);
  });
});

describe('silent', () => {
  test('a FIN repeated because the last ACK was late', async () => {
    expect(
      await run(`${handshake(0)}${closed}
  +.2   > F. 11:11(0) ack 22
  +.001 < .  22:22(0) ack 12
  +.001 > R  12:12(0) win 0`),
    ).toEqual([]);
  });

  test('a RST whose number is not the next one: TIME_WAIT stays', async () => {
    expect(
      await run(`${handshake(0)}${closed}
  +.5   > P. 1:11(10) ack 1
  +.001 < .  22:22(0) ack 12
  +.001 > R  11:11(0) win 0`),
    ).toEqual([]);
  });

  test.each(['time_wait_syn_challenge.pcapng', 'tls_close_rst.pcap.gz', 'rst_every_state.pcap', 'fin_wait2_orphan_timeout.pcap'])(
    '%s',
    async (name) => {
      expect(findingsOf(await diagnoseFixture(name), RULE)).toEqual([]);
    },
  );

  test('nothing to see', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
  });
});

test.each([
  ['one direction', sentBy('server', healthy)],
  ['flags alone', flagsOnly(healthy)],
])('inconclusive: %s', async (_, frames) => {
  expect(verdictOf(await diagnoseBytes(captureOf(frames)), RULE).verdict).toBe('inconclusive');
});
