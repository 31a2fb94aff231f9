/** Packing is an encoding: with everything packed that can be, and hardly anything kept unpacked, each fixture says what it says otherwise. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { type CaptureSink, readStream } from '../../src/capture/index.ts';
import { Analyzer } from '../../src/engine/analyzer.ts';
import { Core } from '../../src/track/layout.ts';
import { Packer, type Packing } from '../../src/track/packer.ts';
import { Tables } from '../../src/track/tables.ts';
import { nanos } from '../../src/model/units.ts';
import { Decoder } from '../../src/decode/index.ts';
import { Packet } from '../../src/decode/packet.ts';
import { parseHostProfiles } from '../../src/track/host-profiles.ts';
import { Tracker } from '../../src/track/tracker.ts';
import { Views } from '../../src/track/views.ts';
import { facts, playFrames, story } from '../support/play.ts';
import { addWithSequel } from '../support/records.ts';
import { type ScriptedFrame, scriptFrames } from '../support/script.ts';

const eager = vi.hoisted(() => ({ is: false, packed: 0 }));

vi.mock('../../src/track/packer.ts', async (original) => {
  const real = await original<typeof import('../../src/track/packer.ts')>();
  const everything: Packing = { from: 0, fromOfMany: 0, many: 0, silent: 1, looks: 4, first: 0, firstSilent: 0 };
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
    constructor(...[shape, bits, budget, beside]: ConstructorParameters<typeof real.PackedRecords>) {
      super(shape, bits, budget, beside, 2);
    }
    override pack(index: number, besides: number): number {
      eager.packed++;
      return super.pack(index, besides);
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
  expect(packed.tracker.tables.events.runs.length).toBe(4);
  expect(packed.connections.map(story)).toEqual(plain.connections.map(story));
  expect(packed.connections.map((c) => c.ends.map(facts))).toEqual(plain.connections.map((c) => c.ends.map(facts)));
  expect(packed.connections[0]!.server.payloadBytes).toBe(200);
});

test.each([
  ['of nanoseconds', (at: number) => at + 7 * Math.round(at / 1e7)],
  ['with a first packet of hours later', (at: number, i: number) => (i === 0 ? 40_000e9 : at)],
])('a capture %s', (_, timeOf) => {
  const changed = frames.map((frame, i) => ({ ...frame, segment: { ...frame.segment, at: timeOf(frame.segment.at, i) } }));
  eager.is = false;
  const plain = playFrames(changed);
  eager.is = true;
  const packed = playFrames(changed);
  expect(packed.tracker.tables.pairs.packed).toBeGreaterThan(0);
  expect(packed.connections.map(story)).toEqual(plain.connections.map(story));
  expect(packed.connections.map((c) => c.ends.map(facts))).toEqual(plain.connections.map((c) => c.ends.map(facts)));
});

test('all are unpacked for who reads them page by page', () => {
  eager.is = true;
  const { connections, tracker } = playFrames(frames);
  const before = connections.map((c) => c.ends.map(facts));
  tracker.tables.packer.stop();
  expect(tracker.tables.pairs.packed).toBe(0);
  expect(tracker.tables.troubles.packed).toBe(0);
  expect(tracker.tables.events.runs.length).toBe(0);
  expect(tracker.tables.pairs.inUse).toBe(6);
  expect(connections.map((c) => c.ends.map(facts))).toEqual(before);
});

/** Others that open and speak meanwhile, so that who is silent is packed: at each of these seconds, behind whatever is in the script by then. */
function among(script: string, seconds: readonly number[], options: Parameters<typeof scriptFrames>[1] = {}): readonly ScriptedFrame[] {
  const others = seconds.flatMap((at) =>
    [0, 1, 2, 3].flatMap((i) => scriptFrames(other(at + i / 100), { clientPort: 41_000 + at * 10 + i })),
  );
  return [...scriptFrames(script, options), ...others].toSorted((a, b) => a.segment.at - b.segment.at);
}

const CLOSED_AT_ONCE = `
  +0   > S  0:0(0)
  +.01 < S. 0:0(0) ack 1
  +.01 > .  1:1(0) ack 1
  +.01 > F. 1:1(0) ack 1
  +.01 < F. 1:1(0) ack 2
  +.01 > .  2:2(0) ack 2`;

/** What happens to a connection after its log was packed. */
const LATER: Record<string, readonly ScriptedFrame[]> = {
  'TIME_WAIT is over, 60 s later': among(CLOSED_AT_ONCE, [2, 5, 62, 70]),
  'the FIN comes again in TIME_WAIT, which begins anew': among(
    `${CLOSED_AT_ONCE}\n+10 < F. 1:1(0) ack 2\n+.01 > . 2:2(0) ack 2`,
    [2, 5, 62, 72, 90],
  ),
  'the tuple is used again': among(
    `${CLOSED_AT_ONCE}\n+70 > S 5000:5000(0)\n+.01 < S. 7000:7000(0) ack 5001\n+.01 > . 5001:5001(0) ack 7001`,
    [2, 5, 62, 80, 90],
  ),
  'the SYN-ACK comes again: that its ACK arrived is withdrawn': among(
    `
    +0   > S  0:0(0)
    +.01 < S. 0:0(0) ack 1
    +.01 > .  1:1(0) ack 1
    +9   < S. 0:0(0) ack 1
    +.01 > .  1:1(0) ack 1
    +9   < S. 0:0(0) ack 1`,
    [2, 5, 12, 15, 30],
  ),
  'the FIN comes again: that it arrived is withdrawn': among(
    `
    +0   > S  0:0(0)
    +.01 < S. 0:0(0) ack 1
    +.01 > .  1:1(0) ack 1
    +.01 > F. 1:1(0) ack 1
    +9   > F. 1:1(0) ack 1
    +18  > F. 1:1(0) ack 1
    +.01 < .  1:1(0) ack 2
    +40  < F. 1:1(0) ack 2
    +.01 > .  2:2(0) ack 2`,
    [2, 5, 12, 15, 30, 33, 71, 80],
  ),
  'it is reset': among(
    `
    +0   > S  0:0(0)
    +.01 < S. 0:0(0) ack 1
    +.01 > .  1:1(0) ack 1
    +.01 > F. 1:1(0) ack 1
    +9   < R. 1:1(0) ack 2`,
    [2, 5, 12],
  ),
  'an ICMP error comes, and segments with marks': among(
    `
    +0   > S  0:0(0)
    +.01 < S. 0:0(0) ack 1
    +.01 > .  1:1(0) ack 1
    +9   > P. 1:101(100) ack 1
    +.01 < icmp 3/4
    +9   < R  1:1(0)`,
    [2, 5, 12, 15],
  ),
  'of nanoseconds': among(CLOSED_AT_ONCE.replaceAll('+.01', '+.010000001'), [2, 5, 62, 70]),
  'of a clock that is set back by an hour and forward by three': [
    ...among(CLOSED_AT_ONCE, [2, 5]),
    ...among(CLOSED_AT_ONCE, [2, 5], { clientPort: 42_000 }).map((one) => later(one, -3_600)),
    ...among(`${CLOSED_AT_ONCE}\n+10 < F. 1:1(0) ack 2`, [2, 5, 62, 90], { clientPort: 42_001 }).map((one) => later(one, 7_200)),
  ],
};

function later(one: ScriptedFrame, seconds: number): ScriptedFrame {
  return { ...one, segment: { ...one.segment, at: one.segment.at + seconds * 1e9 } };
}

test.each(Object.keys(LATER))('a connection is told the same, whether its log was packed or not, where %s', (what) => {
  const played = [false, true].map((isEager) => {
    eager.is = isEager;
    const { connections, tracker } = playFrames(LATER[what]!, { until: 200 });
    expect(tracker.tables.events.runs.length > 4).toBe(isEager);
    return connections.map((c) => [story(c), c.transitions, c.marks, ...c.ends.map(facts)]);
  });
  expect(played[1]).toEqual(played[0]);
});

test.each([
  ['microseconds', '+.01', 36], // a life of 31 octets, and five for the end of TIME_WAIT, a minute later
  ['nanoseconds', '+.010000001', 48], // 37, and 11: so many nanoseconds stand there in full
])('in a capture of hours, logs in %s are packed as tightly at its end as at its beginning', (_unit, step, octets) => {
  const frames = Array.from({ length: 300 }, (_, i) =>
    scriptFrames(CLOSED_AT_ONCE.replaceAll('+.01', step), { clientPort: 20_000 + i }).map((one) => later(one, i * 30)),
  ).flat();
  eager.is = true;
  const { runs } = playFrames(frames).tracker.tables.events;
  expect(runs.length).toBeGreaterThan(290);
  expect(runs.octetsInUse / runs.length).toBeLessThanOrEqual(octets);
});

const LIVES = 4_000;

test('connections that were folded give their logs back, and the others are what they were', () => {
  const frames = Array.from({ length: LIVES }, (_, i) =>
    scriptFrames(CLOSED_AT_ONCE, { clientPort: 20_000 + i }).map((one) => later(one, i / 20)),
  ).flat();
  eager.is = true;
  const decoder = new Decoder();
  const tracked = (limit: number) => {
    const tracker = new Tracker(parseHostProfiles(undefined), limit);
    const packet = new Packet();
    frames.forEach(({ bytes, segment }, i) => {
      decoder.decode(packet, 1, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0, bytes.length, bytes.length);
      tracker.at(segment.at);
      tracker.tcp(packet, i + 1);
    });
    tracker.finish(300e9);
    const views = new Views(tracker.tables, decoder.encapsulations);
    views.end = nanos(300e9);
    const rows = Array.from({ length: tracker.connections }, (_, id) => views.connection(id));
    return { tracker, stories: new Map(rows.map((c) => [c.firstFrame, [story(c), c.transitions.map((t) => t.frame)]])) };
  };
  const whole = tracked(Infinity);
  const { tracker, stories } = tracked(whole.tracker.tables.budget.used / 2);
  const { folded, tables } = tracker;
  expect(folded.total).toBeGreaterThan(100);
  expect(stories.size).toBe(LIVES - folded.total);
  expect(tables.events.runs.length).toBeLessThanOrEqual(stories.size);
  for (const [frame, told] of stories) expect(told).toEqual(whole.stories.get(frame));
});

test('records are packed early where there will be many connections, and not where there will not', () => {
  const packing: Packing = { from: 1_000, fromOfMany: 2, many: 1_000, silent: 10, looks: 2, first: 0, firstSilent: 0 };
  const packedOf = (share: number): number => {
    const { cores, sequels, pairs, troubles, events } = new Tables();
    const packer = new Packer(cores, sequels.live, pairs, troubles, events, packing);
    for (let frame = 1; frame <= 300; frame++) {
      const id = addWithSequel(cores, sequels);
      cores.page(id)[cores.offset(id) + Core.LAST_FRAME] = frame;
      cores.page(id)[cores.offset(id) + Core.PAIR] = packer.add(id, frame) + 1;
      packer.expect(share);
    }
    return pairs.packed;
  };
  expect(packedOf(1)).toBe(0); // the capture has the 300 that it had
  expect(packedOf(0.01)).toBeGreaterThan(240);
});
