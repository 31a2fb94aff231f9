/** Who talks to whom, against the rows of the connections themselves. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { PeerGroup, PeerRow, Session } from '../../src/engine/protocol.ts';
import { localSession } from '../../src/engine/session.ts';
import { endpointText } from '../../src/model/address.ts';
import type { ConnectionRow } from '../../src/model/report.ts';

const TROUBLE = new Set(['refused', 'unanswered', 'abandoned', 'half-open', 'reset', 'leaked']);

async function opened(name: string): Promise<Session> {
  const session = localSession([fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url))], {});
  await session.done;
  return session;
}

async function peers(session: Session, group: PeerGroup): Promise<readonly PeerRow[]> {
  return (await session.ask('peers', { group, match: '', sort: 'connections', descending: true, offset: 0, limit: 1_000 })).rows;
}

async function connections(session: Session): Promise<ConnectionRow[]> {
  const { connections } = session.snapshot().capture;
  return Promise.all(Array.from({ length: connections }, (_, connection) => session.ask('connection', { connection })));
}

interface Counts {
  connections: number;
  trouble: number;
  packets: number;
  bytes: number;
  states: Record<string, number>;
}

/** By name of the row; `ends`: which rows a connection is counted in, with those of its ends whose states count there. */
function counted(
  rows: readonly ConnectionRow[],
  ends: (row: ConnectionRow) => readonly (readonly [name: string, ...('client' | 'server')[]])[],
): Map<string, Counts> {
  const all = new Map<string, Counts>();
  for (const row of rows)
    for (const [name, ...sides] of ends(row)) {
      const of = all.get(name) ?? { connections: 0, trouble: 0, packets: 0, bytes: 0, states: {} };
      all.set(name, of);
      of.connections++;
      if (TROUBLE.has(row.outcome)) of.trouble++;
      of.packets += row.client.packets + row.server.packets;
      of.bytes += row.client.payloadBytes + row.server.payloadBytes;
      for (const side of sides) {
        const { state } = row[side];
        if (state !== 'CLOSED' && state !== 'LISTEN') of.states[state] = (of.states[state] ?? 0) + 1;
      }
    }
  return all;
}

const serviceOf = ({ server }: ConnectionRow): string => endpointText(server.ip, server.port);
const countsOf = ({ connections, trouble, packets, bytes, states }: PeerRow): Counts => ({
  connections,
  trouble,
  packets,
  bytes,
  states: { ...states },
});
const byName = (rows: readonly PeerRow[], name: (row: PeerRow) => string): Map<string, Counts> =>
  new Map(rows.map((row) => [name(row), countsOf(row)]));

describe.each(['incident.pcap', 'vlan_ipv6.pcap', 'land_attack.pcap', 'close_wait_leak.pcap'])('%s', (name) => {
  test('every row counts its connections, and an end that talks to itself counts once', async () => {
    const session = await opened(name);
    const rows = await connections(session);
    expect(byName(await peers(session, 'services'), ({ server }) => server!)).toEqual(counted(rows, (row) => [[serviceOf(row), 'server']]));
    expect(byName(await peers(session, 'hosts'), ({ client }) => client!)).toEqual(
      counted(rows, ({ client, server }) =>
        client.ip === server.ip
          ? [[client.ip, 'client', 'server']]
          : [
              [client.ip, 'client'],
              [server.ip, 'server'],
            ],
      ),
    );
    const pairs = await peers(session, 'pairs');
    const expected = counted(rows, (row) => [[`${row.client.ip} ${serviceOf(row)}`, 'client', 'server']]);
    // Where there are many pairs, those of one connection share a row per service, which counts as many as it says clients.
    const alone = pairs.filter(({ clients }) => clients !== undefined);
    for (const { client, clients, server, connections } of alone) expect([client, connections, server]).toEqual([null, clients, server]);
    for (const row of pairs.filter(({ clients }) => clients === undefined))
      expect([row.client, countsOf(row)]).toEqual([row.client, expected.get(`${row.client!} ${row.server!}`)]);
    for (const what of ['connections', 'trouble', 'packets', 'bytes'] as const)
      expect(pairs.reduce((sum, row) => sum + row[what], 0)).toBe([...expected.values()].reduce((sum, row) => sum + row[what], 0));
    expect(pairs.length - alone.length + alone.reduce((sum, { clients = 0 }) => sum + clients, 0)).toBe(expected.size);
    await session.close();
  });
});
