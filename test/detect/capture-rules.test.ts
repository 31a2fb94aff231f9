/** What the capture itself lacks: filtered-capture, one-way-capture, mid-stream, capture-gaps. */
import { describe, expect, test } from 'vitest';
import { Flag } from '../../src/model/flags.ts';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { ethernet, fragment, ipv6, udp } from '../support/frames.ts';
import { pcapOf, type ScriptedFrame, scriptFrames } from '../support/script.ts';
import { captureOf, connections, flagsOnly, handshake, merged, sentBy } from '../support/traffic.ts';

const whole = (at: number): string => `${handshake(at)}
  +.001 > P. 1:11(10) ack 1
  +.001 < .  1:1(0) ack 11
  +.001 < P. 1:1001(1000) ack 11
  +.001 > .  11:11(0) ack 1001
  +.001 > F. 11:11(0) ack 1001
  +.001 < F. 1001:1001(0) ack 12
  +.001 > .  12:12(0) ack 1002`;
const healthy = connections(6, (i) => whole(i * 0.1));
const syns = connections(
  60,
  (i) => `+${i * 0.01} > S 0:0(0)`,
  (i) => ({ serverPort: 1000 + i }),
);

const segments = (frames: readonly ScriptedFrame[], keep: (flags: number, length: number) => boolean): readonly ScriptedFrame[] =>
  frames.filter(({ segment }) => segment.kind === 'tcp' && keep(segment.flags, segment.length));

test.each(['filtered-capture', 'one-way-capture', 'mid-stream', 'capture-gaps'])('%s is clear for whole connections', async (rule) => {
  expect(verdictOf(await diagnoseBytes(captureOf(healthy)), rule).verdict).toBe('clear');
});

describe('filtered-capture', () => {
  test('only SYN, FIN and RST', async () => {
    const [finding] = findingsOf(await diagnoseBytes(captureOf(flagsOnly(healthy))), 'filtered-capture');
    expect(finding).toMatchObject({
      id: 'filtered-capture/capture',
      severity: 'info',
      confidence: 'high',
      count: 6,
      atFault: null,
      evidence: [{ frame: 1 }, {}, {}, {}, {}],
    });
  });

  test('no acknowledgment without data', async () => {
    const frames = segments(healthy, (flags, length) => length > 0 || (flags & (Flag.SYN | Flag.FIN)) !== 0);
    expect(findingsOf(await diagnoseBytes(captureOf(frames)), 'filtered-capture')[0]!.title).toContain('no acknowledgment without data');
  });

  test('one port and nothing else, in many connections', async () => {
    const frames = connections(60, (i) => whole(i * 0.1));
    expect(findingsOf(await diagnoseBytes(captureOf(frames)), 'filtered-capture')[0]!.title).toContain('only port 80');
    const query = { seconds: 1795163580, nanos: 1, bytes: ethernet(ipv6({}, udp())) };
    expect(verdictOf(await diagnoseBytes(pcapOf([...frames.slice(0, 1), query, ...frames.slice(1)])), 'filtered-capture').verdict).toBe(
      'clear',
    );
  });

  test('SYNs alone are a scan, a flood or a dead host', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(syns)), 'filtered-capture').verdict).toBe('clear');
  });
});

describe('one-way-capture', () => {
  test('29 real connections of which only the server was captured', async () => {
    const [finding] = findingsOf(await diagnoseFixture('one_direction_capture.pcap'), 'one-way-capture');
    expect(finding).toMatchObject({ severity: 'info', count: 29, metrics: { capturedSide: 'servers' } });
  });

  test('one connection of many is not the capture', async () => {
    const lame = sentBy('server', scriptFrames(whole(1), { clientPort: 50000 }));
    expect(verdictOf(await diagnoseBytes(captureOf(merged(healthy, lame))), 'one-way-capture').verdict).toBe('clear');
  });

  test('SYNs without an answer are not one-way', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(syns)), 'one-way-capture').verdict).toBe('clear');
  });
});

describe('mid-stream', () => {
  test('7 real connections that were open before', async () => {
    expect(findingsOf(await diagnoseFixture('midstream_capture.pcapng'), 'mid-stream')).toMatchObject([{ severity: 'info', count: 7 }]);
  });

  test('a probe that meets a RST is no connection', async () => {
    const probe = scriptFrames('+0 > F. 0:0(0) ack 0\n+.001 < R 0:0(0)', { clientPort: 50000 });
    expect(verdictOf(await diagnoseBytes(captureOf(merged(healthy, probe))), 'mid-stream').verdict).toBe('clear');
  });
});

describe('capture-gaps', () => {
  test('segments that were taken out of a real capture', async () => {
    expect(findingsOf(await diagnoseFixture('capture_with_gaps.pcap'), 'capture-gaps')).toMatchObject([
      { severity: 'info', atFault: null },
    ]);
  });

  test('an acknowledgment of octets that nobody saw', async () => {
    const frames = segments(healthy, (_flags, length) => length !== 1000);
    expect(findingsOf(await diagnoseBytes(captureOf(frames)), 'capture-gaps')).toMatchObject([
      { count: 6, metrics: { missedBytes: 6_000 } },
    ]);
  });

  test('loss that was repaired is the path, also with several holes at once', async () => {
    const lossy = `${handshake(0)}
      +.001 < P. 1:1001(1000) ack 1
      +.001 < P. 2001:3001(1000) ack 1
      +.001 < P. 4001:5001(1000) ack 1
      +.001 > .  1:1(0) ack 1001
      +.3   < P. 1001:2001(1000) ack 1
      +.001 < P. 3001:4001(1000) ack 1
      +.001 > .  1:1(0) ack 5001`;
    expect(verdictOf(await diagnoseBytes(captureOf(scriptFrames(lossy))), 'capture-gaps').verdict).toBe('clear');
  });

  test('fragments may hold what is missing', async () => {
    const frames = segments(healthy, (_flags, length) => length !== 1000);
    const part = { seconds: 1795163590, nanos: 0, bytes: ethernet(ipv6({}, fragment(udp(), { offset: 8 }))) };
    expect(verdictOf(await diagnoseBytes(pcapOf([...frames, part])), 'capture-gaps')).toMatchObject({ verdict: 'inconclusive' });
  });

  test('captures that lack everything on purpose', async () => {
    expect(verdictOf(await diagnoseBytes(captureOf(flagsOnly(healthy))), 'capture-gaps').verdict).toBe('not-applicable');
    expect(verdictOf(await diagnoseFixture('one_direction_capture.pcap'), 'capture-gaps').verdict).toBe('not-applicable');
  });
});
