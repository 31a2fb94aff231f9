/** The lane of regular segments and the long way say the same of every fixture, and the lane is worth its name. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { readStream } from '../../src/capture/index.ts';
import { Analyzer } from '../../src/engine/analyzer.ts';

const lane = vi.hoisted(() => ({ isOpen: true, taken: 0 }));

vi.mock('../../src/track/regular.ts', async (original) => {
  const real = await original<typeof import('../../src/track/regular.ts')>();
  const regular: typeof real.regular = (...segment) => {
    const taken = lane.isOpen && real.regular(...segment);
    if (taken) lane.taken++;
    return taken;
  };
  return { ...real, regular };
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
  lane.taken = 0;
  const { report } = (await answer('healthy_pcapng.pcapng')) as { report: { capture: { tcpPackets: number } } };
  expect(lane.taken / report.capture.tcpPackets).toBeGreaterThan(0.5);
});
