/** When a session shows what it has while the capture is being read; the clock, the timer and the analyzer are the test's. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RawRecord } from '../../src/capture/reader.ts';
import type { Session, Snapshot } from '../../src/engine/protocol.ts';
import { PortSession, serve } from '../../src/engine/serve.ts';
import { localSession } from '../../src/engine/session.ts';
import type { Message } from '../../src/engine/wire.ts';
import { scriptCapture } from '../support/script.ts';
import { FakeAnalyzer } from './fake-analyzer.ts';

const folder = mkdtempSync(join(tmpdir(), 'pacing-test-'));
const capture = join(folder, 'ten.pcap');
beforeAll(() => writeFileSync(capture, scriptCapture(Array.from({ length: 10 }, () => '+.001 > . 1:1(0) ack 1').join('\n'))));
afterAll(() => rmSync(folder, { recursive: true }));

interface Played {
  readonly session: Session;
  readonly analyzer: FakeAnalyzer;
  readonly seen: Snapshot[];
  /** Whether the timer is still running. */
  readonly ticking: () => boolean;
}

/** A session whose timer fires with every packet, `gap` milliseconds after the last, and whose rules take `cost` of them. */
function play(gap: number, cost: number, fault: (packet: number) => void = () => undefined): Played {
  let now = 0;
  let tick: (() => void) | null = null;
  const analyzer = new (class extends FakeAnalyzer {
    override record(record: RawRecord): boolean {
      super.record(record);
      fault(this.packets);
      now += gap;
      tick?.();
      return true;
    }
  })(() => (now += cost));
  const session = localSession(
    [capture],
    {},
    {
      analyzer: () => analyzer,
      now: () => now,
      every: (_milliseconds, call) => {
        tick = call;
        return () => (tick = null);
      },
    },
  );
  const seen: Snapshot[] = [];
  session.subscribe(() => seen.push(session.snapshot()));
  return { session, analyzer, seen, ticking: () => tick !== null };
}

describe('while reading', () => {
  test('the rules rest ten times as long as they ran, and the progress goes on with the same findings', async () => {
    const { session, analyzer, seen } = play(100, 40);
    await session.done;
    // At packet 1 (100 to 140 ms), then not before 540 ms: at packet 5 (540 to 580), packet 9 (980), and once for the report.
    expect(analyzer.ruleRuns).toBe(4);
    expect(seen.map(({ progress }) => progress.packets)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10]);
    expect(new Set(seen.map(({ findings }) => findings)).size).toBe(4);
    expect(seen.map(({ revision }) => revision)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    await session.close();
  });

  test('the last snapshot is the report, and the timer has stopped', async () => {
    const { session, seen, ticking } = play(100, 40);
    const report = await session.done;
    expect(seen.at(-1)).toMatchObject({ progress: { phase: 'done', packets: 10 }, capture: report.capture });
    expect(seen.at(-1)!.findings).toBe(report.findings);
    expect(ticking()).toBe(false);
    await session.close();
  });

  test('a fault of the analysis ends it with its message; what was seen before stays', async () => {
    const { session, ticking } = play(100, 1, (packet) => {
      if (packet === 5) throw new RangeError('a column is full');
    });
    await expect(session.done).rejects.toThrow(RangeError);
    expect(session.snapshot()).toMatchObject({ error: 'a column is full', progress: { phase: 'failed', packets: 4 } });
    expect(ticking()).toBe(false);
    expect((await session.ask('connections', { finding: null, where: '', sort: 'id', descending: false, offset: 0, limit: 9 })).total).toBe(
      1,
    );
    await session.close();
  });
});

describe('over a port', () => {
  test('findings cross it only when the rules have run again, and are the same object in between', async () => {
    const { port1, port2 } = new MessageChannel();
    const sent: Message['type'][] = [];
    serve(
      {
        postMessage: (message) => {
          sent.push((message as Message).type);
          port1.postMessage(message);
        },
        on: (event, listener) => port1.on(event, listener),
      },
      play(100, 40).session,
      () => port1.close(),
    );
    const session = new PortSession(port2);
    const seen: Snapshot[] = [];
    session.subscribe(() => seen.push(session.snapshot()));
    await session.done;
    const [p, s] = ['progress', 'snapshot'] as const;
    expect(sent).toEqual([s, s, p, p, p, s, p, p, p, s, p, s, 'done']);
    expect(new Set(seen.map(({ findings }) => findings)).size).toBe(5);
    await session.close();
  });

  test('when the other end is gone, whoever waits is told', async () => {
    const { port1, port2 } = new MessageChannel();
    const session = new PortSession(port2);
    const asked = session.ask('explain', { rule: 'close-wait-stuck' });
    session.lost(new Error('the worker died'));
    await expect(asked).rejects.toThrow('the worker died');
    await expect(session.done).rejects.toThrow('the worker died');
    await expect(session.ask('explain', { rule: 'close-wait-stuck' })).rejects.toThrow('the worker died');
    expect(session.snapshot()).toMatchObject({ progress: { phase: 'failed' }, error: 'the worker died' });
    await session.close();
    port1.close();
  });
});
