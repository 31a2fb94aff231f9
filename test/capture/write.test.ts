/** Captures that are written hold what was read, or say why they cannot. */
import { expect, test } from 'vitest';
import { readStream } from '../../src/capture/index.ts';
import { CAPTURE_FORMATS, captureWriter, type CaptureFormat } from '../../src/capture/write/index.ts';
import { erfFile, join, noise, snoopFile } from '../support/capture-bytes.ts';
import { read } from './read.ts';

/** The file as another one. */
async function rewritten(bytes: Uint8Array, format: CaptureFormat): Promise<Uint8Array> {
  const input = (await read(bytes)).facts;
  const writer = captureWriter(format, [input], 'a test', 'all of it');
  await readStream([bytes], {
    record: (record, file) => {
      writer.packet(record, file, null);
      return true;
    },
  });
  return join(writer.take());
}

test('records of several kinds on one port of a card keep their link types', async () => {
  const erf = erfFile([{ bytes: noise(60) }, { type: 22, before: 0, bytes: noise(40) }, { type: 27, before: 0, bytes: noise(8) }]);
  const { records } = await read(await rewritten(erf, 'pcapng'));
  expect(records.map((r) => [r.linkType, r.bytes.length])).toEqual([
    [1, 60],
    [228, 40],
    [197, 24],
  ]);
});

test.each(CAPTURE_FORMATS)('a link type that only snoop has is not taken for another in %s', async (format) => {
  await expect(rewritten(snoopFile([{ bytes: noise(60) }], { dataLink: 1 }), format)).rejects.toThrow(
    "a packet has snoop's link type SNOOP_1, which pcap and pcapng have no number for.",
  );
});
