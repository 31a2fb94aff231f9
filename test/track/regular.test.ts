/** The lanes of regular segments and of the third ACK, and the long way, say the same of every fixture, and the lane is worth its name. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { readStream } from '../../src/capture/index.ts';
import { Analyzer } from '../../src/engine/analyzer.ts';
import { see, type Sight } from '../support/sights.ts';

const lane = vi.hoisted(() => ({ isOpen: true, taken: 0, thirdAcks: 0 }));

vi.mock('../../src/track/regular.ts', async (original) => {
  const real = await original<typeof import('../../src/track/regular.ts')>();
  const regular: typeof real.regular = (...segment) => {
    const taken = lane.isOpen && real.regular(...segment);
    if (taken) lane.taken++;
    return taken;
  };
  return { ...real, regular };
});

vi.mock('../../src/track/regular-open.ts', async (original) => {
  const real = await original<typeof import('../../src/track/regular-open.ts')>();
  const thirdAck: typeof real.thirdAck = (...segment) => {
    const taken = lane.isOpen && real.thirdAck(...segment);
    if (taken) lane.thirdAcks++;
    return taken;
  };
  return { ...real, thirdAck };
});

const folder = new URL('../../fixtures/', import.meta.url);
const captures = readdirSync(folder).filter((name) => /\.(pcap|pcapng)(\.gz)?$/.test(name));

async function answer(name: string): Promise<unknown> {
  const analyzer = new Analyzer({});
  const bytes = new Uint8Array(readFileSync(new URL(name, folder)));
  const facts = await readStream([bytes], { record: (record) => analyzer.record(record, 0) });
  return { report: analyzer.finish([facts]), connections: [...analyzer.rows()] };
}

test.each(captures)('%s', async (name) => {
  lane.isOpen = true;
  const short = await answer(name);
  lane.isOpen = false;
  expect(short).toEqual(await answer(name));
});

test('a transfer runs down the lane but for its handshake, its close and what was lost', async () => {
  lane.isOpen = true;
  lane.taken = lane.thirdAcks = 0;
  const { report } = (await answer('healthy_pcapng.pcapng')) as { report: { capture: { tcpPackets: number } } };
  expect(lane.taken / report.capture.tcpPackets).toBeGreaterThan(0.5);
});

test('a life that nobody disturbs runs down the lanes from its third ACK to its last', () => {
  lane.isOpen = true;
  lane.taken = lane.thirdAcks = 0;
  const segments: readonly Omit<Sight, 'at'>[] = [
    { from: 'client', flags: 'S', seq: 100, id: 1 },
    { from: 'server', flags: 'S.', seq: 500, ack: 101, id: 0 },
    { from: 'client', flags: '.', seq: 101, ack: 501, id: 2 },
    { from: 'client', flags: 'P.', seq: 101, ack: 501, payload: 'GET /', id: 3 },
    { from: 'server', flags: 'P.', seq: 501, ack: 106, payload: 'answer', id: 71 },
    { from: 'client', flags: '.', seq: 106, ack: 507, id: 4 },
    { from: 'client', flags: 'F.', seq: 106, ack: 507, id: 5 },
    { from: 'server', flags: '.', seq: 507, ack: 107, id: 72 },
    { from: 'server', flags: 'F.', seq: 507, ack: 107, id: 73 },
    { from: 'client', flags: '.', seq: 107, ack: 508, id: 6 },
  ];
  const { only } = see(segments.map((segment, at) => ({ ...segment, at })));
  expect(only.outcome).toBe('ok');
  expect(lane.thirdAcks).toBe(1);
  expect(lane.taken).toBe(segments.length - 3);
});
