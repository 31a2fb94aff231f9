/**
 * Why segments were sent again, and what was probed, against the counters of the kernel that sent them (`nstat` before and after, in
 * NAME.kernel.json). Only hosts at whose own interface the capture was taken: elsewhere segments are lost before the capture point.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { EndpointView } from '../../src/model/connection.ts';
import { trackedFixture } from '../support/tracked.ts';

const FIXTURES = new URL('../../fixtures/', import.meta.url);

interface Kernel {
  readonly captured: { readonly at: string };
  readonly hosts: Readonly<Record<string, string>>;
  /** Differences of nstat's counters by side; what is not listed is 0. */
  readonly counters?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** What the capture shows, and what the kernel counted. */
const COUNTERS: Readonly<Record<string, (end: EndpointView) => number>> = {
  TcpRetransSegs: (e) => e.retransmissions,
  TcpExtTCPLossProbes: (e) => e.sequence.tailLossProbes,
  TcpExtTCPKeepAlive: (e) => e.sequence.keepAlives,
  TcpExtTCPWinProbe: (e) => e.sequence.windowProbes,
  TcpExtTCPToZeroWindowAdv: (e) => e.sequence.zeroWindowEpisodes,
};

/** The kernel's count where the capture cannot hold as many, with the reason. */
const OTHERWISE: Readonly<Record<string, Readonly<Record<string, readonly [kernel: number, why: string]>>>> = {
  pmtu_blackhole: {
    TcpExtTCPLossProbes: [
      2,
      'both probes were new data, the 11th segment with a congestion window of 10 (RFC 8985 §7.3): nothing was sent again',
    ],
  },
  syn_flood_one_source: {
    TcpRetransSegs: [672, 'the capture was stopped while the kernel still repeated SYN-ACKs: it holds 669 (tshark)'],
  },
};

const kernels = readdirSync(FIXTURES)
  .filter((name) => name.endsWith('.kernel.json'))
  .map((name) => ({
    name: name.replace('.kernel.json', ''),
    kernel: JSON.parse(readFileSync(new URL(name, FIXTURES), 'utf8')) as Kernel,
  }))
  .filter(({ kernel }) => kernel.counters !== undefined);

test('there are captures with counters', () => {
  expect(kernels.length).toBeGreaterThan(10);
});

describe.each(kernels)('$name', ({ name, kernel }) => {
  test('has as many repeats and probes as the kernel sent', async () => {
    const file = readdirSync(FIXTURES).find((f) => f.startsWith(`${name}.pcap`))!;
    const at = kernel.captured.at;
    const ends = (await trackedFixture(file)).flatMap((c) => c.ends).filter((e) => kernel.hosts[e.ip] === at);
    const seen: Record<string, number> = {};
    const wanted: Record<string, number> = {};
    for (const [counter, of] of Object.entries(COUNTERS)) {
      seen[counter] = ends.reduce((sum, e) => sum + of(e), 0);
      wanted[counter] = kernel.counters?.[at]?.[counter] ?? 0;
      const otherwise = OTHERWISE[name]?.[counter];
      if (otherwise === undefined) continue;
      expect(wanted[counter], `the exception for ${counter}`).toBe(otherwise[0]);
      wanted[counter] = seen[counter];
    }
    expect(seen).toEqual(wanted);
  });
});
