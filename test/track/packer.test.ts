/** Packing is an encoding: with everything packed that can be, and hardly anything kept unpacked, each fixture says what it says otherwise. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { type CaptureSink, readStream } from '../../src/capture/index.ts';
import { Analyzer } from '../../src/engine/analyzer.ts';
import type { Packing } from '../../src/track/packer.ts';
import { facts, playFrames, story } from '../support/play.ts';
import { scriptFrames } from '../support/script.ts';

const eager = vi.hoisted(() => ({ is: false, packed: 0 }));

vi.mock('../../src/track/packer.ts', async (original) => {
  const real = await original<typeof import('../../src/track/packer.ts')>();
  const everything: Packing = { from: 0, silent: 1, looks: 4, first: 0, firstSilent: 0 };
  return {
    ...real,
    get PACKING() {
      return eager.is ? everything : real.PACKING;
    },
  };
});

vi.mock('../../src/track/packed-records.ts', async (original) => {
  const real = await original<typeof import('../../src/track/packed-records.ts')>();
  class Few extends real.PackedRecords {
    constructor(...[shape, bits, budget]: ConstructorParameters<typeof real.PackedRecords>) {
      super(shape, bits, budget, 2);
    }
    override pack(index: number): number {
      eager.packed++;
      return super.pack(index);
    }
  }
  return { ...real, PackedRecords: Few };
});

/** Frames read before rules are run for the first time. */
const EARLY = 150;

const folder = new URL('../../fixtures/', import.meta.url);
const captures = readdirSync(folder).filter((name) => /\.(pcap|pcapng)(\.gz)?$/.test(name));

/** What the rules say in the middle of reading, and what there is at the end. */
async function answer(name: string): Promise<unknown> {
  const analyzer = new Analyzer({});
  const bytes = new Uint8Array(readFileSync(new URL(name, folder)));
  let early: unknown = null;
  const record: CaptureSink['record'] = (r) => {
    if (analyzer.packets === EARLY) early = analyzer.snapshot();
    return analyzer.record(r, 0);
  };
  const file = await readStream([bytes], { record });
  return { early, report: analyzer.finish([file]), connections: [...analyzer.rows()], sockets: [...analyzer.sockets()] };
}

test.each(captures)('%s', async (name) => {
  eager.is = false;
  const plain = await answer(name);
  eager.is = true;
  expect(plain).toEqual(await answer(name));
});

test('connections are packed, in these fixtures too', () => expect(eager.packed).toBeGreaterThan(1_000));

const other = (seconds: number): string => `
  +${seconds} > S 0:0(0)
  +.01 < S. 0:0(0) ack 1
  +.01 > . 1:1(0) ack 1`;

/**
 * One connection that is silent while others open, then speaks, closes, and is over by its timer; one that has lost a segment, and speaks
 * at the end.
 */
const frames = [
  ...scriptFrames(
    `
    +0   > S  0:0(0)
    +.01 < S. 0:0(0) ack 1
    +.01 > .  1:1(0) ack 1
    +.01 > P. 1:101(100) ack 1
    +5   < P. 1:201(200) ack 101
    +.01 > .  101:101(0) ack 201
    +.01 > F. 101:101(0) ack 201
    +.01 < F. 201:201(0) ack 102
    +.01 > .  102:102(0) ack 202`,
  ),
  ...scriptFrames(
    `${other(3)}
    +.01 > P. 1:101(100) ack 1
    +.3  > P. 1:101(100) ack 1
    +.01 < .  1:1(0) ack 101
    +200 < P. 1:101(100) ack 101`,
    { clientPort: 40_010 },
  ),
  ...[1, 2, 7, 100].flatMap((seconds, i) => scriptFrames(other(seconds), { clientPort: 40_001 + i })),
].toSorted((a, b) => a.segment.at - b.segment.at);

test('one that is packed goes on when it speaks again, and when its timer is due', () => {
  eager.is = false;
  const plain = playFrames(frames);
  eager.is = true;
  const packed = playFrames(frames);
  expect(packed.tracker.tables.pairs.packed).toBe(4);
  expect(packed.tracker.tables.troubles.packed).toBe(1);
  expect(packed.connections.map(story)).toEqual(plain.connections.map(story));
  expect(packed.connections.map((c) => c.ends.map(facts))).toEqual(plain.connections.map((c) => c.ends.map(facts)));
  expect(packed.connections[0]!.server.payloadBytes).toBe(200);
});

test('all are unpacked for who reads them page by page', () => {
  eager.is = true;
  const { connections, tracker } = playFrames(frames);
  const before = connections.map((c) => c.ends.map(facts));
  tracker.tables.packer.stop();
  expect(tracker.tables.pairs.packed).toBe(0);
  expect(tracker.tables.troubles.packed).toBe(0);
  expect(tracker.tables.pairs.inUse).toBe(6);
  expect(connections.map((c) => c.ends.map(facts))).toEqual(before);
});
