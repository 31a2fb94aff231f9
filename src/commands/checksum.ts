/** SHA-256 of the captures, for a report that must say which bytes it is about. A second read of each file, so only when asked for. */
import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { UnreadableError } from '../model/errors.ts';
import type { Report } from '../model/report.ts';
import { sanitise } from '../model/sanitise.ts';

/** The report with `sha256` filled in; what came through a pipe is gone by now and keeps what the reader has made of it. `paths` are in the order of `capture.files`. */
export async function withChecksums(report: Report, paths: readonly string[]): Promise<Report> {
  const sums = new Map<string, string>();
  for (const path of new Set(paths)) if (isRegular(path)) sums.set(path, await sha256(path));
  const files = report.capture.files.map((file, i) => ({ ...file, sha256: sums.get(paths[i] ?? file.path) ?? file.sha256 }));
  return { ...report, capture: { ...report.capture, files } };
}

const isRegular = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (error) {
    throw new UnreadableError(`cannot read "${sanitise(path)}" again for its checksum`, { cause: error });
  }
  return hash.digest('hex');
}
