/** `states --every`: the counts of collect/state-counts.ts as rows, one at a time, and a bound on how many. */
import { countStates, Moments, type Wanted } from '../collect/state-counts.ts';
import { type Clock, durationArgument } from '../model/clock.ts';
import { UsageError } from '../model/errors.ts';
import type { StateCountRow } from '../model/report.ts';
import { STATE_NAMES } from '../model/state.ts';
import { type Nanos, nanos, secondsOf } from '../model/units.ts';
import { countText, durationText } from '../model/wording.ts';
import type { Views } from '../track/views.ts';
import type { StateCounts } from './analysis.ts';

/** A day by the second. */
const MAX_MOMENTS = 100_000;

/** @throws UsageError naming the shortest distance that works */
export function momentsOf(first: Nanos, last: Nanos, every: Nanos): Moments {
  const moments = new Moments(first, last, every);
  if (moments.count <= MAX_MOMENTS) return moments;
  const span = last - first;
  const shortest = durationArgument(nanos(Math.floor(span / MAX_MOMENTS) + 1));
  throw new UsageError(
    `${durationText(secondsOf(span))} of capture have ${countText(moments.count)} moments that are ${durationArgument(every)} apart, and ${countText(MAX_MOMENTS)} is the most.`,
    { hint: `The shortest DURATION that --every takes for this capture is ${shortest}.` },
  );
}

/** @param from moments before it have no rows */
export function stateCounts(
  views: Views,
  connections: number,
  moments: Moments,
  wanted: Wanted,
  clock: Clock,
  from = moments.first,
): StateCounts {
  const hosts = countStates(views, connections, moments, wanted);
  const others = hosts.find((h) => h.host === null)?.hosts ?? 0;
  return {
    states: STATE_NAMES.filter((_, state) => hosts.some(({ sockets }) => sockets[state]?.some((n) => n > 0))),
    hosts: hosts.length - (others > 0 ? 1 : 0),
    others,
    rows: rows(hosts, moments, clock, from),
  };
}

function* rows(hosts: ReturnType<typeof countStates>, moments: Moments, clock: Clock, from: Nanos): Generator<StateCountRow> {
  for (let moment = moments.from(from); moment < moments.count; moment++) {
    const at = clock.text(moments.at(moment));
    for (const { host, hosts: folded, sockets } of hosts) {
      const counts: StateCountRow['counts'] = Object.fromEntries(
        STATE_NAMES.flatMap((name, state) => {
          const n = sockets[state]?.[moment] ?? 0;
          return n === 0 ? [] : [[name, n]];
        }),
      );
      yield host === null ? { type: 'states', at, host: 'others', hosts: folded, counts } : { type: 'states', at, host, counts };
    }
  }
}
