/** Our reader beside npm's pcap-parser, over every classic microsecond capture in fixtures/. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import pcapParser, { type ParsedPacket } from 'pcap-parser';
import { crossRead, crossReadBytes } from '../../src/capture/cross-read.ts';
import { readCaptures } from '../../src/capture/index.ts';
import { join, NANOSECONDS, noise, pcapFile, section } from '../support/capture-bytes.ts';
import { PACKED } from '../support/packed.ts';

const FIXTURES = new URL('../../fixtures/', import.meta.url).pathname;
const CLASSIC = ['a1b2c3d4', 'd4c3b2a1'];

const captures = readdirSync(FIXTURES, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath}/${entry.name}`)
  .filter((path) => CLASSIC.includes(readFileSync(path).toString('hex', 0, 4)))
  .map((path) => [path.slice(FIXTURES.length).replace(/^\/+/, ''), path] as const);

/** Records as pcap-parser's own events give them, reading the file by itself. */
function theirs(path: string): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const packets: unknown[] = [];
    pcapParser
      .parse(path)
      .on('packet', ({ header, data }: ParsedPacket) => {
        const { timestampSeconds, timestampMicroseconds, capturedLength, originalLength } = header;
        packets.push([timestampSeconds, timestampMicroseconds * 1000, capturedLength, originalLength, data.toString('base64')]);
      })
      .on('error', reject)
      .on('end', () => resolve(packets));
  });
}

test('there are captures to compare', () => expect(captures.length).toBeGreaterThan(0));

test.each(captures)('%s: the same number, times, lengths and bytes', async (_name, path) => {
  const ours: unknown[] = [];
  await readCaptures([path], {
    record: ({ seconds, nanos, capLen, origLen, bytes, at }) =>
      ours.push([seconds, nanos, capLen, origLen, Buffer.from(bytes.subarray(at, at + capLen)).toString('base64')]) > 0,
  });
  expect(ours).toEqual(await theirs(path));
});

describe('the second opinion as users get it', () => {
  const frames = [0, 1, 2].map((i) => ({ seconds: i, fraction: 999_999, bytes: noise(60 + i, i), origLen: 1514 }));
  const agrees = { verdict: 'agrees', packets: 3, whole: true };

  test.each(captures)('%s: agrees', async (_name, path) => expect(await crossRead(path)).toMatchObject({ verdict: 'agrees' }));

  test.each([
    ['big-endian', pcapFile({ bigEndian: true }, frames), agrees],
    ['cut short', join(pcapFile({}, frames), noise(9)), agrees],
    ['a length that no frame has', join(pcapFile({}, frames), pcapFile({}, [{ capLen: 0x7fffffff }]).slice(24)), agrees],
    ['no packets', pcapFile({}, []), { verdict: 'agrees', packets: 0, whole: true }],
    ['a fraction above a second', pcapFile({}, [{ seconds: 1, fraction: 2_000_001 }]), { verdict: 'agrees', packets: 1, whole: true }],
  ])('%s: agrees', async (_name, bytes, result) => expect(await crossReadBytes(bytes, 'x.pcap')).toEqual(result));

  test('a difference is told with its packet', async () => {
    // Version 2.2 has the lengths the other way round, which pcap-parser does not know.
    const old = pcapFile({ version: [2, 2] }, [{ bytes: noise(60), capLen: 61, origLen: 60 }]);
    expect(await crossReadBytes(join(old, noise(1)), 'old.pcap')).toEqual({
      verdict: 'differs',
      packet: 1,
      what: 'captured length: 60 for tcpdiag, 61 for pcap-parser',
    });
  });

  test('a packet that only one of them sees is a difference', async () => {
    const tooLong = pcapFile({}, [{ bytes: noise(60) }, { bytes: noise(300_000) }]);
    expect(await crossReadBytes(tooLong, 'x.pcap')).toEqual({
      verdict: 'differs',
      packet: 2,
      what: 'pcap-parser sees packet 2, tcpdiag ends before it',
    });
  });

  test.each([
    ['pcapng', section().header(), 'pcap-parser does not read pcapng'],
    ['nanoseconds', pcapFile({ magic: NANOSECONDS }, frames), 'pcap-parser does not read pcap (nanoseconds)'],
    ['gzip, cut', gzipSync(pcapFile({}, frames)).subarray(0, -4), 'the gzip data is cut short'],
  ])('%s cannot be compared', async (_name, bytes, because) => {
    expect(await crossReadBytes(bytes, 'x')).toEqual({ verdict: 'not-comparable', because });
  });

  test.each([['gzip', gzipSync(pcapFile({}, frames))] as const, ...Object.entries(PACKED)])(
    '%s is unpacked for both',
    async (_by, bytes) => {
      expect(await crossReadBytes(bytes, 'x')).toMatchObject({ verdict: 'agrees' });
    },
  );

  test('of what is larger than 64 MiB, or unpacks to more, the beginning is compared', async () => {
    const large = pcapFile({}, Array<{ bytes: Uint8Array }>(1_200).fill({ bytes: noise(60_000) }));
    // (64 * 1,048,576 - 24) / 60,016 = 1,118.2
    const agreed = { verdict: 'agrees', packets: 1_118, whole: false };
    expect(await crossReadBytes(gzipSync(large, { level: 1 }), 'x')).toEqual(agreed);
    const path = `${mkdtempSync(`${tmpdir()}/tcpdiag-large-`)}/large.pcap`;
    writeFileSync(path, large);
    expect(await crossRead(path)).toEqual(agreed);
    rmSync(path);
  });

  test('nor can standard input', async () => expect(await crossRead('-')).toMatchObject({ verdict: 'not-comparable' }));
});
