/**
 * What an analysis has counted that belongs to no connection, as plain data: every shard of a capture has the same. Another process goes on
 * with it where the reader stopped.
 */
import type { CaptureFileFacts } from '../capture/index.ts';
import type { Decoder, Encapsulations } from '../decode/index.ts';
import { type Nanos, nanos, NANOS_PER_SECOND } from '../model/units.ts';
import type { ChecksumsState } from '../track/checksums.ts';
import type { ClockState } from '../track/capture-clock.ts';
import type { CutsState } from '../track/cuts.ts';
import type { DnsState } from '../track/dns.ts';
import type { Move } from '../track/move.ts';
import type { NamesState } from '../track/seen-names.ts';
import type { SegmentCounts } from '../track/segment-counts.ts';
import type { SightingsState } from '../track/sightings.ts';
import type { Tracker } from '../track/tracker.ts';
import type { UnaskedState } from '../track/unasked.ts';
import type { PacketTally, ReadingEnd } from './caveats.ts';
import type { FrameFiles, FrameFilesState } from './frame-files.ts';

/** How far reading came. Times from the first record. */
export interface Reading {
  readonly frames: number;
  readonly first: Nanos;
  readonly last: Nanos;
  readonly ended: ReadingEnd | null;
  readonly clock: { readonly seconds: number; readonly nanos: number; readonly farInMicros: boolean };
  readonly facts: readonly CaptureFileFacts[];
  /** false: whoever read it wanted nothing shown of what applications sent. */
  readonly payload: boolean;
  /** Kernels that the user named; null: all were guessed. */
  readonly profile: string | null;
}

export interface SharedState {
  readonly reading: Reading;
  readonly tally: Readonly<Record<Exclude<keyof PacketTally, 'note' | 'flags'>, number>>;
  readonly fragments: { readonly loose: number; readonly completed: number; readonly tiny: number };
  readonly encapsulations: Encapsulations['state'];
  readonly files: FrameFilesState;
  readonly counts: Readonly<Record<Exclude<keyof SegmentCounts, 'control'>, number>>;
  readonly addresses: Uint8Array;
  readonly sightings: SightingsState;
  readonly cuts: CutsState;
  readonly checksums: ChecksumsState;
  readonly clock: ClockState;
  readonly names: NamesState;
  readonly dns: DnsState;
  readonly unasked: UnaskedState;
  readonly buckets: { readonly seconds: number; readonly length: number };
}

export function sharedState(
  reading: Reading,
  { tables, counts }: Tracker,
  decoder: Decoder,
  tally: PacketTally,
  files: FrameFiles,
): SharedState {
  const { loose, completed, tiny } = decoder.reassembly;
  const { recorded, series } = tables;
  return {
    reading,
    tally: Object.assign({}, tally),
    fragments: { loose, completed, tiny },
    encapsulations: decoder.encapsulations.state,
    files: files.state,
    counts: Object.assign({}, counts),
    addresses: tables.addresses.octets,
    sightings: tables.sightings.state,
    cuts: recorded.cuts.state,
    checksums: recorded.checksums.state,
    clock: recorded.clock.state,
    names: tables.names.state,
    dns: tables.dns.state,
    unasked: tables.unasked.state,
    buckets: { seconds: series.bucketSeconds, length: series.length },
  };
}

/** For objects that have counted nothing yet. */
export function restoreShared(
  state: SharedState,
  { tables, counts }: Tracker,
  decoder: Decoder,
  tally: PacketTally,
  files: FrameFiles,
): void {
  const { recorded } = tables;
  Object.assign(tally, state.tally);
  Object.assign(decoder.reassembly, state.fragments);
  for (const [parent, kind, value] of state.encapsulations) decoder.encapsulations.child(parent, kind, value);
  files.restore(state.files);
  Object.assign(counts, state.counts);
  tables.addresses.restore(state.addresses);
  tables.sightings.restore(state.sightings);
  recorded.cuts.restore(state.cuts);
  recorded.checksums.restore(state.checksums);
  recorded.clock.restore(state.clock);
  tables.names.restore(state.names);
  tables.dns.restore(state.dns);
  tables.unasked.restore(state.unasked);
  tables.series.restore(state.buckets.seconds, state.buckets.length);
}

/**
 * Adds what was counted of a capture that follows those already there. Returns how all else that was tracked of it is to be moved.
 * @param before of the captures already there
 */
export function joinShared(
  state: SharedState,
  before: Reading,
  { tables, counts }: Tracker,
  decoder: Decoder,
  tally: PacketTally,
  files: FrameFiles,
): Move {
  const { recorded, series } = tables;
  const ids = tables.addresses.add(state.addresses);
  const tags = [0];
  for (const [parent, kind, value] of state.encapsulations) tags.push(decoder.encapsulations.child(tags[parent]!, kind, value));
  const move: Move = {
    frames: before.frames,
    nanos: nanosBetween(before.clock, state.reading.clock),
    address: (address, ipv6) => (ipv6 ? ids[address]! : address),
    encapsulation: (id) => tags[id] ?? id, // beyond the table: OTHER
  };
  addTally(tally, state.tally);
  for (const key of Object.keys(state.fragments) as (keyof SharedState['fragments'])[]) decoder.reassembly[key] += state.fragments[key];
  files.join(state.files, before.frames, before.facts.length);
  for (const key of Object.keys(state.counts) as (keyof SharedState['counts'])[]) counts[key] += state.counts[key];
  tables.sightings.join(state.sightings, move);
  recorded.cuts.join(state.cuts);
  recorded.checksums.join(state.checksums, move);
  recorded.clock.join(state.clock, move);
  tables.names.join(state.names);
  tables.dns.join(state.dns, move);
  tables.unasked.join(state.unasked, move);
  series.at(state.reading.last + move.nanos);
  return move;
}

function addTally(tally: PacketTally, more: SharedState['tally']): void {
  const { cutAt, unknownLinkType } = tally;
  for (const key of Object.keys(more) as (keyof SharedState['tally'])[]) tally[key] += more[key];
  tally.cutAt = Math.max(cutAt, more.cutAt);
  tally.unknownLinkType = more.unknownLinkType === -1 ? unknownLinkType : more.unknownLinkType;
}

/** From the first record of one capture to that of another. */
export const nanosBetween = (from: Reading['clock'], to: Reading['clock']): number =>
  (to.seconds - from.seconds) * NANOS_PER_SECOND + (to.nanos - from.nanos);

/** Both readings as one, as far as they came. */
export function joinedReading(before: Reading, after: Reading): Reading {
  const by = nanosBetween(before.clock, after.clock);
  return {
    frames: before.frames + after.frames,
    first: before.first,
    last: nanos(Math.max(before.last, after.last + by)),
    ended: after.ended ?? before.ended,
    clock: { ...before.clock, farInMicros: before.clock.farInMicros && after.clock.farInMicros },
    facts: [...before.facts, ...after.facts],
    payload: before.payload && after.payload,
    profile: before.profile ?? after.profile,
  };
}
