import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { detectFormat, FORMATS } from '../../src/capture/format.ts';
import { UnknownFormatError } from '../../src/model/errors.ts';
import { pcapFile, section } from '../support/capture-bytes.ts';
import { read } from './read.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.padEnd(80, '0'), 'hex'));
const text = (s: string): Uint8Array => new TextEncoder().encode(s);

function refusal(head: Uint8Array, path = 'trace.bin'): string {
  try {
    detectFormat(head, path);
  } catch (error) {
    if (error instanceof UnknownFormatError) return `${error.message}. ${error.hint ?? ''}`;
    throw error;
  }
  throw new Error('was taken for a capture');
}

describe('not a capture: one sentence that helps', () => {
  const cases: [string, Uint8Array, RegExp][] = [
    ['empty', new Uint8Array(0), /^trace\.bin is empty/],
    ['three bytes', Uint8Array.of(0xd4, 0xc3, 0xb2), /too short to be a capture: 3 bytes/],
    ['half a pcap header', pcapFile({}, []).slice(0, 20), /ends inside the pcap header, after 20 of 24 bytes/],
    ['half a pcapng header', section().header().slice(0, 20), /ends inside the pcapng section header, after 20 bytes/],
    ['pcap of another version', pcapFile({ version: [9, 9] }, []), /pcap version 9\.9 is not supported/],
    ['pcapng of another version', section(true).header([2, 0]), /pcapng version 2\.0 is not supported/],
    ['pcapng without byte order', bytes('0a0d0d0a1c000000deadbeef'), /byte-order mark is damaged/],
    ['something that only begins like bzip2', bytes('425a6839'), /not a capture in a known format: it begins with 42 5a 68 39/],
    ["lz4's old format", bytes('02214c18'), /compressed with lz4's old format.*lz4 -dc/],
    ['compress', bytes('1f9d90'), /compressed with compress.*uncompress -c/],
    ['7-Zip', bytes('377abcaf271c'), /compressed with 7-Zip.*7z x -so/],
    ['zip', bytes('504b0304'), /compressed with zip.*unzip -p/],
    ['half a snoop header', bytes('736e6f6f7000000000000002').slice(0, 12), /ends inside the snoop header, after 12 of 16 bytes/],
    ['snoop of another version', bytes('736e6f6f7000000000000003'), /snoop version 3 is not supported/],
    ['Network Monitor', bytes('474d4255'), /Network Monitor capture/],
    ['anything else', bytes('deadbeef'), /begins with de ad be ef.*pcap, pcapng, snoop and ERF/],
    [
      'tcpdump text',
      text('12:00:00.000000 IP 10.0.0.1.40000 > 10.0.0.2.80: Flags [S], seq 1000, win 64240\n'),
      /text that tcpdump prints.*tcpdump -w/,
    ],
    ['tcpdump -tttt text', text('2026-11-20 12:00:00.000000 IP6 ::1.1 > ::1.2: Flags [.], ack 1'), /text that tcpdump prints/],
    ['tcpdump -i any text', text('12:00:00.000000 lo    In  IP 10.0.0.1 > 10.0.0.2: ICMP echo request'), /text that tcpdump prints/],
    ['tcpdump saying so', text('reading from file x.pcap, link-type EN10MB (Ethernet)\n12:'), /text that tcpdump prints/],
    ['a log', text('12:00:00.123 INFO started\n'), /is text, not a packet capture \(it begins "12:00:00\.123 INFO started"\)/],
    ['a web page', text('\n<!DOCTYPE html>\n<html>'), /begins "<!DOCTYPE html>"/],
  ];
  test.each(cases)('%s', (_name, head, sentence) => expect(refusal(head)).toMatch(sentence));

  test('the name in it is safe to print, and `-` is called by its name', () => {
    expect(refusal(bytes('deadbeef'), 'a\u001b[31m\u202e')).toMatch(/^a\\x1b\[31m\\u\{202e\} is not/);
    expect(refusal(bytes('504b0304'), '-')).toMatch(/^standard input is compressed with zip.*unzip -p FILE/);
  });

  test('inside gzip it is the same', async () => {
    await expect(read(gzipSync(bytes('deadbeef')))).rejects.toThrow('begins with de ad be ef');
    await expect(read(gzipSync(new Uint8Array(0)))).rejects.toThrow('is empty');
  });
});

test('every format has its own magic numbers', () => {
  const magics = FORMATS.flatMap((f) => f.magics);
  expect(new Set(magics).size).toBe(magics.length);
  for (const magic of magics) expect(magic).toMatch(/^(?:[0-9a-f]{8}){1,2}$/);
});
