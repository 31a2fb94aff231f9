/** Connects that completed late because the SYN had to be repeated. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf } from '../support/diagnose.ts';
import { captureOf, connections, handshake, sentBy } from '../support/traffic.ts';

const RULE = 'slow-handshake';

/** The SYN again after `wait` seconds. */
const late = (at: number, wait = 1): string => `
  +${at.toFixed(6)} > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +${wait} > S  0:0(0) win 64240 <mss 1460,sackOK,wscale 7>
  +.01 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>
  +.001 > .  1:1(0) ack 1`;

describe('real captures', () => {
  test('the first SYN-ACKs are lost before the capture point', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('synack_lost.pcap'), RULE);
    expect(more).toEqual([]);
    // truth: one loses one SYN-ACK, two lose two (1 s and 1 s more: the linear schedule)
    expect(finding).toMatchObject({ severity: 'warning', count: 3, atFault: null, metrics: { modes: '1 s (1), 2 s (2)' } });
  });

  // truth: a backlog of 16 and 93 accepts a second; SYNs are dropped and repeated after 1, 2 and 3 s
  test('a reconnect storm on a short queue', async () => {
    const [finding] = findingsOf(await diagnoseFixture('reconnect_storm.pcap.gz'), RULE);
    expect(finding).toMatchObject({ id: 'slow-handshake/172.26.27.181:1883', severity: 'warning', metrics: { answeredBeforeRepeat: 0 } });
  });

  test.each(['healthy_client_closes.pcap', 'time_wait_syn_challenge.pcapng', 'lost_third_ack.pcap', 'syn_blackhole_linear.pcap'])(
    'not in %s',
    async (fixture) => {
      expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
    },
  );
});

describe('scripted', () => {
  const quick = (n: number): ReturnType<typeof connections> =>
    connections(
      n,
      (i) => handshake(0.01 * i),
      () => ({ clientIp: '10.0.0.7' }),
    );

  test('three of thirteen are a warning, with the time lost by mode', async () => {
    const [finding] = findingsOf(
      await diagnoseBytes(
        captureOf(
          connections(3, (i) => late(i, i === 2 ? 3 : 1)),
          quick(10),
        ),
      ),
      RULE,
    );
    expect(finding).toMatchObject({ severity: 'warning', count: 3, metrics: { modes: '1 s (2), 3 s (1)', handshakesCompleted: 13 } });
    expect(finding!.metrics.lostSecondsTotal).toBeCloseTo(5, 6);
    expect(finding!.summary).toContain('3 of the 3 affected have the peer 10.0.0.1');
  });

  test('two in four hundred are the ordinary loss of a path', async () => {
    const [finding] = findingsOf(
      await diagnoseBytes(
        captureOf(
          connections(2, (i) => late(i)),
          quick(400),
        ),
      ),
      RULE,
    );
    expect(finding).toMatchObject({ severity: 'info', count: 2 });
  });

  test('a SYN-ACK seen before the SYN came again was lost or late itself', async () => {
    const script = late(0).replace('+1 >', '+.005 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,wscale 7>\n  +.995 >');
    const [finding] = findingsOf(await diagnoseBytes(captureOf(connections(3, () => script))), RULE);
    expect(finding).toMatchObject({ metrics: { answeredBeforeRepeat: 3 } });
  });

  test.each([
    ['a SYN doubled on the way', late(0, 0.0002)],
    ['a SYN that is never answered', late(0).split('\n').slice(0, 3).join('\n')],
  ])('not for %s', async (_, script) => {
    expect(
      findingsOf(
        await diagnoseBytes(
          captureOf(
            connections(4, () => script),
            quick(10),
          ),
        ),
        RULE,
      ),
    ).toEqual([]);
  });

  test('one direction alone shows no handshake', async () => {
    expect(
      findingsOf(
        await diagnoseBytes(
          captureOf(
            sentBy(
              'client',
              connections(4, (i) => late(i)),
            ),
          ),
        ),
        RULE,
      ),
    ).toEqual([]);
  });
});
