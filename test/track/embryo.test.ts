/** What a connection has in its first two records, at the limits of their words. */
import { describe, expect, test } from 'vitest';
import { closedAt } from '../../src/track/sequel.ts';
import { play, playFrames } from '../support/play.ts';
import { scriptFrames } from '../support/script.ts';

describe('SYNs and SYN-ACKs of a connection without any other segment', () => {
  // An octet holds 255.
  test.each([255, 256, 300])('that come %i times are counted as often, with all their octets', (n) => {
    const again = (segment: string): string => `+1 ${segment}\n`.repeat(n - 1);
    const frames = scriptFrames(`
      +0 > S 0:0(0)
      ${again('> S 0:0(0)')}
      +.1 < S. 0:0(0) ack 1
      ${again('< S. 0:0(0) ack 1')}`);
    const octets = (from: string): number =>
      frames
        .filter(({ segment }) => segment.kind === 'tcp' && segment.from === from)
        .reduce((sum, { bytes }) => sum + bytes.length - 14, 0);
    const { client, server } = playFrames(frames).last;
    expect([client.syn, client.packets, client.retransmissions, client.ipBytes]).toEqual([n, n, n - 1, octets('client')]);
    expect([server.synAck, server.packets, server.retransmissions, server.ipBytes]).toEqual([n, n, n - 1, octets('server')]);
  });
});

describe('when a connection was closed', () => {
  test.each([
    ['in microseconds, for half an hour', '+1800', 1_800_000_002_000],
    ['in nanoseconds, for two seconds', '+1.500000001', 1_500_002_001],
    ['and beyond both the log knows', '+1800.000000001', -1],
  ])('is kept %s', (_name, wait, at) => {
    const { tracker } = play(`
      +0 > S 0:0(0)
      +.000001 < S. 0:0(0) ack 1
      +.000001 > . 1:1(0) ack 1
      ${wait} > F. 1:1(0) ack 1`);
    expect(closedAt(tracker.tables, 0)).toBe(at);
  });
});
