/** `-c` and `--to` end reading: the report is about what was read, and says so. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readStream } from '../../src/capture/index.ts';
import { analyse } from '../../src/engine/analyse.ts';
import { Analyzer } from '../../src/engine/analyzer.ts';
import { captureCaveats, PacketTally } from '../../src/engine/caveats.ts';
import { parseTimeArgument } from '../../src/model/clock.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const half = fixture('half_close.pcap');
const refused = fixture('refused.pcapng');

test('-c counts exactly so many packets, in the capture and in its file, and the report says that reading ended', async () => {
  const { capture } = (await analyse([half], { count: 5 })).report;
  expect([capture.packets, capture.files[0]!.packets]).toEqual([5, 5]);
  expect(capture.caveats.map((c) => c.code)).toContain('reading-ended');
});

test('-c on a live capture does not wait for one packet more', async () => {
  const analyzer = new Analyzer({ count: 5 });
  const bytes = readFileSync(half);
  let asked = 0;
  function* live(): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 16, asked = at) yield bytes.subarray(at, at + 16);
  }
  await readStream(live(), { record: (record, file) => analyzer.record(record, file) });
  expect(analyzer.packets).toBe(5);
  // Five packets of a handshake and a request with their record headers; the sixth was not waited for.
  const fifthEnds = endOfPacket(bytes, 5);
  expect(asked).toBeLessThan(fifthEnds + 16);
});

test('--to before the first packet is not an empty capture', async () => {
  const { capture } = (await analyse([half], { to: parseTimeArgument('2001-01-01T00:00:00Z')! })).report;
  expect([capture.packets, capture.files[0]!.packets]).toEqual([0, 0]);
  expect(capture.caveats.map((c) => c.code)).toEqual(['reading-ended']);
});

test('of two files, each counts its own packets', async () => {
  const { capture } = (await analyse([half, refused], { count: 3 })).report;
  expect(capture.files.map((f) => f.packets).reduce((a, b) => a + b)).toBe(3);
});

/** Little-endian classic pcap: 24 octets, then 16 and a frame each. */
function endOfPacket(bytes: Buffer, count: number): number {
  let at = 24;
  for (let i = 0; i < count; i++) at += 16 + bytes.readUInt32LE(at + 8);
  return at;
}

test('frame numbers end at 2,147,483,647, which is said', () => {
  const caveats = captureCaveats([], new PacketTally(), undefined, 2 ** 31 - 1, 'frames');
  expect(caveats.map(({ code, text }) => [code, text])).toEqual([
    ['reading-ended', 'reading ended after packet 2147483647, the last that has a number: split the capture, as with editcap -c'],
  ]);
});
