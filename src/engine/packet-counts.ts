/** What the rules may know of packets that are in no connection. */
import type { CaptureFileFacts } from '../capture/index.ts';
import type { PacketCounts } from '../collect/census.ts';
import type { Decoder } from '../decode/index.ts';
import { sanitise } from '../model/sanitise.ts';
import type { PacketTally } from './caveats.ts';

export const packetCounts = (
  packets: number,
  tally: PacketTally,
  { reassembly }: Decoder,
  files: readonly CaptureFileFacts[],
): PacketCounts => ({
  packets,
  cutHeaders: tally.cut,
  fragments: tally.fragments + reassembly.loose,
  reassembled: tally.reassembled,
  cutAt: tally.cutAt,
  damagedFiles: files.flatMap(({ path, damage }) =>
    damage === null
      ? []
      : [{ path: sanitise(path), what: sanitise(damage.what), fileOffset: damage.fileOffset, packetsBefore: damage.recordsBefore }],
  ),
});
