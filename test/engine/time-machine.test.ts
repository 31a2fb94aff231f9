/** What a screen asks about moments, against what `states` prints of the same capture and against its rows. */
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { analyse } from '../../src/engine/analyse.ts';
import type { Questions, Session } from '../../src/engine/protocol.ts';
import { localSession } from '../../src/engine/session.ts';
import { resolveTime, parseTimeArgument } from '../../src/model/clock.ts';
import { nanos } from '../../src/model/units.ts';

const FIXTURES = new URL('../../fixtures/', import.meta.url).pathname;
const captures = readdirSync(FIXTURES).filter((name) => /\.pcap(ng)?$/.test(name) && name !== 'loopback.pcapng');

async function ended(name: string): Promise<Session> {
  const session = localSession([FIXTURES + name], {});
  await session.done;
  return session;
}
const AT: Omit<Questions['sockets']['ask'], 'at'> = { host: null, connection: null, offset: 0, limit: 1_000 };
/** Moments spread over the capture, on no kernel's beat. */
const SHARES = [0, 0.113, 0.377, 0.619, 0.871, 1];

describe('the sockets of a moment are those that states --at lists', () => {
  test.each(captures)('%s', async (name) => {
    const [session, analysis] = await Promise.all([ended(name), analyse([FIXTURES + name])]);
    const chart = await session.ask('chart', { host: null, moments: 50 });
    for (const share of SHARES) {
      const at = Math.round(chart.first + share * (chart.last - chart.first));
      const page = await session.ask('sockets', { ...AT, at });
      const listed = [...analysis.sockets({ kind: 'offset', nanos: nanos(at) })];
      expect(page.rows).toEqual(listed.slice(0, 1_000));
      expect(page.total).toBe(listed.length);
      expect(Object.values(page.counts).reduce((sum, n) => sum + n, 0)).toBe(listed.length);
      for (const { host, sockets } of page.hosts) expect(sockets).toBe(listed.filter((row) => row.host === host).length);
      const host = page.hosts.at(-1)?.host ?? null;
      if (host === null) continue;
      const own = await session.ask('sockets', { ...AT, at, host, offset: 1, limit: 2 });
      expect(own.rows).toEqual(listed.filter((row) => row.host === host).slice(1, 3));
    }
    await session.close();
  });
});

test('the chart counts at each of its moments what is listed there, of all hosts and of one', async () => {
  const session = await ended('incident.pcap');
  for (const host of [null, '10.87.55.40']) {
    const chart = await session.ask('chart', { host, moments: 40 });
    expect(chart.moments).toBeLessThanOrEqual(40);
    expect(chart.first + (chart.moments - 1) * chart.every).toBeGreaterThan(chart.last - chart.every);
    for (let i = 0; i < chart.moments; i += 3) {
      const { counts } = await session.ask('sockets', { ...AT, host, at: chart.first + i * chart.every });
      expect(Object.fromEntries(chart.states.flatMap(({ state, sockets }) => (sockets[i] === 0 ? [] : [[state, sockets[i]]])))).toEqual(
        counts,
      );
    }
  }
  await session.close();
});

describe('stepping from change to change', () => {
  test.each(['incident.pcap', 'half_close.pcap', 'orphan_timers.pcap', 'time_wait_again.pcap'])(
    'meets every transition of %s once, forwards and backwards',
    async (name) => {
      const [session, analysis] = await Promise.all([ended(name), analyse([FIXTURES + name])]);
      const { first, last } = await session.ask('chart', { host: null, moments: 2 });
      const times = [...analysis.connections()]
        .flatMap((c) => c.transitions.map((t) => resolveTime(parseTimeArgument(t.time)!, analysis.clock)))
        .filter((time) => time > first && time <= last);
      const expected = [...new Set(times)].sort((a, b) => a - b);
      const forwards: number[] = [];
      let events = 0;
      for (let at = first; ;) {
        const next = await session.ask('moment', { from: at, step: 1, host: null, connection: null });
        if (next === null) break;
        forwards.push((at = next.offset));
        events += next.events.length;
      }
      expect(forwards).toEqual(expected);
      expect(events).toBe(times.length);
      const backwards: number[] = [];
      for (let at = last + 1; ;) {
        const next = await session.ask('moment', { from: at, step: -1, host: null, connection: null });
        if (next === null || next.offset <= first) break;
        backwards.push((at = next.offset));
      }
      expect(backwards).toEqual(expected.filter((time) => time < last).reverse());
      await session.close();
    },
    30_000,
  );

  test('of one host and of one connection', async () => {
    const session = await ended('incident.pcap');
    const { first } = await session.ask('chart', { host: null, moments: 2 });
    const ofHost = await session.ask('moment', { from: first, step: 1, host: '10.87.55.102', connection: null });
    expect(ofHost?.events[0]?.local).toMatch(/^10\.87\.55\.102:/);
    const row = await session.ask('connection', { connection: 7 });
    const ofConnection = await session.ask('moment', { from: first, step: 1, host: null, connection: 7 });
    expect(ofConnection?.events[0]).toMatchObject({ connection: 7, to: row.transitions[0]?.to, frame: row.transitions[0]?.frame });
    await session.close();
  });
});

describe('who talks to whom', () => {
  const ASK: Questions['peers']['ask'] = { group: 'pairs', match: '', sort: 'connections', descending: true, offset: 0, limit: 1_000 };

  test.each(['pairs', 'services', 'hosts'] as const)('%s: counted from the rows of the connections', async (group) => {
    const [session, analysis] = await Promise.all([ended('close_wait_leak.pcap'), analyse([`${FIXTURES}close_wait_leak.pcap`])]);
    const expected = new Map<string, { connections: number; packets: number; states: Record<string, number> }>();
    for (const { client, server } of analysis.connections()) {
      const service = `${server.ip}:${String(server.port)}`;
      const counted =
        group === 'pairs'
          ? [{ key: `${client.ip} ${service}`, ends: [client, server] }]
          : group === 'services'
            ? [{ key: ` ${service}`, ends: [server] }]
            : [client, server].map((end) => ({ key: `${end.ip} `, ends: [end] }));
      for (const { key, ends } of counted) {
        const row = expected.get(key) ?? { connections: 0, packets: 0, states: {} };
        row.connections++;
        row.packets += client.packets + server.packets;
        for (const { state } of ends) if (state !== 'CLOSED') row.states[state] = (row.states[state] ?? 0) + 1;
        expected.set(key, row);
      }
    }
    const { rows, total } = await session.ask('peers', { ...ASK, group });
    expect(total).toBe(expected.size);
    const found = rows.map((r) => [
      `${r.client ?? ''} ${r.server ?? ''}`,
      { connections: r.connections, packets: r.packets, states: r.states },
    ]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
    await session.close();
  });

  test('can be sorted by any column, filtered by words, and read in pages', async () => {
    const session = await ended('incident.pcap');
    const all = await session.ask('peers', { ...ASK, group: 'services' });
    const worst = await session.ask('peers', { ...ASK, group: 'services', sort: 'trouble' });
    expect(worst.rows.map((r) => r.trouble)).toEqual(all.rows.map((r) => r.trouble).sort((a, b) => b - a));
    const named = await session.ask('peers', { ...ASK, group: 'services', sort: 'server', descending: false, offset: 1, limit: 2 });
    expect(named.rows.map((r) => r.server)).toEqual(all.rows.map((r) => r.server!).sort().slice(1, 3)); // prettier-ignore
    const mysql = await session.ask('peers', { ...ASK, match: ':3306' });
    expect(mysql.rows.every((r) => r.server?.endsWith(':3306'))).toBe(true);
    await session.close();
  });

  test('the forged sources of a flood share a row, and do not hide who really talks', async () => {
    const session = await ended('incident.pcap');
    const { rows } = await session.ask('peers', ASK);
    // fixtures/incident.kernel.json: 670 forged SYNs, and 79 ports tried by one host.
    expect(rows.filter((r) => r.server === '10.87.55.161:6379' && r.clients !== undefined)).toMatchObject([
      { client: null, clients: 670, connections: 670, trouble: 670 },
    ]);
    expect(rows.filter((r) => r.client === '10.87.55.40').map((r) => r.server)).toEqual(['10.87.55.161:6379', '10.87.55.185:3306']);
    expect(rows.reduce((sum, r) => sum + r.connections, 0)).toBe(session.snapshot().capture.connections);
    await session.close();
  });
});
