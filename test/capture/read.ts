/** Reads bytes through the whole capture stage and keeps what a test looks at. */
import { type CaptureFileFacts, readStream } from '../../src/capture/index.ts';

export interface Seen {
  readonly seconds: number;
  readonly nanos: number;
  readonly hasTime: boolean;
  readonly linkType: number;
  readonly interfaceId: number;
  readonly origLen: number;
  readonly fileOffset: number;
  readonly bytes: Uint8Array;
}

export async function readAll(chunks: Iterable<Uint8Array>): Promise<{ records: Seen[]; facts: CaptureFileFacts }> {
  const records: Seen[] = [];
  const facts = await readStream(chunks, {
    record: ({ seconds, nanos, hasTime, linkType, interfaceId, origLen, fileOffset, bytes, at, capLen, view }) => {
      const copy = bytes.slice(at, at + capLen);
      // `view` and `bytes` promise the same memory.
      if (capLen > 0 && view.getUint8(at + capLen - 1) !== copy[capLen - 1]) throw new Error('view and bytes disagree');
      records.push({ seconds, nanos, hasTime, linkType, interfaceId, origLen, fileOffset, bytes: copy });
      return true;
    },
  });
  return { records, facts };
}

export const read = (bytes: Uint8Array): ReturnType<typeof readAll> => readAll([bytes]);
