/** How connect times, durations and payloads are spread, as three small histograms with logarithmic axes. */
import type { Distribution } from '../../model/report.ts';
import { bytesText, countText, durationText, plural } from '../narrate.ts';
import { type Markup, markup, NOTHING, px } from './markup.ts';
import { countTicks } from './scale.ts';

const WIDTH = 320;
const HEIGHT = 150;
const LEFT = 38;
const RIGHT = 292;
const TOP = 8;
const BASE = 122;
/** Labels of bins before every second is left out. */
const MAX_LABELS = 5;

const TITLES: Readonly<Record<Distribution['of'], string>> = {
  connectSeconds: 'Time to connect',
  durationSeconds: 'Duration of connections',
  payloadBytes: 'Payload of connections',
};

export function histograms(distributions: readonly Distribution[]): Markup {
  const drawn = distributions.filter(({ bins }) => bins.length > 0);
  return drawn.length === 0
    ? NOTHING
    : markup`<div class="spread">${drawn.map(histogram)}</div>
`;
}

function histogram(d: Distribution): Markup {
  const text = d.of === 'payloadBytes' ? bytesText : durationText;
  const ticks = countTicks(
    d.bins.reduce((most, { count }) => Math.max(most, count), 0),
    3,
  );
  const most = ticks.at(-1) ?? 1;
  const step = (RIGHT - LEFT) / d.bins.length;
  const labels = Math.ceil((d.bins.length + 1) / MAX_LABELS);
  const edges = [...d.bins.map(({ from }) => from), d.bins.at(-1)?.to ?? 0];
  const bars = d.bins.map(({ from, to, count }, i) => {
    const height = (count / most) * (BASE - TOP);
    return markup`<rect class="bar" x="${px(LEFT + i * step + 0.7)}" y="${px(BASE - height)}" width="${px(Math.max(1, step - 1.4))}" height="${px(height)}"><title>${text(from)} to ${text(to)}: ${countText(count)}</title></rect>`;
  });
  return markup`<figure>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="spread-${d.of} spread-${d.of}-desc">
<title id="spread-${d.of}">${TITLES[d.of]}</title>
<desc id="spread-${d.of}-desc">${d.bins.map(({ from, to, count }) => `${text(from)} to ${text(to)}: ${countText(count)}`).join('; ')}</desc>
${ticks.map((n) => {
  const y = px(BASE - (n / most) * (BASE - TOP));
  return markup`<path class="grid" d="M${LEFT} ${y}H${RIGHT}"/><text class="soft end" x="${LEFT - 5}" y="${px(Number(y) + 4)}">${countText(n)}</text>`;
})}${bars}
<path class="axis" d="M${LEFT} ${BASE}H${RIGHT}"/>
${edges.map((edge, i) => (i % labels === 0 ? markup`<text class="soft middle" x="${px(LEFT + i * step)}" y="${BASE + 16}">${text(edge)}</text>` : NOTHING))}
</svg>
<figcaption>${TITLES[d.of]}: ${plural(d.count, 'connection')}${d.p50 === null ? '' : `, median ${text(d.p50)}`}${d.p99 === null ? '' : `, 99th percentile ${text(d.p99)}`}${d.max === null ? '' : `, longest ${text(d.max)}`.replace('longest', d.of === 'payloadBytes' ? 'largest' : 'longest')}${d.zeros === 0 ? '' : `; ${countText(d.zeros)} with none are not drawn`}.</figcaption>
</figure>
`;
}
