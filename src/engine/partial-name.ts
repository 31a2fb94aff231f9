/**
 * How a partial result is told from a capture. Apart from the file itself (partial-file.ts), which few runs of the program have to do with, and
 * which needs zlib.
 */
import { statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { CaptureInput } from '../capture/index.ts';

/** How their names end. */
export const PARTIAL_NAME = '.partial';
export const isPartialName = (path: string): boolean => path.endsWith(PARTIAL_NAME);

/** How the files begin. */
export const MAGIC = Buffer.from('tcpdiag partial\n');

/**
 * Is the input one of these? By its name as well: what is trusted as one's own memory must not come as `capture.pcap` from a stranger. Only a
 * regular file is looked at.
 */
export async function isPartial(input: CaptureInput): Promise<boolean> {
  if (typeof input !== 'string' || !isPartialName(input)) return false;
  let file;
  try {
    if (!statSync(input).isFile()) return false;
    file = await open(input);
    const head = Buffer.alloc(MAGIC.length);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    return bytesRead === MAGIC.length && head.equals(MAGIC);
  } catch {
    return false; // whoever reads it says why
  } finally {
    await file?.close();
  }
}
