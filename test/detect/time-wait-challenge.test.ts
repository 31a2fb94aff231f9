/** A SYN on a used tuple, answered by an ACK of the connection before. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, flagsOnly, handshake, healthy, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'time-wait-challenge';

/** The server closes first and holds TIME_WAIT; sequence numbers go to 12 and 22. */
const closed = `${handshake(0)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  +.001 < F. 21:21(0) ack 11
  +.001 > F. 11:11(0) ack 22
  +.001 < .  22:22(0) ack 12`;
/** A SYN 90,000 below the ISN of the one before. */
const refusedSyn = `
  +.5   > S  4294877296:4294877296(0) win 64240 <mss 1460>
  +.001 < .  22:22(0) ack 12 win 65160
  +.001 > R  12:12(0) win 0`;
const retry = (seconds: string): string => `
  +${seconds} > S  4294877296:4294877296(0) win 64240 <mss 1460>
  +.001 < S. 500000:500000(0) ack 4294877297 <mss 1460>
  +.001 > .  4294877297:4294877297(0) ack 500001`;

const run = async (script: string): Promise<ReturnType<typeof findingsOf>> =>
  findingsOf(await diagnoseBytes(captureOf(scriptFrames(script), lateExchange(20))), RULE);

test('real: two ports taken again, 26 ms each', async () => {
  const [finding, ...more] = findingsOf(await diagnoseFixture('time_wait_syn_challenge.pcapng'), RULE);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({
    id: 'time-wait-challenge/172.21.11.41:9000',
    severity: 'warning',
    count: 2,
    atFault: null,
    metrics: { clientPorts: 2, notThrough: 0 },
  });
  expect(finding!.summary).toContain('held in TIME_WAIT');
  // frames 16 and 19: 22.5 ms; 40 and 43: 26.6 ms
  expect(finding!.metrics.longestLostSeconds).toBeCloseTo(0.0266, 4);
});

describe('found', () => {
  test('the SYN comes again after its timer: a second lost', async () => {
    const [finding] = await run(`${closed}${refusedSyn}${retry('1')}`);
    expect(finding).toMatchObject({ count: 1, metrics: { longestLostSeconds: 1.002 } });
  });

  test('a firewall eats the RST: nothing gets through', async () => {
    const [finding] = await run(`${closed}
  +.5   > S  4294877296:4294877296(0) win 64240 <mss 1460>
  +.001 < .  22:22(0) ack 12
  +1    > S  4294877296:4294877296(0) win 64240 <mss 1460>
  +.001 < .  22:22(0) ack 12`);
    expect(finding).toMatchObject({ count: 1, metrics: { notThrough: 1, longestLostSeconds: null } });
  });

  test('the older connection ended before the capture began', async () => {
    expect(await run(`${refusedSyn}${retry('.01')}`)).toHaveLength(1);
  });
});

describe('silent', () => {
  test('TIME_WAIT accepts the SYN', async () => {
    expect(
      await run(`${closed}\n  +.5 > S  90000:90000(0) win 64240 <mss 1460>\n  +.001 < S. 65559:65559(0) ack 90001 <mss 1460>`),
    ).toEqual([]);
  });

  test('the SYN-ACK is missing, and the server already acknowledges the SYN', async () => {
    expect(await run(`+0 > S 0:0(0)\n  +.001 < . 1:1(0) ack 1\n  +1 > S 0:0(0)`)).toEqual([]);
  });

  test('a "client" that goes on with a FIN: nobody who waits for a SYN-ACK', async () => {
    expect(await run(`+0 > S 0:0(0)\n  +.001 < . 22:22(0) ack 12\n  +.001 > F 1:1(0)\n  +.001 > R 12:12(0) win 0`)).toEqual([]);
  });

  test.each(['port_reuse_server_tw.pcap', 'paws_rejects.pcap', 'half_open_reboot.pcap', 'syn_odd.pcap'])('%s', async (name) => {
    expect(findingsOf(await diagnoseFixture(name), RULE)).toEqual([]);
  });

  test('nothing to see', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
  });
});

test.each([
  ['one direction', sentBy('client', healthy)],
  ['flags alone', flagsOnly(healthy)],
])('inconclusive: %s', async (_, frames) => {
  expect(verdictOf(await diagnoseBytes(captureOf(frames)), RULE).verdict).toBe('inconclusive');
});
