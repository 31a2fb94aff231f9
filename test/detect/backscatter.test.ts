/** SYN-ACKs to those who never asked. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import type { ScriptedFrame } from '../support/script.ts';
import { captureOf, connections, lateExchange, sentBy, wholeConnection } from '../support/traffic.ts';

const RULE = 'backscatter';

const answers = (count: number, refused: boolean, ip: (i: number) => string): readonly ScriptedFrame[] =>
  connections(
    count,
    (i) => `
  +${(i * 0.1).toFixed(6)} < S. 0:0(0) ack 1 win 64240 <mss 1460>${refused ? '\n  +.001 > R 1:1(0) win 0' : ''}`,
    (i) => ({ clientIp: ip(i), serverIp: '198.51.100.80', clientPort: 1024 + 77 * i }),
  );
const diagnose = (...frames: readonly (readonly ScriptedFrame[])[]): ReturnType<typeof diagnoseBytes> =>
  diagnoseBytes(captureOf(...frames, lateExchange(5)));

test.each([
  'midstream_capture.pcapng',
  'portscan_syn.pcap',
  'syn_flood_rst_answers.pcap.gz',
  'syn_flood_one_source.pcap',
  'connect_timeout.pcap',
])('not in %s', async (fixture) => {
  expect(verdictOf(await diagnoseFixture(fixture), RULE).verdict).toBe('clear');
});

test('one direction alone', async () => {
  expect(findingsOf(await diagnoseFixture('one_direction_capture.pcap'), RULE)).toEqual([]);
});

describe('scripted', () => {
  test('twenty SYN-ACKs to addresses that refuse them', async () => {
    const [finding, ...more] = findingsOf(await diagnose(answers(20, true, (i) => `10.0.0.${10 + i}`)), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'backscatter/198.51.100.80:80',
      severity: 'warning',
      atFault: 'attacker',
      count: 20,
      metrics: { refused: 20, receivers: 20 },
    });
  });

  test('nineteen are too few', async () => {
    expect(verdictOf(await diagnose(answers(19, true, (i) => `10.0.0.${10 + i}`)), RULE).verdict).toBe('clear');
  });

  test('one silent receiver whose own SYNs to others are in the capture', async () => {
    const report = await diagnose(
      answers(30, false, () => '10.0.0.1'),
      connections(3, (i) => wholeConnection(i)),
    );
    expect(findingsOf(report, RULE)).toMatchObject([
      { subject: { host: '10.0.0.1', peer: '198.51.100.80' }, confidence: 'medium', count: 30 },
    ]);
  });

  test('silent receivers that were never seen to ask anybody: their SYNs may take another way', async () => {
    expect(verdictOf(await diagnose(answers(30, false, (i) => `10.0.0.${10 + i}`)), RULE).verdict).toBe('inconclusive');
  });

  test('what the servers send alone: connections that go on', async () => {
    const frames = sentBy(
      'server',
      connections(30, (i) => wholeConnection(i * 0.1)),
    );
    expect(findingsOf(await diagnoseBytes(captureOf(frames)), RULE)).toEqual([]);
  });
});
