/** Large segments that vanish while small ones pass. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { type ScriptedFrame, scriptFrames } from '../support/script.ts';
import { captureOf, flagsOnly, handshake, healthy, lateExchange, wholeConnection } from '../support/traffic.ts';

const RULE = 'pmtu-blackhole';

/** A small request, and an answer of `size` octets that is repeated after 0.2, 0.4, 0.8 … s. */
const stuck = (size: number, copies = 5): string => `${handshake(0)}
  +.001 > P. 1:11(10) ack 1
  +.001 < .  1:${1 + size}(${size}) ack 11
${Array.from({ length: copies }, (_, i) => `  +${String(0.2 * 2 ** i)} < . 1:${1 + size}(${size}) ack 11`).join('\n')}`;

const small = scriptFrames(wholeConnection(0.1).replaceAll('1001', '101').replaceAll('1000', '100').replaceAll('1002', '102'), {
  clientPort: 40100,
});

describe('real captures', () => {
  test('2 large answers never arrive, a small one does', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('pmtu_blackhole.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      severity: 'critical',
      count: 2,
      atFault: 'path',
      subject: { host: '10.139.211.246', role: 'server', port: 8080 },
      metrics: { largestPayloadOctets: 1448, repeats: 10, icmpTooBig: 0 },
    });
    // The connection with the small answer.
    expect(finding!.faultBecause).toContain('10.139.211.232:38540');
  });

  test.each(['pmtu_discovery.pcap', 'packet_loss.pcap.gz', 'firewall_idle_cut.pcap', 'zero_window.pcap', 'healthy_offload.pcap'])(
    '%s: none',
    async (fixture) => {
      expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
    },
  );
});

describe('an answer of 1,400 octets that is repeated five times', () => {
  test('a small answer passes meanwhile', async () => {
    expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(stuck(1400)), small)), RULE)).toMatchObject([
      { id: 'pmtu-blackhole/10.0.0.2:80', severity: 'critical', atFault: 'path', metrics: { repeats: 5 } },
    ]);
  });

  test('the client goes on speaking on the connection itself', async () => {
    const script = `${stuck(1400)}\n  +.001 > P. 11:21(10) ack 1\n  +6.4 < . 1:1401(1400) ack 21`;
    expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(script))), RULE)).toMatchObject([{ confidence: 'high' }]);
  });

  test('ICMP asked for less, in vain', async () => {
    const script = `${stuck(1400, 1)}
  +.001 > icmp 3/4
${Array.from({ length: 5 }, (_, i) => `  +${String(0.4 * 2 ** i)} < . 1:1401(1400) ack 11`).join('\n')}`;
    expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(script), small)), RULE)).toMatchObject([{ metrics: { icmpTooBig: 1 } }]);
  });
});

describe('silent', () => {
  const silent = async (script: string, ...more: (readonly ScriptedFrame[])[]): Promise<void> =>
    expect(verdictOf(await diagnoseBytes(captureOf(scriptFrames(script), lateExchange(20), ...more)), RULE).verdict).toBe('clear');

  test('when nothing at all is heard of the client any more', () => silent(stuck(1400)));
  test('for small segments', () => silent(stuck(600), small));
  test('for three repeats', () => silent(stuck(1400, 3), small));
  test('when it is acknowledged at last', () => silent(`${stuck(1400)}\n  +.001 > . 11:11(0) ack 1401`, small));
  test('of a connection that began before the capture: what had passed is not known', () =>
    silent(stuck(1400).split('\n').slice(4).join('\n'), small));

  test('when another connection gets as much through', () => {
    const large = wholeConnection(0.1).replaceAll('1001', '1401').replaceAll('1000', '1400').replaceAll('1002', '1402');
    return silent(stuck(1400), scriptFrames(large, { clientPort: 40100 }));
  });

  test('for healthy connections', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
  });
});

test('inconclusive where only SYN, FIN and RST were captured', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf(flagsOnly(healthy))), RULE).verdict).toBe('inconclusive');
});
