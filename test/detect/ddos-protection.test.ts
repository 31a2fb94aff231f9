/** Something that tests each new source before it lets it through. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf } from '../support/diagnose.ts';
import { captureOf, connections, handshake, sentBy } from '../support/traffic.ts';

const RULE = 'ddos-protection';

/** The first SYN is dropped, the second answered. */
const tested = (at: number): string => `
  +${at.toFixed(6)} > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +1.00 > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +.001 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
  +.001 > .  1:1(0) ack 1`;

/** `sources` clients with three connections each, of which those that pass `isTested` need a second SYN. */
const traffic = (sources: number, isTested: (nth: number, source: number) => boolean): ReturnType<typeof connections> =>
  connections(
    3 * sources,
    (i) => (isTested(Math.floor(i / sources), i % sources) ? tested : handshake)(0.1 * (i % sources) + 3 * Math.floor(i / sources)),
    (i) => ({ clientIp: `10.0.1.${String(1 + (i % sources))}` }),
  );

describe('real captures', () => {
  test.each(['synack_lost.pcap', 'reconnect_storm.pcap.gz', 'time_wait_syn_challenge.pcapng', 'healthy_client_closes.pcap'])(
    'not in %s',
    async (fixture) => {
      expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
    },
  );
});

describe('scripted', () => {
  test('the first SYN of each source is dropped, and that is no loss', async () => {
    const report = await diagnoseBytes(captureOf(traffic(6, (nth) => nth === 0)));
    const [finding] = findingsOf(report, RULE);
    expect(finding).toMatchObject({
      severity: 'info',
      atFault: null,
      count: 6,
      metrics: { sources: 6, passedAtOnce: 12, method: 'first-syn' },
    });
    expect(finding!.metrics.medianDelaySeconds).toBeCloseTo(1, 3);
    expect(findingsOf(report, 'slow-handshake')).toEqual([]);
  });

  test('a SYN-ACK with a wrong ACK number, answered by RST', async () => {
    const script = (i: number): string => `
  +${(0.1 * i).toFixed(6)} > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +.001 < S. 7000:7000(0) ack 900000 win 65160 <mss 1460>
  +.001 > R  900000:900000(0) win 0
  +1.00 > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +.001 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
  +.001 > .  1:1(0) ack 1`;
    const [finding] = findingsOf(
      await diagnoseBytes(captureOf(connections(6, script, (i) => ({ clientIp: `10.0.1.${String(1 + i)}` })))),
      RULE,
    );
    expect(finding).toMatchObject({ count: 6, confidence: 'high', metrics: { method: 'wrong-ack' } });
  });

  test.each([
    ['loss that does not care who is new', (nth: number, source: number): boolean => (nth + source) % 3 === 0],
    ['a path that loses every first SYN, also of known sources', (): boolean => true],
  ])('not for %s', async (_, isTested) => {
    expect(findingsOf(await diagnoseBytes(captureOf(traffic(6, isTested))), RULE)).toEqual([]);
  });

  test('one direction alone', async () => {
    expect(
      findingsOf(
        await diagnoseBytes(
          captureOf(
            sentBy(
              'client',
              traffic(6, (nth) => nth === 0),
            ),
          ),
        ),
        RULE,
      ),
    ).toEqual([]);
  });
});
