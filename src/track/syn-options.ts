/** The options of a SYN, and whose SYN it is, in one word, as Core.OPTIONS keeps them. */
import type { Packet } from '../decode/packet.ts';
import { decodeTcpOptions } from '../decode/transport/tcp-options.ts';
import { guessProfile } from './fingerprint.ts';
import { profileCode, SynOption } from './layout.ts';

/** @param before the word so far: a profile that is known stays */
export function packSynOptions(k: Packet, before: number): number {
  decodeTcpOptions(k);
  const o = k.options;
  return (
    (o.mss < 0 ? 0 : (o.mss & 0xffff) | SynOption.HAS_MSS) |
    ((o.windowScale < 0 ? SynOption.NO_SCALE : Math.min(14, o.windowScale)) << SynOption.SCALE_SHIFT) |
    (o.sackPermitted ? SynOption.SACK : 0) |
    (o.hasTimestamp ? SynOption.TIMESTAMPS : 0) |
    (o.fastOpen ? SynOption.FAST_OPEN : 0) |
    (o.mptcp ? SynOption.MPTCP : 0) |
    (o.complete ? SynOption.SEEN : 0) |
    (o.fastOpenCookieLength > 0 ? SynOption.COOKIE : 0) |
    (k.payloadLength > 0 ? SynOption.DATA : 0) |
    profileOf(k, before)
  );
}

function profileOf(k: Packet, before: number): number {
  const known = profileCode(before);
  return (known === 0 ? guessProfile(k) : known) << SynOption.PROFILE_SHIFT;
}
