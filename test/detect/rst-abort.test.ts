/** Aborts of live sockets, and the many RSTs that are none. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake, lateExchange, sentBy } from '../support/traffic.ts';

const RULE = 'rst-abort';

/** Request and answer, both acknowledged. */
const exchange = (at = 0): string => `${handshake(at)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  +.001 > .  11:11(0) ack 21`;

/** The same, closed in order by the client. */
const closed = (at: number): string => `${exchange(at)}
  +.1   > F. 11:11(0) ack 21
  +.001 < F. 21:21(0) ack 12
  +.001 > .  12:12(0) ack 22`;

const only = async (script: string): Promise<ReturnType<typeof findingsOf>> =>
  findingsOf(await diagnoseBytes(captureOf(scriptFrames(script), lateExchange(20))), RULE);

describe('real captures', () => {
  test('SO_LINGER 0 at the client: 12 of 19', async () => {
    const [finding, ...more] = findingsOf(await diagnoseFixture('rst_linger0.pcapng'), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({
      id: 'rst-abort/[fdcb:1bc4:658d:4e::f1b5]@[fdcb:1bc4:658d:4e::c0b5]:80',
      severity: 'warning',
      atFault: 'fdcb:1bc4:658d:4e::f1b5',
      count: 12,
    });
    expect(finding!.metrics).toMatchObject({ afterCompleteExchange: 12, comparedWithConnections: 7 });
    expect(finding!.causes[0]!.text).toContain('SO_LINGER 0');
  });

  test('close() with unread data at the server: 10', async () => {
    const [finding] = findingsOf(await diagnoseFixture('rst_close_unread.pcapng'), RULE);
    expect(finding).toMatchObject({ severity: 'warning', atFault: '192.168.217.130', count: 10 });
    expect(finding!.causes[0]!.text).toContain('received data is unread');
  });

  test('one aborted connection inside a VLAN', async () => {
    expect(findingsOf(await diagnoseFixture('vlan_ipv6.pcap'), RULE)[0]).toMatchObject({
      severity: 'warning',
      atFault: 'fdc8:326d:23e9:62::4fbb',
      count: 1,
    });
  });

  test.each([
    'tls_close_rst.pcap.gz',
    'healthcheck_rst.pcap',
    'rst_injection_exact.pcap',
    'rst_challenge_ack.pcap',
    'firewall_idle_cut.pcap',
    'keepalive_dead_peer.pcap',
    'timers_run_out.pcap',
    'connect_timeout.pcap',
    'close_wait_then_killed.pcap',
    'accept_overflow_rst.pcap',
    'half_open_reboot.pcap',
    'refused.pcapng',
  ])('nothing above info in %s', async (fixture) => {
    expect(findingsOf(await diagnoseFixture(fixture), RULE).filter((f) => f.severity !== 'info')).toEqual([]);
  });
});

describe('scripted', () => {
  test('a request is answered by RST: it lay unread', async () => {
    const [finding] = await only(`${handshake(0)}
  +.001 > P. 1:11(10) ack 1
  +.001 < R. 1:1(0) ack 11`);
    expect(finding).toMatchObject({ id: 'rst-abort/10.0.0.2:80', severity: 'warning', atFault: '10.0.0.2' });
    expect(finding!.metrics).toMatchObject({ withUnreadData: 1 });
  });

  test('a RST that its sender outlives ended nothing, whoever made it', async () => {
    expect(
      await only(`${handshake(0)}
  +.040 > R. 1:1(0) ack 1
  +.040 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11`),
    ).toEqual([]);
  });

  test('a listener that closes resets its children before they were accepted', async () => {
    const script = (): string => `${handshake(0)}\n  +1 < R. 1:1(0) ack 1`;
    const [finding] = findingsOf(await diagnoseBytes(captureOf(connections(4, script), lateExchange(3))), RULE);
    expect(finding).toMatchObject({ count: 4 });
    expect(finding!.metrics).toMatchObject({ neverAccepted: 4, mostAtOnce: 4 });
    expect(finding!.causes[0]!.text).toContain('listener was closed');
  });

  test('a RST of another distance may be a device on the path: the fault says so, and does not claim its TTL', async () => {
    const frames = scriptFrames(`${exchange()}\n  +.001 > R. 11:11(0) ack 21`).map((f) => {
      if (!f.segment.text.includes(' R.')) return f;
      const bytes = Uint8Array.from(f.bytes);
      bytes[14 + 8] = 200; // the IPv4 TTL behind 14 octets of Ethernet
      return { ...f, bytes };
    });
    const [finding] = findingsOf(await diagnoseBytes(captureOf(frames, lateExchange(20))), RULE);
    expect(finding).toMatchObject({ confidence: 'medium' });
    expect(finding!.faultBecause).toContain('device on the path');
  });

  test('an idle timeout that resets loses nothing: a notice', async () => {
    const [finding] = await only(`${exchange()}\n  +10 < R. 21:21(0) ack 11`);
    expect(finding).toMatchObject({ severity: 'notice', atFault: '10.0.0.2' });
  });

  test('a single abort among others of its kind has one moment, not a time between', async () => {
    const aborted = `${exchange(2)}\n  +.1 > R. 11:11(0) ack 21`;
    const frames = connections(5, (i) => (i === 2 ? aborted : closed(i)));
    const [finding] = findingsOf(await diagnoseBytes(captureOf(frames, lateExchange(20))), RULE);
    expect(finding).toMatchObject({ count: 1 });
    expect(finding!.summary).toContain('by RST instead of FIN at 08:33:02.105 UTC');
    expect(finding!.summary).toContain('do not tell the 1 affected from the 4 others');
    expect(finding!.summary).not.toContain('between');
  });

  test('several that were opened together are told apart by that', async () => {
    const frames = connections(8, (i) => (i < 3 ? `${exchange(2)}\n  +.1 > R. 11:11(0) ack 21` : closed(i)));
    const [finding] = findingsOf(await diagnoseBytes(captureOf(frames, lateExchange(20))), RULE);
    expect(finding!.summary).toContain('The affected were all opened at 08:33:02.000 UTC, as 0 of the 5 others were.');
  });

  test('when the service refuses right afterwards, it went down', async () => {
    const down = scriptFrames(
      `
  +1    > S  0:0(0) win 64240 <mss 1460>
  +.001 < R. 0:0(0) ack 1 win 0`,
      { clientPort: 41000 },
    );
    const report = await diagnoseBytes(
      captureOf(
        connections(3, () => `${exchange()}\n  +.5 < R. 21:21(0) ack 11`),
        down,
      ),
    );
    const [finding] = findingsOf(report, RULE);
    expect(finding).toMatchObject({ count: 3 });
    expect(finding!.metrics).toMatchObject({ whileServiceWentDown: 3 });
    expect(finding!.causes[0]!.text).toContain('killed or crashed');
  });

  test('aborts of many clients are one finding about the service', async () => {
    const bytes = captureOf(
      connections(
        8,
        (i) => `${exchange(i)}\n  +.001 > R. 11:11(0) ack 21`,
        (i) => ({ clientIp: `10.0.${i}.1` }),
      ),
    );
    const [finding, ...more] = findingsOf(await diagnoseBytes(bytes), RULE);
    expect(more).toEqual([]);
    expect(finding).toMatchObject({ id: 'rst-abort/0.0.0.0/0@10.0.0.2:80', atFault: null, count: 8 });
  });

  test.each([
    ['after the FINs of both', `${exchange()}\n  +.001 > F. 11:11(0) ack 21\n  +.001 < F. 21:21(0) ack 12\n  +.001 > R. 12:12(0) ack 22`],
    ['instead of the last ACK', `${exchange()}\n  +.001 < F. 21:21(0) ack 11\n  +.001 > R. 11:11(0) ack 22`],
    ['of a kernel without a socket', `${exchange()}\n  +5 > P. 11:21(10) ack 21\n  +.001 < R 21:21(0) win 0`],
    ['of a client after the bare handshake', `${handshake(0)}\n  +.001 > R. 1:1(0) ack 1`],
    ['after probes that nobody answered', `${exchange()}\n  +5 > . 10:10(0) ack 21\n  +5 > . 10:10(0) ack 21\n  +5 > R. 11:11(0) ack 21`],
    [
      'outside the window',
      `${exchange()}\n  +.1 > R. 900000011:900000011(0) ack 21\n  +.1 > P. 11:21(10) ack 21\n  +.001 < . 21:21(0) ack 21`,
    ],
  ])('not a RST %s', async (_name, script) => {
    expect(await only(script)).toEqual([]);
  });

  test('flags alone do not show what a RST cut off', async () => {
    const frames = connections(4, (i) => `${exchange(i)}\n  +.001 > ${i < 2 ? 'R. 11:11(0) ack 21' : 'F. 11:11(0) ack 21'}`);
    expect(verdictOf(await diagnoseBytes(captureOf(flagsOnly(frames))), RULE)).toMatchObject({ verdict: 'inconclusive' });
    expect(findingsOf(await diagnoseBytes(captureOf(sentBy('client', frames))), RULE)).toEqual([]);
  });

  test('a connection that began before the capture', async () => {
    const [finding] = await only(`
  +0    > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  +.001 > .  11:11(0) ack 21
  +.001 > R. 11:11(0) ack 21`);
    expect(finding).toMatchObject({ confidence: 'medium', atFault: '10.0.0.1' });
  });
});
