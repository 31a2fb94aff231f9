/** A maximum segment size below Ethernet's in one direction. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf } from '../support/diagnose.ts';
import { captureOf, connections, handshake, sentBy } from '../support/traffic.ts';

const RULE = 'mss-clamping';

const withMss = (at: number, client: number, server: number): string => {
  const [syn, synAck, ...rest] = handshake(at).trimStart().split('\n');
  return [syn!.replace('mss 1460', `mss ${client}`), synAck!.replace('mss 1460', `mss ${server}`), ...rest].join('\n');
};

describe('real captures', () => {
  test('a router rewrites 1460 to 1380: seen at the server', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('mss_clamping.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      severity: 'info',
      atFault: null,
      count: 3,
      metrics: { mssBytes: 1380, otherMssBytes: 1460, pathMtuBytes: 1420 },
    });
  });

  test.each(['healthy_offload.pcap', 'healthy_server_closes.pcap', 'tiny_snaplen.pcap'])('not in %s', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });
});

describe('scripted', () => {
  const of = async (client: number, server: number, n = 3, family: 4 | 6 = 4): Promise<readonly unknown[]> =>
    findingsOf(
      await diagnoseBytes(
        captureOf(
          connections(
            n,
            (i) => withMss(i, client, server),
            () => ({ family }),
          ),
        ),
      ),
      RULE,
    );

  test('either direction', async () => {
    expect(await of(1380, 1460)).toMatchObject([{ metrics: { mssBytes: 1380, pathMtuBytes: 1420 } }]);
    expect(await of(1460, 1300)).toMatchObject([{ metrics: { mssBytes: 1300 } }]);
    expect(await of(1220, 1440, 3, 6)).toMatchObject([{ metrics: { mssBytes: 1220, pathMtuBytes: 1280 } }]);
  });

  test.each([
    ['PPPoE', 1452, 1460, 3],
    ['jumbo frames on one side', 1460, 8960, 3],
    ['the same on both sides', 1380, 1380, 3],
    ['two handshakes', 1380, 1460, 2],
  ])('not for %s', async (_, client, server, n) => {
    expect(await of(client, server, n)).toEqual([]);
  });

  test('a few clients among many are no path', async () => {
    const bytes = captureOf(connections(12, (i) => withMss(i * 0.1, i < 4 ? 1380 : 1460, 1460)));
    expect(findingsOf(await diagnoseBytes(bytes), RULE)).toEqual([]);
  });

  test('one direction alone has nothing to compare with', async () => {
    const bytes = captureOf(
      sentBy(
        'client',
        connections(3, (i) => withMss(i, 1380, 1460)),
      ),
    );
    expect(findingsOf(await diagnoseBytes(bytes), RULE)).toEqual([]);
  });
});
