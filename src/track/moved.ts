/**
 * What was tracked of a capture, moved to where that capture lies behind others: frames count on, times are from the first record of
 * all, and what is known by a number (IPv6 addresses, lists of tags and tunnels) has its number there. In place.
 */
import { Beginning, BEGINNING_WORDS } from './beginnings.ts';
import type { Followed } from './checksums.ts';
import { movedEvents } from './event-entries.ts';
import { moveFirstTimes } from './first-times.ts';
import { Core, CORE_STRIDE, Meta, sequelOf, Trait, tupleMeta } from './layout.ts';
import { type Move, movedMeta } from './move.ts';
import { movedHello } from './seen-names.ts';
import { movedAliases } from './tags.ts';
import { rebucketed } from './time-series.ts';
import type { RecordList, ShardRecords } from './unite.ts';
import { WORD_KINDS, type WordKinds } from './word-kinds.ts';

/** @param buckets seconds of a bucket of its time series, and of one there */
export function moved(shard: ShardRecords, move: Move, buckets: readonly [its: number, all: number]): ShardRecords {
  const { records, openedLate, hellos, icmpReporters, wrong, timers, beginnings } = shard;
  for (const kind of ['sequels', 'pairs', 'troubles', 'holes', 'rares', 'delays'] as const) shiftAll(records[kind], WORD_KINDS[kind], move);
  const perPage = records.cores.pages[0]!.length / CORE_STRIDE;
  const isIpv6 = (id: number): boolean => {
    const page = records.cores.pages[Math.floor(id / perPage)]!;
    return (page[(id % perPage) * CORE_STRIDE + Core.META]! & 1) !== 0;
  };
  const reporters = new Map(Array.from(icmpReporters, ([id, reporter]) => [id, move.address(reporter, isIpv6(id))]));
  moveCores(records.cores, move);
  moveFirstTimes(shard.firstTimes, move.nanos);
  const toHere = ({ frame, time, ...segment }: Followed): Followed => ({ ...segment, frame: frame + move.frames, time: time + move.nanos });
  const [its, all] = buckets;
  return {
    ...shard,
    events: movedEvents(shard.events, move.frames, move.nanos),
    series: rebucketed(shard.series, its, all, move.nanos),
    openedLate: new Map(Array.from(openedLate, ([id, frame]) => [id, frame + move.frames])),
    hellos: hellos.map((hello) => movedHello(hello, move)),
    icmpReporters: reporters,
    wrong: { ...wrong, segments: wrong.segments.map(toHere) },
    aliases: movedAliases(shard.aliases, move),
    timers: timers.map((list) => ({ ...list, at: list.at.map((at) => at + move.nanos) })),
    beginnings: {
      words: beginnings.words.map((word, i) => (i % BEGINNING_WORDS === Beginning.FRAME ? word + move.frames : word)),
      times: beginnings.times.map((time) => time + move.nanos),
    },
  };
}

function shiftAll({ pages, length }: RecordList, { stride, frames, moments }: WordKinds, { frames: by, nanos }: Move): void {
  let left = length;
  for (const page of pages) {
    const times = floatsOf(page);
    const end = Math.min(left, page.length / stride) * stride;
    for (let at = 0; at < end; at += stride) {
      for (const word of frames) if (page[at + word] !== 0) page[at + word] = page[at + word]! + by;
      for (const word of moments) {
        const i = (at + word) >> 1;
        if (times[i]! >= 0) times[i] = times[i]! + nanos;
      }
    }
    left -= page.length / stride;
  }
}

function moveCores(cores: RecordList, move: Move): void {
  shiftAll(cores, WORD_KINDS.cores, move);
  let left = cores.length;
  for (const page of cores.pages) {
    const end = Math.min(left, page.length / CORE_STRIDE) * CORE_STRIDE;
    for (let c = 0; c < end; c += CORE_STRIDE) {
      moveTuple(page, c, move);
      if (sequelOf(page, c) > 0) page[c + Core.LAST_FRAME] = page[c + Core.LAST_FRAME]! + move.frames;
    }
    left -= page.length / CORE_STRIDE;
  }
}

/** Addresses and encapsulation; where the canonical order of the two ends has changed, they change places. */
function moveTuple(core: Int32Array, c: number, move: Move): void {
  core[c + Core.META] = (core[c + Core.META]! & ~Meta.TUPLE) | movedMeta(tupleMeta(core, c), move);
  if ((core[c + Core.META]! & 1) === 0) return;
  const a = move.address(core[c + Core.ADDR_A]!, true);
  const b = move.address(core[c + Core.ADDR_B]!, true);
  core[c + Core.ADDR_A] = Math.min(a, b);
  core[c + Core.ADDR_B] = Math.max(a, b);
  if (a <= b) return;
  const ports = core[c + Core.PORTS]!;
  core[c + Core.PORTS] = (ports << 16) | (ports >>> 16);
  core[c + Core.STATE] = core[c + Core.STATE]! ^ Trait.CLIENT_IS_B;
}

const floatsOf = (page: Int32Array): Float64Array => new Float64Array(page.buffer, page.byteOffset, page.length / 2);
