import { describe, expect, test } from 'vitest';
import type { Progress } from '../../src/engine/protocol.ts';
import { type AnalysisState, Snapshots, firstSnapshot } from '../../src/engine/snapshots.ts';

/** A clock by hand, and rules that take `cost` milliseconds of it. */
function bench(cost: number): { snapshots: Snapshots; tick: (packets: number, at: number) => boolean; runs: () => number } {
  const snapshots = new Snapshots();
  const { capture, series } = firstSnapshot();
  let now = 0;
  let runs = 0;
  const analyse = (): AnalysisState => {
    now += cost;
    runs++;
    return { capture, series, findings: [] };
  };
  const progress = (packets: number): Progress => ({
    phase: 'reading',
    bytesRead: packets * 100,
    bytesTotal: null,
    packets,
    connections: 1,
    captureSeconds: packets,
  });
  return {
    snapshots,
    runs: () => runs,
    tick: (packets, at) => {
      now = Math.max(now, at);
      return snapshots.tick(progress(packets), analyse, () => now);
    },
  };
}

describe('snapshots while reading', () => {
  test('rules that cost 30 ms run again after 300 ms; the progress shows in between with the same findings', () => {
    const { snapshots, tick, runs } = bench(30);
    tick(10, 0);
    const { findings, revision } = snapshots.current;
    tick(20, 100);
    tick(30, 200);
    expect(runs()).toBe(1);
    expect(snapshots.current).toMatchObject({ revision: revision + 2, progress: { packets: 30 } });
    expect(snapshots.current.findings).toBe(findings);
    expect(snapshots.analysisRevision).toBe(1);
    tick(40, 330);
    expect(runs()).toBe(2);
    expect(snapshots.current.findings).not.toBe(findings);
  });

  test('over a minute the rules take at most a tenth of the time, however slow they are', () => {
    const { tick, runs } = bench(700);
    for (let at = 0; at <= 60_000; at += 100) tick(at + 1, at);
    expect(runs() * 700).toBeLessThanOrEqual(6_000 + 700);
  });

  test('nothing came, nothing changes: the same object', () => {
    const { snapshots, tick } = bench(1);
    tick(5, 0);
    const before = snapshots.current;
    expect(tick(5, 100)).toBe(false);
    expect(snapshots.current).toBe(before);
  });

  test('when a pipe falls silent, its last packets are still judged', () => {
    const { tick, runs } = bench(50);
    tick(1, 0);
    tick(2, 100); // too early for the rules
    expect(tick(2, 200)).toBe(false);
    expect(tick(2, 600)).toBe(true);
    expect(runs()).toBe(2);
    expect(tick(2, 2_000)).toBe(false);
  });

  test('a failure keeps what was found and says why it ended', () => {
    const { snapshots, tick } = bench(1);
    tick(5, 0);
    snapshots.fail('The disk is gone.');
    expect(snapshots.current).toMatchObject({ error: 'The disk is gone.', progress: { phase: 'failed', packets: 5 } });
  });
});
