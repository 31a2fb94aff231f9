/** What other processes have read and tracked, in the objects of this one: all shards of a capture, and captures that follow each other. */
import type { Decoder } from '../decode/index.ts';
import type { Caveat } from '../model/finding.ts';
import { State } from '../model/state.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { type Border, join, recountGauges } from '../track/join.ts';
import { Core } from '../track/layout.ts';
import { moved } from '../track/moved.ts';
import { lastFrameOf } from '../track/sequel.ts';
import type { Tables } from '../track/tables.ts';
import type { Tracker } from '../track/tracker.ts';
import { unite } from '../track/unite.ts';
import type { PacketTally } from './caveats.ts';
import type { FrameFiles } from './frame-files.ts';
import type { PartialCapture } from './partial.ts';
import { joinedReading, joinShared, nanosBetween, type Reading, restoreShared } from './shared-state.ts';

/** Silences between two captures from here on are told, seconds: programs that rotate files lose no second by it. */
const GAP = 1;

export interface Restored {
  readonly reading: Reading;
  readonly caveats: readonly Caveat[];
}

/** For objects that have counted nothing yet. @param captures in order of time */
export function restored(
  captures: readonly PartialCapture[],
  tracker: Tracker,
  decoder: Decoder,
  tally: PacketTally,
  files: FrameFiles,
): Restored {
  const [first, ...later] = captures;
  restoreShared(first!.shared, tracker, decoder, tally, files);
  unite(
    tracker.tables,
    first!.shards.map(({ records }) => records),
  );
  tracker.tables.flows.enter(0);
  let { reading } = first!.shared;
  const borders: Border[] = [];
  const gaps: number[] = [];
  let lastBegins = 0;
  for (const { shared, shards } of later) {
    const next = joinedReading(reading, shared.reading);
    if (shared.reading.frames > 0) {
      gaps.push((nanosBetween(reading.clock, shared.reading.clock) + shared.reading.first - reading.last) / NANOS_PER_SECOND);
      const move = joinShared(shared, reading, tracker, decoder, tally, files);
      const buckets = [shared.buckets.seconds, tracker.tables.series.bucketSeconds] as const;
      const records = shards.map(({ records: own }) => moved(own, move, buckets));
      borders.push(join(tracker.tables, records, next.last));
      lastBegins = reading.frames + 1;
    }
    reading = next;
  }
  if (borders.length > 0) recountGauges(tracker.tables);
  return { reading, caveats: borders.length === 0 ? [] : [caveat(borders, gaps, notSeenAgain(tracker.tables, lastBegins))] };
}

/** Connections that were open at a border and of which nothing came behind it. @param since the first frame of the last capture */
function notSeenAgain(tables: Tables, since: number): number {
  const { cores } = tables;
  let n = 0;
  for (let id = 0; id < cores.length; id++) {
    const core = cores.page(id);
    const c = cores.offset(id);
    const open = [0, 4].some((shift) => {
      const state = (core[c + Core.STATE]! >>> shift) & 15;
      return state >= State.ESTABLISHED && state !== State.TIME_WAIT;
    });
    if (open && lastFrameOf(core, c) < since) n++;
  }
  return n;
}

function caveat(borders: readonly Border[], gaps: readonly number[], open: number): Caveat {
  const sum = (of: (border: Border) => number): number => borders.reduce((n, border) => n + of(border), 0);
  const joined = sum((border) => border.joined);
  const headless = sum((border) => border.headless);
  const longest = gaps.filter((gap) => gap >= GAP);
  const parts = [
    `${plural(joined, 'connection')} went on across a border`,
    ...(open > 0 ? [`${countText(open)} that ${open === 1 ? 'was' : 'were'} open ${open === 1 ? 'was' : 'were'} not seen again`] : []),
    ...(headless > 0
      ? [`${countText(headless)} ${headless === 1 ? 'begins' : 'begin'} in the middle behind one, with nothing before it that fits`]
      : []),
    ...(longest.length > 0 ? [`between two captures lies up to ${durationText(Math.max(...longest))} of which nothing is known`] : []),
  ];
  return {
    code: 'joined-captures',
    text: `${plural(borders.length + 1, 'capture')} that follow each other were tracked apart and joined: ${parts.join('; ')}. Whether the first segments behind a border were sent again, and what was lost right there, is not known`,
    count: joined,
  };
}
