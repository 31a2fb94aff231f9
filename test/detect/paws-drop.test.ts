/** Segments refused because their timestamp is older than one that the receiver took. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, flagsOnly, healthy, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'paws-drop';
const ts = (value: number, echo: number): string => `<nop,nop,TS val ${value} ecr ${echo}>`;

/** The server has taken a segment with timestamp 5001. */
const exchange = `
  +0    > S  0:0(0) win 64240 <mss 1460,sackOK,TS val 5000 ecr 0,wscale 7>
  +.001 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 200 ecr 5000,wscale 7>
  +.001 > .  1:1(0) ack 1 ${ts(5001, 200)}
  +.001 > P. 1:11(10) ack 1 ${ts(5001, 200)}
  +.001 < .  1:1(0) ack 11 win 1000 ${ts(201, 5001)}`;

const run = async (script: string): Promise<ReturnType<typeof findingsOf>> =>
  findingsOf(await diagnoseBytes(captureOf(scriptFrames(script), lateExchange(30))), RULE);

test('real: data and SYNs from a second clock behind one address (the first copy of the data is not told from loss)', async () => {
  const [finding, ...more] = findingsOf(await diagnoseFixture('paws_rejects.pcap'), RULE);
  expect(more).toEqual([]);
  expect(finding).toMatchObject({
    id: 'paws-drop/10.87.124.177@10.87.124.69:443',
    severity: 'warning',
    count: 3,
    atFault: 'path',
    // 3507329711 - 3498332989, tshark
    metrics: { dataSegments: 4, syns: 2, largestLeadTicks: 8_996_722 },
  });
});

describe('found', () => {
  test('data sent again and again with timestamps from before, each answered by the newer echo', async () => {
    const [finding] = await run(`${exchange}
  +.1   > P. 11:21(10) ack 1 ${ts(100, 201)}
  +.001 < .  1:1(0) ack 11 win 1000 ${ts(300, 5001)}
  +.3   > P. 11:21(10) ack 1 ${ts(400, 201)}
  +.001 < .  1:1(0) ack 11 win 1000 ${ts(600, 5001)}
  +.6   > P. 11:21(10) ack 1 ${ts(1000, 201)}
  +.001 < .  1:1(0) ack 11 win 1000 ${ts(1200, 5001)}`);
    expect(finding).toMatchObject({ count: 1, atFault: null, metrics: { dataSegments: 2, syns: 0, largestLeadTicks: 4601 } });
  });

  test('across the wrap of the timestamp', async () => {
    const near = 2 ** 32 - 100;
    const script = exchange.replaceAll('5001', '50').replaceAll('5000', '40');
    const [finding] = await run(`${script}
  +.1   > P. 11:21(10) ack 1 ${ts(near, 201)}
  +.001 < .  1:1(0) ack 11 win 1000 ${ts(300, 50)}
  +.3   > P. 11:21(10) ack 1 ${ts(near, 201)}
  +.001 < .  1:1(0) ack 11 win 1000 ${ts(600, 50)}
  +.6   > P. 11:21(10) ack 1 ${ts(near, 201)}
  +.001 < .  1:1(0) ack 11 win 1000 ${ts(1200, 50)}`);
    expect(finding!.metrics).toMatchObject({ dataSegments: 2, largestLeadTicks: 150 });
  });
});

describe('silent', () => {
  test('ordinary loss: what is sent again has a newer timestamp', async () => {
    expect(
      await run(`${exchange}
  +.1   > P. 11:21(10) ack 1 ${ts(5100, 201)}
  +.3   > P. 11:21(10) ack 1 ${ts(5400, 201)}
  +.001 < .  1:1(0) ack 11 win 1000 ${ts(600, 5001)}
  +.6   > P. 11:21(10) ack 1 ${ts(6000, 201)}
  +.001 < .  1:1(0) ack 11 win 1000 ${ts(1200, 5001)}
  +.001 < .  1:1(0) ack 21 win 1000 ${ts(1200, 6000)}`),
    ).toEqual([]);
  });

  test('an old duplicate, which the ACK no longer waits for', async () => {
    expect(
      await run(`${exchange}
  +.1   > P. 11:21(10) ack 1 ${ts(5100, 201)}
  +.001 < .  1:1(0) ack 21 win 1000 ${ts(300, 5100)}
  +.3   > P. 1:11(10) ack 1 ${ts(5001, 201)}
  +.001 < .  1:1(0) ack 21 win 1000 ${ts(600, 5100)}
  +.3   > P. 1:11(10) ack 1 ${ts(5001, 201)}
  +.001 < .  1:1(0) ack 21 win 1000 ${ts(900, 5100)}`),
    ).toEqual([]);
  });

  test('a SYN without a timestamp, on the tuple of a connection that had sent data again', async () => {
    expect(
      await run(`${exchange}
  +.1   > P. 11:21(10) ack 1 ${ts(5100, 201)}
  +.3   > P. 11:21(10) ack 1 ${ts(5101, 201)}
  +.001 < .  1:1(0) ack 21 win 1000 ${ts(600, 5101)}
  +.01  < F. 1:1(0) ack 21 win 1000 ${ts(610, 5101)}
  +.01  > F. 21:21(0) ack 2 ${ts(5200, 610)}
  +.001 < .  2:2(0) ack 22 win 1000 ${ts(620, 5200)}
  +1    > S  100000:100000(0) win 64240 <mss 1460>
  +.001 < .  2:2(0) ack 22 win 1000 ${ts(1620, 5200)}
  +1    > S  100000:100000(0) win 64240 <mss 1460>
  +.001 < .  2:2(0) ack 22 win 1000 ${ts(2620, 5200)}`),
    ).toEqual([]);
  });

  test.each(['time_wait_syn_challenge.pcapng', 'loss_behind_capture.pcap', 'ephemeral_reuse.pcap.gz', 'last_ack_stuck.pcap'])(
    '%s',
    async (name) => {
      expect(findingsOf(await diagnoseFixture(name), RULE)).toEqual([]);
    },
  );
});

test.each([
  ['one direction', sentBy('client', healthy)],
  ['flags alone', flagsOnly(healthy)],
])('inconclusive: %s', async (_, frames) => {
  expect(verdictOf(await diagnoseBytes(captureOf(frames)), RULE).verdict).toBe('inconclusive');
});
