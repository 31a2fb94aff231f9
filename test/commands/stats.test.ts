/** `--stats`: on standard error, and only when somebody asks. */
import { expect, test } from 'vitest';
import type { AnalyseHooks } from '../../src/commands/world.ts';
import type { Analysis, AnalysisOptions } from '../../src/engine/analysis.ts';
import { analyse } from '../../src/engine/analyse.ts';
import { fakeAnalysis } from '../support/fake-analysis.ts';
import { tcpdiag, type Surroundings } from '../support/fake-world.ts';

/** An engine whose stages begin at these milliseconds, and which is done at the last. */
function staged(...times: number[]): Surroundings {
  let now = 0;
  return {
    now: () => now,
    peakMemory: () => 123_400_000,
    analyse: (_paths: readonly string[], _options: AnalysisOptions, hooks?: AnalyseHooks): Promise<Analysis> => {
      (['reading', 'rules', 'reading-again'] as const).forEach((stage, i) => {
        now = times[i]!;
        hooks?.stage?.(stage);
      });
      now = times.at(-1)!;
      return Promise.resolve(fakeAnalysis());
    },
  };
}

test('tells the time of each stage, and what connections, log and process take', async () => {
  const { err, out } = await tcpdiag(['report', '-', '--stats'], staged(0, 2_000, 2_500, 2_750));
  const lines = err.split('\n').filter((line) => line.startsWith('tcpdiag: stats: '));
  expect(lines).toHaveLength(4);
  expect(lines[0]).toBe('tcpdiag: stats: 849 packets, 91.0 kB: reading 2 s (425 packets/s, 45.5 kB/s), rules 500 ms, reading again 250 ms');
  expect(lines[1]).toBe(
    'tcpdiag: stats: 49 connections: 0 of one SYN, 73 octets each; 1 of SYNs and SYN-ACKs, 121 octets each; 48 others, 640 octets each, or 350 packed, as 40 of them are',
  );
  expect(lines[2]).toBe(
    'tcpdiag: stats: 14 entries of the log, 20 octets each, and 40 packed logs of 31; table of tuples 25 % full; all records and tables 3.0 MB',
  );
  expect(lines[3]).toBe('tcpdiag: stats: peak memory of the process 123.4 MB');
  expect(out).not.toContain('stats');
});

test('says nothing unless asked', async () => expect((await tcpdiag(['report', '-'], staged(0, 1, 2, 3))).err).not.toContain('stats'));

test('the footprint counts every connection once', async () => {
  const analysis = await analyse([new URL('../../fixtures/syn_flood_one_source.pcap', import.meta.url).pathname]);
  const { halfOpen, others, octets, octetsOfHalfOpen, octetsOfOthers, tableLoad } = analysis.footprint();
  analysis.close();
  expect(halfOpen + others).toBe(analysis.report.capture.connections);
  expect(halfOpen).toBeGreaterThan(0);
  expect(octetsOfOthers).toBeGreaterThan(octetsOfHalfOpen);
  expect(octets).toBeGreaterThan(halfOpen * 100 + others * 500);
  expect(tableLoad).toBeGreaterThan(0);
  expect(tableLoad).toBeLessThanOrEqual(0.75);
});
