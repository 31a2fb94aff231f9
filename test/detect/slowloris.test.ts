/** Requests in drops. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import type { ScriptedFrame, ScriptOptions } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake, healthy, sentBy } from '../support/traffic.ts';

const RULE = 'slowloris';
const REQUEST = 'GET /a HTTP/1.1\r\nX-a: '; // 22 octets, and no blank line

/** The beginning of a request, then one octet a second, `drops` times; all acknowledged, none answered. */
const dripping = (at: number, drops: number): string =>
  `${handshake(at)}
  +.001 > P. 1:23(22) ack 1
  +.001 < . 1:1(0) ack 23` +
  Array.from({ length: drops }, (_, i) => `\n+.999 > P. ${23 + i}:${24 + i}(1) ack 1\n+.001 < . 1:1(0) ack ${24 + i}`).join('');

const http: ScriptOptions = { clientText: REQUEST };
const attack = (count: number, drops = 15, options: (i: number) => ScriptOptions = () => http) =>
  connections(count, (i) => dripping(i * 0.01, drops), options);

describe('real captures', () => {
  test('45 connections of one address, an octet each 0.94 s; 17 requests of another client are whole', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('slowloris.pcap.gz'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'slowloris/10.48.126.182:8080',
      severity: 'critical',
      atFault: '10.48.126.76',
      count: 45,
      metrics: { sources: 1, unfinishedHeaders: 45, octetsPerPiece: 1, otherClients: 1, otherConnections: 17 },
    });
  });

  test.each(['slow_server.pcap.gz', 'http_flood.pcap.gz', 'keepalive_dead_peer.pcap', 'accept_overflow.pcap'])(
    '%s: none',
    async (fixture) => {
      expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
    },
  );
});

test('thirty connections of one address', async () => {
  const [finding] = findingsOf(await diagnoseBytes(captureOf(attack(30))), RULE);
  expect(finding).toMatchObject({ id: 'slowloris/10.0.0.2:80', count: 30, atFault: '10.0.0.1', until: null });
  expect(finding!.metrics.secondsBetweenPieces).toBeCloseTo(1, 6);
});

test('from many addresses it is an attacker without a name', async () => {
  const many = attack(30, 15, (i) => ({ ...http, clientIp: `10.1.0.${String(i + 1)}` }));
  expect(findingsOf(await diagnoseBytes(captureOf(many)), RULE)).toMatchObject([
    { count: 30, atFault: 'attacker', metrics: { sources: 30 } },
  ]);
});

describe('silent', () => {
  const verdict = async (...frames: (readonly ScriptedFrame[])[]) => verdictOf(await diagnoseBytes(captureOf(...frames)), RULE).verdict;

  test('for 19 connections, one fewer than minConnections', async () => {
    expect(await verdict(attack(19))).toBe('clear');
    expect(await verdict(attack(20))).toBe('found');
  });

  test('when it has lasted for 8 s only', async () => {
    expect(await verdict(attack(30, 8))).toBe('clear');
  });

  test('for protocols in which only the client speaks, such as syslog', async () => {
    expect(await verdict(attack(30, 15, () => ({ clientText: '<13>1 2026-11-20T08:33' })))).toBe('clear');
  });

  test('for long polling: the request is complete, and the client waits', async () => {
    const polls = connections(
      30,
      (i) => `${handshake(i * 0.01)}\n+.001 > P. 1:25(24) ack 1\n+.001 < . 1:1(0) ack 25\n+30 < P. 1:21(20) ack 25`,
      () => ({ clientText: 'GET /poll HTTP/1.1\r\n\r\n..' }),
    );
    expect(await verdict(polls)).toBe('clear');
  });

  test('where the server answers each piece', async () => {
    const typed = connections(
      30,
      (i) => `${dripping(i * 0.01, 15)}\n+.1 < P. 1:21(20) ack 38`,
      () => http,
    );
    expect(await verdict(typed)).toBe('clear');
  });

  test('for uploads in large pieces', async () => {
    const upload = (at: number) =>
      handshake(at) + Array.from({ length: 15 }, (_, i) => `\n+.999 > P. ${1 + 1000 * i}:${1001 + 1000 * i}(1000) ack 1`).join('');
    expect(
      await verdict(
        connections(
          30,
          (i) => upload(i * 0.01),
          () => ({ clientText: 'POST /up HTTP/1.1\r\n' }),
        ),
      ),
    ).toBe('clear');
  });

  test('for ordinary connections', async () => {
    expect(await verdict(healthy)).toBe('clear');
  });
});

test('a capture that began in the middle does not show how the requests began', async () => {
  const tails = connections(
    30,
    (i) =>
      dripping(i * 0.01, 15)
        .split('\n')
        .slice(5)
        .join('\n'),
    () => http,
  );
  expect(verdictOf(await diagnoseBytes(captureOf(tails)), RULE).verdict).toBe('clear');
});

test('inconclusive where payload or the other direction is missing', async () => {
  const frames = attack(30);
  for (const part of [flagsOnly(frames), sentBy('client', frames)])
    expect(verdictOf(await diagnoseBytes(captureOf(part)), RULE).verdict).toBe('inconclusive');
});
