/** A capture file that breaks off, or that is damaged inside. */
import type { DamagedFile } from '../model/recording.ts';
import { countText, plural } from '../model/wording.ts';
import { captureDraft, framesFilter } from './capture-finding.ts';
import { defineDetector, found } from './detector.ts';

export const truncatedFile = defineDetector({
  id: 'truncated-file',
  title: 'The capture file breaks off',
  severity: 'info',
  category: 'capture',
  params: {},
  docs: {
    what: 'A capture file ends in the middle of a packet, or a record in it is damaged so that the next one cannot be found.',
    why: 'What was captured behind that place is not known. A connection that seems to be open, stuck or unanswered at the end may have gone on.',
    how: 'Reading meets a record or block that is longer than what is left of the file, or whose length no record can have. Everything before it was read, and behind it no chain of plausible records is left to go on with.',
    never:
      'A file that ends between two packets, however abruptly the capture was stopped; damage behind which the reader finds its way again (the caveat odd-file says how much was skipped).',
    limits: 'A file that was cut exactly between two packets looks whole: a classic pcap does not say how many it should have.',
    references: ['draft-ietf-opsawg-pcap (record header)', 'draft-ietf-opsawg-pcapng §3.1 (block length, at both ends)'],
  },
  detect: (capture) => {
    const files = capture.quality.recording.damagedFiles;
    const [first] = files;
    if (first === undefined) return { verdict: 'clear' };
    const one = `${first.path} breaks off after packet ${countText(first.packetsBefore)}`;
    const each = files.map(
      (f) => `${f.path}: ${f.what} (file offset ${countText(f.fileOffset)}, after ${plural(f.packetsBefore, 'packet')})`,
    );
    return found([
      captureDraft(capture, {
        confidence: 'high',
        title: files.length === 1 ? one : `${plural(files.length, 'file')} of the capture break off`,
        summary: `${each.join('; ')}. Everything before that was read; what came behind it is not known, and what seems to go on at the end may have ended.`,
        count: files.length,
        connections: [],
        ...(files.length === 1 && capture.packets > 0 ? { displayFilter: framesFilter([capture.packets]) } : {}),
        metrics: { files: files.length, fileOffset: first.fileOffset, packetsBefore: first.packetsBefore },
        causes: [
          {
            text: 'The capturing program was killed, or its disk was full, before its last buffer was written; or the file was copied while it grew',
            likelihood: 'high',
            because: first.what,
          },
          {
            text: 'The file was damaged later: a broken transfer, a copy in text mode, a bad disk',
            likelihood: 'low',
            because: 'a length inside the file is one that no writer writes, or what it counts is missing',
          },
        ],
        remedies: [
          {
            text: 'End a capture by SIGINT or SIGTERM, or let it end by itself; write packet by packet where it may be killed.',
            command: 'tcpdump -U -w out.pcap FILTER',
            appliesTo: 'the next capture',
          },
          {
            text: 'If the original is larger, fetch it again and compare.',
            command: `sha256sum ${files.length === 1 ? 'FILE' : 'FILES'}`,
            appliesTo: 'both copies',
          },
        ],
        doubtsOf: (_rule, other) =>
          other.until === null && other.since !== null
            ? `${nameOf(first)} breaks off: whether this went on behind its last packet is not known.`
            : null,
      }),
    ]);
  },
});

/** Without the folders before it. */
const nameOf = ({ path }: DamagedFile): string => path.slice(path.lastIndexOf('/') + 1);
