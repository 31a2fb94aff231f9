/** A capture of a host that forwards: what a report says of segments that are in it more than once. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { captureWarnings } from '../../src/commands/warnings.ts';
import { analyse } from '../../src/engine/analyse.ts';
import { socketTable } from '../../src/report/socket-table.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));

test('says how many copies, where they were seen, and counts what happened once', async () => {
  const analysis = await analyse([fixture('forwarding_any.pcap')]);
  // Counted by hand: each of the 8 masqueraded connections leaves by the bridge and by its port (6 segments of the client);
  // the answers to 4 of them (4 segments) show on the bridge and on the client's interface.
  const { report } = analysis;
  const copies = 8 * 6 + 4 * 4;
  const caveat = report.capture.caveats.find((c) => c.code === 'duplicate-packets');
  expect(caveat).toMatchObject({ count: copies });
  expect(caveat?.text).toContain('64 TCP packets (27 %) are copies of others');
  expect(caveat?.text).toContain('on 3 interfaces (index 2, 3, 4), before and behind 1 router');
  expect(captureWarnings(report.capture)).toContain(caveat?.text);
  const rows = [...analysis.connections()];
  expect(rows.reduce((sum, row) => sum + (row.copies ?? 0), 0)).toBe(copies);
  expect(rows.reduce((sum, row) => sum + row.client.packets + row.server.packets, 0)).toBe(report.capture.tcpPackets);
  // Leaving by the bridge (index 4) and its port (3), nothing routes; from the bridge to the client's interface (2), this host does.
  expect(rows.find((row) => row.client.ip === '10.11.2.1')?.lastCopy).toEqual({ interfaceIndex: 3, hops: 0 });
  expect(new Set(rows.flatMap((row) => (row.lastCopy ? [JSON.stringify(row.lastCopy)] : [])))).toEqual(
    new Set(['{"interfaceIndex":3,"hops":0}', '{"interfaceIndex":2,"hops":1}']),
  );
  expect(rows.every((row) => row.client.retransmissions + row.server.retransmissions === 0)).toBe(true);
});

test('joins the tuples of one connection before and behind the translator', async () => {
  const analysis = await analyse([fixture('forwarding_any.pcap')]);
  const rows = [...analysis.connections()];
  // The server's ISN is one for all legs, as tshark tells: 8 connections, of which 4 have three tuples.
  expect(rows.filter((row) => row.leg === 0).map((row) => row.id)).toEqual([0, 2, 4, 6, 8, 11, 14, 17]);
  expect(rows.filter((row) => row.sameAs !== undefined).map((row) => [row.id, row.leg, row.sameAs])).toEqual([
    ...[0, 2, 4, 6].map((id) => [id + 1, 1, id]),
    ...[8, 11, 14, 17].flatMap((id) => [
      [id + 1, 1, id],
      [id + 2, 2, id],
    ]),
  ]);
});

test('sockets of further tuples say whose they are', async () => {
  const analysis = await analyse([fixture('forwarding_any.pcap')]);
  const sockets = [...analysis.sockets()].filter(({ connection }) => connection < 2);
  expect(sockets.map(({ local, connection, leg, sameAs }) => [local, connection, leg, sameAs])).toEqual([
    ['10.11.1.2:60682', 0, 0, undefined],
    ['10.11.2.1:60682', 1, 1, 0],
  ]);
  expect([...socketTable(sockets, { width: Infinity, colour: false })].map((line) => line.split(/  +/).at(-1))).toEqual([
    'Connection\n',
    '0\n',
    '1 (leg of 0)\n',
  ]);
});

// The last four use a tuple again: what opens the next connection looks like what closed the one before, and is no copy of it.
test.each(['healthy_any_cooked.pcap', 'ephemeral_reuse.pcap.gz', 'port_reuse_server_tw.pcap', 'stray_segment.pcap.gz', 'land_attack.pcap'])(
  'says nothing of a capture that holds each segment once: %s',
  async (name) => {
    const analysis = await analyse([fixture(name)]);
    expect(analysis.report.capture.caveats.map((c) => c.code)).not.toContain('duplicate-packets');
    expect([...analysis.connections()].every((row) => row.copies === undefined)).toBe(true);
  },
);
