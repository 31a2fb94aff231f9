/** RSTs that their sender did not send: scored, never on one sign. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { type ScriptedFrame, scriptFrames } from '../support/script.ts';
import { captureOf, isRst, lateExchange, sentBy, withTtl } from '../support/traffic.ts';

const RULE = 'rst-injection';
const TS = '<nop,nop,TS val 100 ecr 200>';

/** A TLS-like exchange with timestamps. */
const exchange = `
  +0    > S  0:0(0) win 64240 <mss 1460,sackOK,TS val 100 ecr 0,wscale 7>
  +.010 < S. 0:0(0) ack 1 win 65160 <mss 1460,sackOK,TS val 200 ecr 100,wscale 7>
  +.010 > .  1:1(0) ack 1 ${TS}
  +.001 > P. 1:101(100) ack 1 ${TS}
  +.010 < P. 1:201(200) ack 101 ${TS}
  +.010 > .  101:101(0) ack 201 ${TS}`;

const run = async (frames: readonly ScriptedFrame[]): Promise<ReturnType<typeof findingsOf>> =>
  findingsOf(await diagnoseBytes(captureOf(frames, lateExchange(20))), RULE);

describe('real captures', () => {
  test('two connections cut by exact RSTs; the sender goes on and meets a RST', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('rst_injection_exact.pcap'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ severity: 'critical', atFault: 'path', count: 2 });
    expect(finding!.metrics).toMatchObject({ connectionsHit: 2, resetTtl: 237, senderTtl: 64 });
    expect(finding!.metrics.signs).toContain('sender-goes-on');
    expect(finding!.metrics.signs).toContain('ttl=2');
  });

  test('a firewall that forgot an idle connection resets it with a TTL of its own: a warning', async () => {
    const [finding] = findingsOf(await diagnoseFixture('firewall_idle_cut.pcap'), RULE);
    expect(finding).toMatchObject({ severity: 'warning', atFault: 'path', count: 2 });
    expect(finding!.metrics).toMatchObject({ resetTtl: 255, senderTtl: 64 });
    expect(finding!.causes[0]!.text).toContain('firewall');
  });

  test('guesses that only provoke challenge ACKs: attempts, and no connection hit', async () => {
    const [finding] = findingsOf(await diagnoseFixture('rst_challenge_ack.pcap'), RULE);
    expect(finding).toMatchObject({ severity: 'critical', atFault: 'path' });
    // truth: 4 RSTs in the window and one outside
    expect(finding!.metrics).toMatchObject({ forgedResets: 5, connectionsHit: 0, connectionsSurviving: 1 });
  });

  test.each([
    'incident.pcap',
    'process_killed.pcap',
    'rst_linger0.pcapng',
    'rst_close_unread.pcapng',
    'broken_pipe.pcap',
    'accept_overflow_rst.pcap',
    'connect_timeout.pcap',
    'reconnect_storm.pcap.gz',
    'timers_run_out.pcap',
    'tls_close_rst.pcap.gz',
    'tls_reset_after_loss.pcap',
    'half_open_reboot.pcap',
    'keepalive_dead_peer.pcap',
    'refused.pcapng',
    'healthcheck_rst.pcap',
  ])('not in %s', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE)).toEqual([]);
  });
});

describe('scripted', () => {
  test('the sender goes on after "its" RST, which came from another distance', async () => {
    const frames = scriptFrames(
      `${exchange}
  +1    < R. 201:201(0) ack 101 win 0
  +.200 < P. 201:301(100) ack 101 ${TS}
  +.010 > R  101:101(0) win 0`,
      { family: 4 },
    );
    const [finding] = await run(withTtl(41, frames, (f) => isRst(f) && f.segment.from === 'server'));
    expect(finding).toMatchObject({ severity: 'critical', atFault: 'path', count: 1 });
    expect(finding!.metrics.signs).toContain('sender-goes-on=3');
    expect(finding!.metrics.score).toBeGreaterThanOrEqual(5);
    expect(finding!.evidence.map((e) => e.note).join()).toContain('goes on sending');
  });

  test('a different TTL alone is one sign', async () => {
    const frames = scriptFrames(`${exchange}\n  +1 < R. 201:201(0) ack 101 win 509 ${TS}`);
    expect(await run(withTtl(41, frames, isRst))).toEqual([]);
  });

  test('two signs below the usual sum count when the sum is lowered', async () => {
    const frames = withTtl(41, scriptFrames(`${exchange}\n  +1 < R. 201:201(0) ack 101 win 509`), isRst);
    const bytes = captureOf(frames, lateExchange(20));
    expect(findingsOf(await diagnoseBytes(bytes), RULE)).toEqual([]);
    const [finding] = findingsOf(await diagnoseBytes(bytes, { set: { 'rst-injection.minScore': 3 } }), RULE);
    expect(finding!.metrics).toMatchObject({ score: 3, scoreNeeded: 3, signs: 'ttl=2 options=1' });
  });

  test('the bare RST of a kernel that has no socket, with options and window as it makes them', async () => {
    expect(
      await run(
        scriptFrames(`${exchange}
  +60   > P. 101:201(100) ack 201 ${TS}
  +.010 < R  201:201(0) win 0`),
      ),
    ).toEqual([]);
  });

  test('RFC 5961: a RST behind a lost segment is challenged, and its sender confirms it by a bare one', async () => {
    expect(
      await run(
        scriptFrames(`${exchange}
  +1     < R. 301:301(0) ack 101 win 509 ${TS}
  +.0001 > .  101:101(0) ack 201 ${TS}
  +.0001 < R  201:201(0) win 0`),
      ),
    ).toEqual([]);
  });

  test('a balancer that ends an idle connection in the series of its own segments', async () => {
    expect(await run(scriptFrames(`${exchange}\n  +60 < R. 201:201(0) ack 101 win 509 ${TS}`))).toEqual([]);
  });

  test('data that was under way when the RST was sent', async () => {
    expect(
      await run(
        scriptFrames(`${exchange}
  +1     < R. 301:301(0) ack 101 win 509 ${TS}
  +.0001 < P. 201:301(100) ack 101 ${TS}`),
      ),
    ).toEqual([]);
  });

  test('a connection that began before the capture can be told as well', async () => {
    const frames = scriptFrames(`
  +0    > P. 1:101(100) ack 1 ${TS}
  +.010 < P. 1:201(200) ack 101 ${TS}
  +.010 > .  101:101(0) ack 201 ${TS}
  +1    < R. 201:201(0) ack 101 win 0
  +.200 < P. 201:301(100) ack 101 ${TS}`);
    expect(await run(withTtl(41, frames, isRst))).toHaveLength(1);
  });

  test('one direction alone does not show how the other end took it', async () => {
    const frames = withTtl(41, sentBy('server', scriptFrames(`${exchange}\n  +1 < R. 201:201(0) ack 101 win 0`)), isRst);
    expect(verdictOf(await diagnoseBytes(captureOf(frames)), RULE).verdict).toBe('inconclusive');
  });
});
