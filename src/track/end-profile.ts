/** The kernel of one end as a view tells it: what its record says, refined by the repeats of its SYN. */
import { type ConnectionView, Mark } from '../model/connection.ts';
import { NO_KERNEL, type ProfileFrom } from '../model/profiles.ts';
import { Side } from '../model/state.ts';
import { secondsOf } from '../model/units.ts';
import { profileBySchedule } from './fingerprint.ts';
import { NO_KERNEL_CODE, profileAt, profileCode } from './layout.ts';

export interface EndProfile {
  /** In PROFILES, or NO_KERNEL. */
  readonly name: string;
  readonly from: ProfileFrom;
}

/** @param options the end's word of Core.OPTIONS; @param isNamed by `--profile`; @param syns how many it sent */
export function endProfile(options: number, isNamed: boolean, syns: number, side: Side, c: ConnectionView): EndProfile {
  const code = profileCode(options);
  const name = code === NO_KERNEL_CODE ? NO_KERNEL : profileAt(code).name;
  if (code === 0) return { name, from: 'default' };
  if (isNamed) return { name, from: 'option' };
  const version = side === Side.CLIENT && syns > 1 ? profileBySchedule(name, repeatsOf(c)) : null;
  return version === null ? { name, from: 'syn' } : { name: version, from: 'schedule' };
}

/** Seconds from the client's first SYN to each repeat. */
const repeatsOf = (c: ConnectionView): readonly number[] =>
  c.marks.filter((m) => m.mark === Mark.SYN_AGAIN && m.side === Side.CLIENT).map((m) => secondsOf(m.time - c.start));
