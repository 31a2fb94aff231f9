/** The files of a report. */
import type { CaptureFileFacts } from '../capture/index.ts';
import { linkTypeName } from '../capture/index.ts';
import type { CaptureFacts } from '../model/report.ts';
import { sanitise } from '../model/sanitise.ts';
import { MAX_LINK_TYPES } from './caveats.ts';
import type { FrameFiles } from './frame-files.ts';

export const fileFacts = (facts: readonly CaptureFileFacts[], files: FrameFiles, frames: number): CaptureFacts['files'] =>
  facts.map((f, i) => ({
    path: sanitise(f.path),
    format: f.compression === null ? f.format : `${f.format} (${f.compression})`,
    bytes: f.bytes,
    packets: files.packetsOf(i, frames), // of those delivered, what lies behind --to was not analysed
    linkTypes: f.linkTypes.slice(0, MAX_LINK_TYPES).map(linkTypeName),
    truncated: f.damage !== null,
    sha256: null,
  }));
