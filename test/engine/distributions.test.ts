/** How figures are spread, held against the rows of the same connections. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { analyse } from '../../src/engine/analyse.ts';
import type { ConnectionRow, Distribution } from '../../src/model/report.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));

const VALUES: Readonly<Record<Distribution['of'], (row: ConnectionRow) => number | null>> = {
  connectSeconds: (row) => row.connectSeconds,
  durationSeconds: (row) => row.duration,
  payloadBytes: (row) => row.client.payloadBytes + row.server.payloadBytes,
};

test.each(['incident.pcap', 'packet_loss.pcap.gz', 'healthy_keepalive_http.pcap', 'syn_blackhole_linear.pcap'])(
  'every connection of %s is in one bin',
  async (name) => {
    const analysis = await analyse([fixture(name)]);
    const rows = [...analysis.connections()];
    for (const d of analysis.distributions()) {
      const values = rows.map(VALUES[d.of]).filter((v) => v !== null);
      const sorted = values.toSorted((a, b) => a - b);
      expect(d).toMatchObject({ count: values.length, max: sorted.at(-1) ?? null, zeros: values.filter((v) => v === 0).length });
      expect(d.p50).toBe(sorted[Math.ceil(values.length / 2) - 1] ?? null);
      expect(d.zeros + d.bins.reduce((sum, bin) => sum + bin.count, 0)).toBe(d.count);
      for (const { from, to, count } of d.bins) {
        expect(values.filter((v) => v >= from && v < to)).toHaveLength(count);
        expect(String(from)).toMatch(/^(?:0\.0*|)[125]0*$|^[125]e-\d+$/);
      }
      d.bins.slice(1).forEach((bin, i) => expect(bin.from).toBe(d.bins[i]!.to));
    }
  },
);

test('an empty capture has no spread, and a filter counts what it shows', async () => {
  const analysis = await analyse([fixture('incident.pcap')], { count: 1 });
  expect(analysis.distributions()).toHaveLength(3);
  const filtered = await analyse([fixture('incident.pcap')], { where: 'server.port:3306' });
  expect(filtered.distributions().map(({ count }) => count)).toEqual([16, 16, 16]);
});
