/** Lone ACKs by the hundred, and the lone ACKs that every capture has. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import type { ScriptedFrame } from '../support/script.ts';
import { captureOf, connections, lateExchange, sentBy, wholeConnection } from '../support/traffic.ts';

const RULE = 'ack-flood';

const acks = (count: number, segment = '. 1:1(0) ack 1', answer: string | null = 'R 1:1(0) win 0', step = 0.01): readonly ScriptedFrame[] =>
  connections(
    count,
    (i) => `
  +${(i * step).toFixed(6)} > ${segment}${answer === null ? '' : `\n  +.001 < ${answer}`}`,
    (i) => ({ clientIp: `203.0.${i % 100}.${1 + (i % 250)}`, clientPort: 33_000 + 7 * i }),
  );
const diagnose = (...frames: readonly (readonly ScriptedFrame[])[]): ReturnType<typeof diagnoseBytes> =>
  diagnoseBytes(captureOf(...frames, lateExchange(5)));

test.each(['midstream_capture.pcapng', 'half_open_reboot.pcap', 'portscan_flags.pcap', 'rst_every_state.pcap', 'process_killed.pcap'])(
  'not in %s',
  async (fixture) => {
    expect(verdictOf(await diagnoseFixture(fixture), RULE).verdict).toBe('clear');
  },
);

describe('scripted', () => {
  test('a hundred ACKs within ten seconds, each met by a bare RST', async () => {
    const [finding, ...more] = findingsOf(
      await diagnose(
        acks(100),
        connections(5, (i) => wholeConnection(i * 0.2)),
      ),
      RULE,
    );
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'ack-flood/10.0.0.2:80',
      severity: 'critical',
      atFault: 'attacker',
      count: 100,
      metrics: { handshakes: 5 },
    });
  });

  test.each([
    ['99 are none', acks(99)],
    ['nor is one every second', acks(100, '. 1:1(0) ack 1', 'R 1:1(0) win 0', 1)],
    ['data of clients that a restarted server has forgotten', acks(150, 'P. 1:11(10) ack 1')],
    ['connections from before the capture, which are answered', acks(150, '. 1:1(0) ack 1', '. 1:1(0) ack 1')],
    ['no answer in the capture', acks(150, '. 1:1(0) ack 1', null)],
  ])('%s', async (_, frames) => {
    expect(verdictOf(await diagnose(frames), RULE).verdict).toBe('clear');
  });

  test('clients that connect again were real, and their server has restarted', async () => {
    const again = connections(
      150,
      (i) => wholeConnection(2 + i * 0.01),
      (i) => ({ clientIp: `203.0.${i % 100}.${1 + (i % 250)}`, clientPort: 50_000 + i }),
    );
    expect(verdictOf(await diagnose(acks(150), again), RULE).verdict).toBe('clear');
  });

  test('one direction', async () => {
    expect(
      verdictOf(
        await diagnoseBytes(
          captureOf(
            sentBy(
              'client',
              connections(9, (i) => wholeConnection(i)),
            ),
          ),
        ),
        RULE,
      ).verdict,
    ).toBe('inconclusive');
  });
});
