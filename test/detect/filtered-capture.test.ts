/** Captures that a filter has made: one kind of packet is missing everywhere. */
import { expect, test } from 'vitest';
import type { RawRecord } from '../../src/capture/reader.ts';
import { Flag } from '../../src/model/flags.ts';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { ethernet, ipv6, udp } from '../support/frames.ts';
import { pcapOf } from '../support/script.ts';
import { captureOf, connections, flagsOnly, healthy, lonelySyns, segments, wholeConnection } from '../support/traffic.ts';

const RULE = 'filtered-capture';

/** `tcpdump 'ip6[53] & 7 != 0'`: the flags are octet 13 behind 40 octets of IPv6; 7 is FIN, SYN and RST. */
const flagged = ({ bytes, at }: RawRecord): boolean => (bytes[at + 14 + 40 + 13]! & (Flag.FIN | Flag.SYN | Flag.RST)) !== 0;

test('84 real connections, of which a filter on flags left SYN and FIN', async () => {
  const fixture = 'healthy_client_closes.pcap';
  expect(verdictOf(await diagnoseFixture(fixture), RULE).verdict).toBe('clear');
  expect(findingsOf(await diagnoseFixture(fixture, {}, flagged), RULE)).toMatchObject([
    { severity: 'info', confidence: 'high', count: 84, title: 'The capture holds only SYN, FIN and RST: it was filtered' },
  ]);
});

test('a real scan is SYNs and RSTs by itself', async () => {
  expect(verdictOf(await diagnoseFixture('portscan_syn.pcap'), RULE).verdict).toBe('clear');
});

test('whole connections: clear', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf(healthy)), RULE).verdict).toBe('clear');
});

test('only SYN, FIN and RST', async () => {
  const [finding] = findingsOf(await diagnoseBytes(captureOf(flagsOnly(healthy))), RULE);
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
  expect(findingsOf(await diagnoseBytes(captureOf(frames)), RULE)[0]!.title).toContain('no acknowledgment without data');
});

test('one port and nothing else, in many connections', async () => {
  const frames = connections(60, (i) => wholeConnection(i * 0.1));
  expect(findingsOf(await diagnoseBytes(captureOf(frames)), RULE)[0]!.title).toContain('only port 80');
  const query = { seconds: 1795163580, nanos: 1, bytes: ethernet(ipv6({}, udp())) };
  expect(verdictOf(await diagnoseBytes(pcapOf([...frames.slice(0, 1), query, ...frames.slice(1)])), RULE).verdict).toBe('clear');
});

test('SYNs alone are a scan, a flood or a dead host', async () => {
  expect(verdictOf(await diagnoseBytes(captureOf(lonelySyns)), RULE).verdict).toBe('clear');
});
