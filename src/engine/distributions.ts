/** How the figures of all connections are spread: every one of them is counted, whatever their number. */
import type { ConnectionView } from '../model/connection.ts';
import type { Distribution } from '../model/report.ts';
import { NANOS_PER_SECOND, tidySeconds } from '../model/units.ts';

/** Edges within a decade: people read them at once, and no bin is wider than a factor of 2.5. */
const STEPS = [1, 2, 5] as const;

const FIGURES: readonly { readonly of: Distribution['of']; readonly value: (c: ConnectionView) => number | null }[] = [
  { of: 'connectSeconds', value: (c) => c.connectSeconds },
  { of: 'durationSeconds', value: (c) => Math.max(0, c.end - c.start) / NANOS_PER_SECOND },
  { of: 'payloadBytes', value: (c) => c.client.payloadBytes + c.server.payloadBytes },
];

/** @param connections ids are below it @param shows null: all */
export function distributions(
  connections: number,
  view: (id: number) => ConnectionView,
  shows: ((id: number) => boolean) | null,
): readonly Distribution[] {
  const values = FIGURES.map(() => new Float64Array(connections));
  const counts = FIGURES.map(() => 0);
  for (let id = 0; id < connections; id++) {
    if (shows?.(id) === false) continue;
    const c = view(id);
    FIGURES.forEach(({ value }, i) => {
      const v = value(c);
      if (v !== null) values[i]![counts[i]!++] = v;
    });
  }
  return FIGURES.map(({ of }, i) => distributionOf(of, values[i]!.subarray(0, counts[i]).sort()));
}

function distributionOf(of: Distribution['of'], sorted: Float64Array): Distribution {
  const tidy = (value: number | undefined): number | null =>
    value === undefined ? null : of === 'payloadBytes' ? value : tidySeconds(value);
  const quantile = (q: number): number | null => tidy(sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]);
  const zeros = sorted.findIndex((v) => v > 0);
  const firstPositive = zeros < 0 ? sorted.length : zeros;
  return {
    of,
    count: sorted.length,
    p50: quantile(0.5),
    p99: quantile(0.99),
    max: tidy(sorted.at(-1)),
    zeros: firstPositive,
    bins: binsOf(sorted.subarray(firstPositive)),
  };
}

/** @param sorted all above 0 */
function binsOf(sorted: Float64Array): Distribution['bins'] {
  const smallest = sorted[0];
  const largest = sorted.at(-1);
  if (smallest === undefined || largest === undefined) return [];
  const bins: { from: number; to: number; count: number }[] = [];
  let at = 0;
  for (let step = Math.floor(Math.log10(smallest)) * STEPS.length; edge(step) <= largest; step++) {
    const [from, to] = [edge(step), edge(step + 1)];
    const before = at;
    while (at < sorted.length && sorted[at]! < to) at++;
    if (bins.length > 0 || at > before) bins.push({ from, to, count: at - before });
  }
  return bins;
}

/** Written as a decimal, so that 0.002 is 0.002 and not a product that comes near it. */
const edge = (step: number): number => Number(`${String(STEPS[((step % 3) + 3) % 3])}e${String(Math.floor(step / 3))}`);
