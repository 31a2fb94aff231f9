/** A RST or SYN inside a live connection that only provoked a challenge ACK. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { type ScriptedFrame, scriptFrames } from '../support/script.ts';
import { captureOf, flagsOnly, handshake, healthy, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'challenge-ack';

const exchange = `${handshake(0)}
  +.001 > P. 1:101(100) ack 1
  +.001 < P. 1:201(200) ack 101
  +.001 > .  101:101(0) ack 201`;
const goesOn = `
  +1    > P. 101:201(100) ack 201
  +.001 < .  201:201(0) ack 201`;
const run = async (frames: readonly ScriptedFrame[]): Promise<ReturnType<typeof findingsOf>> =>
  findingsOf(await diagnoseBytes(captureOf(frames, lateExchange(20))), RULE);

test('real: four RSTs in the window and a SYN are answered, one RST outside is not (nstat: TCPChallengeACK 5)', async () => {
  const [finding, ...more] = findingsOf(await diagnoseFixture('rst_challenge_ack.pcap'), RULE);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({
    id: 'challenge-ack/10.229.128.118@10.229.128.66:80',
    severity: 'warning',
    count: 1,
    atFault: 'attacker',
    metrics: { resets: 5, syns: 1, challengeAcks: 5 },
  });
});

describe('found', () => {
  test('a RST in the window, and the end that it names goes on', async () => {
    const [finding] = await run(
      scriptFrames(`${exchange}
  +1    > R  5101:5101(0) win 0
  +.001 < .  201:201(0) ack 101${goesOn}`),
    );
    expect(finding).toMatchObject({ count: 1, atFault: 'path', metrics: { resets: 1, syns: 0, challengeAcks: 1 } });
  });

  test('a SYN inside the connection', async () => {
    const [finding] = await run(
      scriptFrames(`${exchange}
  +1    > S  5101:5101(0) win 1000
  +.001 < .  201:201(0) ack 101${goesOn}`),
    );
    expect(finding).toMatchObject({ count: 1, metrics: { resets: 0, syns: 1, challengeAcks: 1 } });
  });

  test('of a connection that began before the capture', async () => {
    const frames = scriptFrames(`
  +0    > P. 1:101(100) ack 1
  +.001 < P. 1:201(200) ack 101
  +.001 > .  101:101(0) ack 201
  +1    > R  5101:5101(0) win 0
  +.001 < .  201:201(0) ack 101${goesOn}`);
    expect(await run(frames)).toHaveLength(1);
  });
});

describe('silent', () => {
  test('a peer that rebooted answers the challenge ACK by a RST (RFC 9293 figure 9)', async () => {
    const frames = scriptFrames(`${exchange}
  +1    > S  5101:5101(0) win 1000
  +.001 < .  201:201(0) ack 101
  +.001 > R  101:101(0) win 0
  +1    > S  5101:5101(0) win 1000
  +.001 < S. 9000:9000(0) ack 5102
  +.001 > .  5102:5102(0) ack 9001`);
    expect(await run(frames)).toEqual([]);
  });

  test('nobody speaks afterwards: whether the connection lives is not seen', async () => {
    const frames = scriptFrames(`${exchange}
  +1    > R  5101:5101(0) win 0
  +.001 < .  201:201(0) ack 101`);
    expect(await run(frames)).toEqual([]);
  });

  test('a RST that ended the connection', async () => {
    expect(await run(scriptFrames(`${exchange}\n  +1 > R 101:101(0) win 0`))).toEqual([]);
  });

  test.each(['half_open_reboot.pcap', 'rst_injection_exact.pcap', 'time_wait_syn_challenge.pcapng', 'incident.pcap'])(
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
  ['one direction', sentBy('client', healthy)],
  ['flags alone', flagsOnly(healthy)],
])('inconclusive: %s', async (_, frames) => {
  expect(verdictOf(await diagnoseBytes(captureOf(frames)), RULE).verdict).toBe('inconclusive');
});
