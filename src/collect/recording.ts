/** How the records were made, as rules see it. */
import type { ChecksumFacts, Recording } from '../model/recording.ts';
import { connId, frameNo, nanos } from '../model/units.ts';
import type { AddressBook } from '../track/address-book.ts';
import type { Checksums } from '../track/checksums.ts';
import type { Tables } from '../track/tables.ts';
import type { PacketCounts } from './census.ts';

export function recordingOf(tables: Tables, packets: PacketCounts): Recording {
  const { recorded, addresses } = tables;
  const { cuts, checksums, clock } = recorded;
  return {
    damagedFiles: packets.damagedFiles,
    cuts: {
      headers: packets.cutHeaders,
      looked: cuts.looked,
      options: cuts.options,
      payload: cuts.payload,
      octets: Math.max(packets.cutAt, cuts.octets),
      ids: [...cuts.ids].sort((a, b) => a - b).map(connId),
    },
    checksums: checksumFacts(checksums, addresses),
    clock: clock.facts((of, frame) => tables.connectionThen(of, frame)),
  };
}

function checksumFacts(c: Checksums, addresses: AddressBook): ChecksumFacts {
  return {
    verified: c.verified,
    cut: c.cut,
    verifiedPayload: c.verifiedPayload,
    partial: c.partial,
    empty: c.empty,
    emptyIp: c.emptyIp,
    bad: c.bad,
    badIp: c.badIp,
    taken: c.taken,
    repeated: c.repeated,
    unknown: c.bad - c.taken - c.repeated,
    segments: c.segments.map(({ id, frame, time, fate, ipHeader }) => {
      return { connection: connId(id), frame: frameNo(frame), time: nanos(time), fate, ipHeader };
    }),
    senders: c.senders
      .map(({ address, ipv6, bad, good }) => ({ ip: addresses.text(address, ipv6), bad, good }))
      .sort((a, b) => b.bad - a.bad),
  };
}
