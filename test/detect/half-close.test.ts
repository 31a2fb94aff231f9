/** A connection in use after one end has closed its direction: legitimate, and no leak. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake, healthy, sentBy } from '../support/traffic.ts';

const RULE = 'half-close';

/** The client ends its request with a FIN (`nc -N`); the server answers and closes. */
const request = (at: number): string => `${handshake(at)}
  +.001 > P. 1:11(10) ack 1
  +.001 > F. 11:11(0) ack 1           # FIN_WAIT_1 / CLOSE_WAIT
  +.001 < .  1:1(0) ack 12            # FIN_WAIT_2 / CLOSE_WAIT
  +2    < P. 1:1001(1000) ack 12
  +.001 > .  12:12(0) ack 1001
  +.001 < F. 1001:1001(0) ack 12
  +.001 > .  12:12(0) ack 1002`;

describe('real captures', () => {
  test('10 connections use shutdown(SHUT_WR) as the end of a request', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('half_close.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ severity: 'info', count: 10, atFault: null, metrics: { stillOpen: 0 } });
  });

  test('5 servers send rows into half-closed connections, 4 of them to the end of the capture', async () => {
    const [finding] = findingsOf(await diagnoseFixture('close_wait_halfclose_active.pcap'), RULE);
    expect(finding).toMatchObject({ severity: 'info', count: 5, atFault: null, metrics: { stillOpen: 4 } });
  });

  test.each([
    'broken_pipe.pcap',
    'tls_close_rst.pcap.gz',
    'close_wait_leak.pcap',
    'healthy_client_closes.pcap',
    'fin_wait2_orphan_timeout.pcap',
  ])('%s: none', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });
});

test('what was sent after the FIN, and for how long', async () => {
  const [finding] = findingsOf(await diagnoseBytes(captureOf(connections(3, (i) => request(i)))), RULE);
  expect(finding).toMatchObject({
    id: 'half-close/10.0.0.2:80',
    count: 3,
    subject: { host: '10.0.0.2', role: 'server', port: 80 },
    metrics: { octetsAfterFin: 3000, longestSeconds: 2.001, stillOpen: 0 },
  });
});

test('of a connection that began before the capture, the FIN and what follows is enough', async () => {
  const tail = request(0).split('\n').slice(5).join('\n');
  const [finding] = findingsOf(await diagnoseBytes(captureOf(scriptFrames(`+0 < . 1:1(0) ack 11\n${tail}`))), RULE);
  expect(finding).toMatchObject({ count: 1, metrics: { octetsAfterFin: 1000 } });
});

describe('silent', () => {
  test('for data that crosses the FIN and does not acknowledge it', async () => {
    const crossing = `${handshake(0)}
      +.001 > P. 1:11(10) ack 1
      +.001 > F. 11:11(0) ack 1
      +.001 < P. 1:21(20) ack 11
      +.001 < F. 21:21(0) ack 12
      +.001 > .  12:12(0) ack 22`;
    expect(verdictOf(await diagnoseBytes(captureOf(scriptFrames(crossing))), RULE).verdict).toBe('clear');
  });

  test('for data that meets a RST', async () => {
    const refused = `${handshake(0)}
      +.001 > F. 1:1(0) ack 1
      +.001 < .  1:1(0) ack 2
      +2    < P. 1:21(20) ack 2
      +.001 > R  2:2(0)`;
    expect(findingsOf(await diagnoseBytes(captureOf(scriptFrames(refused))), RULE)).toEqual([]);
  });

  test('for ordinary closes', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
  });
});

test('inconclusive where the data or the other direction is missing', async () => {
  const frames = connections(3, (i) => request(i));
  for (const part of [flagsOnly(frames), sentBy('client', frames)])
    expect(verdictOf(await diagnoseBytes(captureOf(part)), RULE).verdict).toBe('inconclusive');
});
