/** SYNs that cross (RFC 9293 figure 7). */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, handshake, healthy, sentBy } from '../support/traffic.ts';

const RULE = 'simultaneous-open';

const crossing = `
  +0    > S  0:0(0) win 64240 <mss 1460>
  +.002 < S  0:0(0) win 64240 <mss 1460>            # SYN_SENT / SYN_SENT
  +.003 > S. 0:0(0) ack 1 win 64240 <mss 1460>
  +.001 < S. 0:0(0) ack 1 win 64240 <mss 1460>
  +.003 > .  1:1(0) ack 1
  +.001 > P. 1:11(10) ack 1
  +.001 < .  1:1(0) ack 11`;

test('3 connections of a real capture', async () => {
  const [finding, ...more] = findingsOf(await diagnoseFixture('simultaneous_open.pcap'), RULE);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({ severity: 'info', count: 3, atFault: null, metrics: { established: 3 } });
});

test('both SYNs are shown', async () => {
  const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(crossing))), RULE);
  expect(finding).toMatchObject({ count: 1, subject: { host: '10.0.0.1', peer: '10.0.0.2' }, evidence: [{ frame: 1 }, { frame: 2 }] });
});

describe('silent', () => {
  test('for a SYN of the server that nobody answers by SYN-ACK', async () => {
    const stray = `${handshake(0)}
      +1    < S  5000:5000(0) win 64240 <mss 1460>
      +.001 > .  1:1(0) ack 1`;
    expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(stray))), RULE)).toEqual([]);
  });

  test('for two SYNs that cross and go no further', async () => {
    const lost = crossing.trim().split('\n').slice(0, 2).join('\n');
    expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(lost))), RULE)).toEqual([]);
  });

  test('when the capture begins behind the SYNs', async () => {
    const tail = crossing.trim().split('\n').slice(4).join('\n');
    expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(tail))), RULE)).toEqual([]);
  });

  test.each(['time_wait_syn_challenge.pcapng', 'port_reuse_server_tw.pcap', 'rst_challenge_ack.pcap'])('%s', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });

  test('for ordinary handshakes', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
  });
});

test('inconclusive in one direction', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf(sentBy('client', healthy))), RULE).verdict).toBe('inconclusive');
});
