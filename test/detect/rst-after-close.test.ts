/** A RST when nothing can be lost any more. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake, healthy, sentBy } from '../support/traffic.ts';

const RULE = 'rst-after-close';

const exchange = (at: number): string => `${handshake(at)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11`;
const closed = (at: number): string => `${exchange(at)}
  +.001 > F. 11:11(0) ack 21
  +.001 < F. 21:21(0) ack 12
  +.001 > .  12:12(0) ack 22`;

describe('real captures', () => {
  test('22 TLS clients reset with tickets or a close_notify unread: information only', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('tls_close_rst.pcap.gz'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ severity: 'info', count: 22, atFault: null, metrics: { tlsGoodbyes: 22, fromClient: 22 } });
  });

  test.each(['rst_linger0.pcapng', 'rst_injection_exact.pcap', 'refused.pcapng', 'keepalive_dead_peer.pcap', 'healthcheck_rst.pcap'])(
    '%s: none',
    async (fixture) => {
      expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
    },
  );
});

test('a FIN that comes again meets a socket that is gone', async () => {
  const late = `${closed(0)}\n+.2 < F. 21:21(0) ack 12\n+.001 > R 12:12(0)`;
  const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(late))), RULE);
  expect(finding).toMatchObject({ id: 'rst-after-close/10.0.0.2:80', severity: 'info', count: 1, metrics: { afterBothFins: 1 } });
});

test('a client answers the FIN of its server by RST', async () => {
  const answered = `${exchange(0)}\n+.001 < F. 21:21(0) ack 11\n+.001 > R. 11:11(0) ack 22`;
  const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(answered))), RULE);
  expect(finding).toMatchObject({ severity: 'info', metrics: { answersFin: 1 } });
});

test('of a connection that began before the capture', async () => {
  const tail = `+0 > P. 1:11(10) ack 1\n+.001 < P. 1:21(20) ack 11\n+.001 < F. 21:21(0) ack 11\n+.001 > R. 11:11(0) ack 22`;
  expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(tail))), RULE)).toHaveLength(1);
});

describe('silent', () => {
  const silent = async (script: string): Promise<void> =>
    expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(script))), RULE)).toEqual([]);

  test('for a RST without a FIN: rst-abort', () => silent(`${exchange(0)}\n+.001 < R. 21:21(0) ack 11`));
  test('for data that meets the RST of an end that has closed: broken-pipe', () =>
    silent(`${exchange(0)}\n+1 < F. 21:21(0) ack 11\n+.001 > . 11:11(0) ack 22\n+3 > P. 11:31(20) ack 22\n+.001 < R 22:22(0)`));
  test('for a server that resets a request with its FIN', () =>
    silent(`${handshake(0)}\n+.001 > P. 1:11(10) ack 1\n+.001 > F. 11:11(0) ack 1\n+.1 < R. 1:1(0) ack 12`));

  test('for ordinary closes', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
  });
});

test('inconclusive where data or the other direction is missing', async () => {
  const frames = connections(3, (i) => closed(i));
  for (const part of [flagsOnly(frames), sentBy('client', frames)])
    expect(verdictOf(await diagnoseBytes(captureOf(part)), RULE).verdict).toBe('inconclusive');
});
