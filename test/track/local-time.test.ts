/** Transitions placed in time at their own end. */
import { describe, expect, test } from 'vitest';
import { nanos, NANOS_PER_SECOND } from '../../src/model/units.ts';
import type { Delays } from '../../src/model/vantage.ts';
import { localTimes } from '../../src/track/local-time.ts';
import { play } from '../support/play.ts';

/** Seconds at each end, beside the cause. */
function placed(script: string, delays: Delays): [end: string, cause: string, seconds: number][] {
  const { transitions } = play(script).last;
  return localTimes(transitions, delays).map((t, i) => {
    const { side, cause } = transitions[i]!;
    return [side === 0 ? 'client' : 'server', cause, t / NANOS_PER_SECOND];
  });
}

describe('localTimes', () => {
  test('what an end sent, it sent before; what it received, it received after', () => {
    const script = `
    +0   > S  0:0(0)
    +.1  < S. 0:0(0) ack 1
    +.02 > .  1:1(0) ack 1`;
    expect(placed(script, [0.01, 0.05])).toEqual([
      ['client', 'sends SYN', -0.01],
      ['server', 'sends SYN-ACK', 0.05],
      ['client', 'receives SYN-ACK', 0.11],
      ['server', 'its SYN is acknowledged', 0.17],
    ]);
  });

  test('of FINs that cross, the other end received the first one a delay after it passed, not when its own passes', () => {
    const script = `
    +0   > S  0:0(0)
    +.1  < S. 0:0(0) ack 1
    +0   > .  1:1(0) ack 1
    +1   > F. 1:1(0) ack 1
    +.06 < F. 1:1(0) ack 1
    +0   > .  2:2(0) ack 2
    +.06 < .  2:2(0) ack 2`;
    const server = placed(script, [0, 0.05]).filter(([end]) => end === 'server');
    expect(server.slice(2, 4)).toEqual([
      ['server', 'sends FIN', 1.11],
      ['server', 'receives FIN', 1.15],
    ]);
  });

  test('an unknown delay leaves the time of the capture point', () => {
    const script = '+0 > S 0:0(0)\n+.1 < S. 0:0(0) ack 1';
    expect(placed(script, [null, null]).map(([, , at]) => at)).toEqual([0, 0.1, 0.1]);
  });

  test('an end never goes back in time', () => {
    const at = (ms: number, travel: -1 | 0 | 1) => ({ time: nanos(ms * 1e6), frame: null, side: 0 as const, travel });
    expect(localTimes([at(0, 1), at(10, -1), at(20, 0)], [0.05, null])).toEqual([50e6, 50e6, 50e6]);
  });
});
