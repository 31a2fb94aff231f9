/** Records of connections as the tracker's tables have them, without a tracker. */
import type { FirstTimes } from '../../src/track/first-times.ts';
import { Core, Meta, SEQUEL_STRIDE } from '../../src/track/layout.ts';
import { PackedRecords } from '../../src/track/packed-records.ts';
import { RecordPages } from '../../src/track/pages.ts';
import { Sequels } from '../../src/track/sequels.ts';
import { PAIR_SHAPE } from '../../src/track/shapes.ts';

/** Sequel records, none of them packed. */
export function sequelRecords(): Sequels {
  const live = new RecordPages(SEQUEL_STRIDE, 12);
  return new Sequels(live, new PackedRecords(PAIR_SHAPE, 4, undefined, live));
}

/** The id of a new connection that has a sequel record. */
export function addWithSequel(cores: RecordPages, sequels: Sequels): number {
  const id = cores.add();
  const core = cores.page(id);
  const c = cores.offset(id);
  core[c + Core.META] = Meta.HAS_SEQUEL;
  core[c + Core.SEQUEL] = sequels.add() + 1;
  return id;
}

/** The id of a new connection that began at a time. */
export function addBegun(cores: RecordPages, firstTimes: FirstTimes, time: number): number {
  const id = cores.add();
  firstTimes.now = time;
  cores.page(id)[cores.offset(id) + Core.FIRST_TIME] = firstTimes.add(id);
  return id;
}
