/** SHA-256 of the captures, for a report that must say which bytes it is about. A second read of each file, so only when asked for. */
import { createReadStream, statSync } from 'node:fs';
import { isPartial } from '../engine/partial-name.ts';
import { UnreadableError } from '../model/errors.ts';
import type { Report } from '../model/report.ts';
import { sanitise } from '../model/sanitise.ts';

/**
 * The report with `sha256` filled in; what came through a pipe is gone by now and keeps what the reader has made of it. `paths` are in the order
 * of `capture.files`, or partial results: of these it is the captures that are summed up, where they still lie as they were read.
 */
export async function withChecksums(report: Report, paths: readonly string[]): Promise<Report> {
  const partial = paths[0] !== undefined && (await isPartial(paths[0]));
  const sums = new Map<string, string>();
  const files = [];
  for (const [i, file] of report.capture.files.entries()) {
    const path = partial ? file.path : (paths[i] ?? file.path);
    if (!sums.has(path) && isThere(path, partial ? file.bytes : null)) sums.set(path, await sha256(path));
    files.push({ ...file, sha256: sums.get(path) ?? file.sha256 });
  }
  return { ...report, capture: { ...report.capture, files } };
}

/** @param bytes its size when it was read; null: it was read just now */
function isThere(path: string, bytes: number | null): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true && (bytes === null || found.size === bytes);
}

async function sha256(path: string): Promise<string> {
  const { createHash } = await import('node:crypto');
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (error) {
    throw new UnreadableError(`cannot read "${sanitise(path)}" again for its checksum`, { cause: error });
  }
  return hash.digest('hex');
}
