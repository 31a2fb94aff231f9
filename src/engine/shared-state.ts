/**
 * What an analysis has counted that belongs to no connection, as plain data: every shard of a capture has the same. Another process goes on
 * with it where the reader stopped.
 */
import type { CaptureFileFacts } from '../capture/index.ts';
import type { Decoder, Encapsulations } from '../decode/index.ts';
import type { Nanos } from '../model/units.ts';
import type { ChecksumsState } from '../track/checksums.ts';
import type { ClockState } from '../track/capture-clock.ts';
import type { CutsState } from '../track/cuts.ts';
import type { DnsState } from '../track/dns.ts';
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
