/** TCP Fast Open: what was asked, granted, taken and ignored. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf } from '../support/diagnose.ts';
import { captureOf, connections, healthy, sentBy } from '../support/traffic.ts';

const RULE = 'tcp-fast-open';

/** @param ack what the SYN-ACK acknowledges: 101 with the data, 1 without */
const withData = (at: number, ack: number): string => `
  +${at.toFixed(6)} > S  0:100(100) win 64240 <mss 1460,sackOK,tfo 8>
  +.01  < S. 0:0(0) ack ${ack} win 65160 <mss 1460,sackOK>
  +.01  > .  101:101(0) ack 1`;

describe('real captures', () => {
  // truth: 1 cookie request, 4 + 1 with data taken, 1 with a cookie of the server's old key, which gets a new one
  test('one asks, five are taken, one is ignored', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('tcp_fast_open.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      severity: 'info',
      atFault: null,
      count: 7,
      metrics: { cookieRequests: 1, cookiesGranted: 2, dataInSyn: 6, dataTaken: 5, dataIgnored: 1, synsWithDataRepeated: 0 },
    });
    expect(finding!.causes[0]!.because).toContain('granted a new cookie');
  });

  test('not in healthy_server_closes.pcap', async () => {
    expect(findingsOf(await diagnoseFixture('healthy_server_closes.pcap'), RULE)).toEqual([]);
  });
});

describe('scripted', () => {
  test('taken and ignored', async () => {
    const [finding] = findingsOf(await diagnoseBytes(captureOf(connections(3, (i) => withData(i, i === 0 ? 1 : 101)))), RULE);
    expect(finding).toMatchObject({ count: 3, metrics: { dataTaken: 2, dataIgnored: 1 } });
  });

  test('a SYN with data that must be repeated without it: the path may drop it', async () => {
    const script = `
  +0    > S  0:100(100) win 64240 <mss 1460,sackOK,tfo 8>
  +1.0  > S  0:0(0) win 64240 <mss 1460,sackOK>
  +.01  < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK>
  +.01  > .  1:1(0) ack 1`;
    const [finding] = findingsOf(await diagnoseBytes(captureOf(connections(2, () => script))), RULE);
    expect(finding).toMatchObject({ metrics: { synsWithDataRepeated: 2, dataTaken: 0 } });
    expect(finding!.causes[0]).toMatchObject({ likelihood: 'high' });
  });

  test('data in a SYN without the option is something else', async () => {
    const script = withData(0, 101).replace(',tfo 8', '');
    expect(
      findingsOf(
        await diagnoseBytes(
          captureOf(
            connections(2, () => script),
            healthy,
          ),
        ),
        RULE,
      ),
    ).toEqual([]);
  });

  test('the client alone: nothing is said to be taken or ignored', async () => {
    const [finding] = findingsOf(
      await diagnoseBytes(
        captureOf(
          sentBy(
            'client',
            connections(2, (i) => withData(i, 101)),
          ),
        ),
      ),
      RULE,
    );
    expect(finding).toMatchObject({ metrics: { dataTaken: 0, dataIgnored: 0 } });
  });
});
