/**
 * Closed windows, the probes into them, and keepalives, which look the same: the window tells them apart.
 * Rare: nothing here runs for a connection whose windows stay open and that nobody probes.
 */
import type { Packet } from '../decode/packet.ts';
import type { Context } from './context.ts';
import { Half, HalfFlag, Trouble } from './layout.ts';

/** Was the window closed that the other end showed last? */
export function facesClosedWindow(x: Context): boolean {
  const word = x.pair[x.peer + Half.WINDOW_TTL]!;
  return word !== 0 && (word & 0xffff) === 0;
}

/**
 * `me` repeats the octet before what it would send next, or sends nothing from there. Linux sends the same segment as keepalive
 * and into a closed window (net/ipv4/tcp_output.c tcp_xmit_probe_skb).
 */
export function probe(x: Context): void {
  x.openTrouble();
  const { trouble, troubleF, troubleMe, now } = x;
  if (facesClosedWindow(x)) {
    windowProbe(x);
    return;
  }
  const last = (troubleMe + Trouble.KEEP_ALIVE_TIME) >> 1;
  if (trouble[troubleMe + Trouble.KEEP_ALIVES]! > 0) troubleF[(troubleMe + Trouble.KEEP_ALIVE_INTERVAL) >> 1] = now - troubleF[last]!;
  troubleF[last] = now;
  trouble[troubleMe + Trouble.KEEP_ALIVE_FRAME] = x.frame;
  trouble[troubleMe + Trouble.KEEP_ALIVES] = trouble[troubleMe + Trouble.KEEP_ALIVES]! + 1;
  trouble[troubleMe + Trouble.KEEP_ALIVES_IN_VAIN] = trouble[troubleMe + Trouble.KEEP_ALIVES_IN_VAIN]! + 1;
  x.setFlag(x.me, HalfFlag.PROBING);
}

export function windowProbe(x: Context): void {
  x.openTrouble();
  x.trouble[x.troubleMe + Trouble.WINDOW_PROBES] = x.trouble[x.troubleMe + Trouble.WINDOW_PROBES]! + 1;
}

/** Whatever `me` sends after a keepalive of `peer` shows that it lives. */
export function probeAnswered(x: Context): void {
  x.clearFlag(x.peer, HalfFlag.PROBING);
  x.openTrouble();
  const { trouble, troublePeer } = x;
  trouble[troublePeer + Trouble.KEEP_ALIVES_IN_VAIN] = 0;
  trouble[troublePeer + Trouble.KEEP_ALIVES_ANSWERED] = trouble[troublePeer + Trouble.KEEP_ALIVES_ANSWERED]! + 1;
}

/** The window of `me` turned to zero, or from it. */
export function windowTurned(x: Context, k: Packet): void {
  if (((k.ack - x.pair[x.peer + Half.UNA]!) | 0) < 0) return; // overtaken: an older window (RFC 9293 §3.10.7.4, SND.WL2)
  if (k.window !== 0 && x.pair[x.me + Half.ZERO_WINDOWS] === 0) return; // the first window that we see of it
  x.openTrouble();
  const { trouble, troubleF, troubleMe: t } = x;
  if (k.window === 0) {
    trouble[t + Trouble.ZERO_EPISODES] = trouble[t + Trouble.ZERO_EPISODES]! + 1;
    trouble[t + Trouble.ZERO_SINCE_FRAME] = x.frame;
    troubleF[(t + Trouble.ZERO_SINCE) >> 1] = x.now;
    return;
  }
  if (trouble[t + Trouble.ZERO_SINCE_FRAME] === 0) return;
  const since = troubleF[(t + Trouble.ZERO_SINCE) >> 1]!;
  const closed = Math.max(0, x.now - since);
  troubleF[(t + Trouble.ZERO_TOTAL) >> 1] = troubleF[(t + Trouble.ZERO_TOTAL) >> 1]! + closed;
  if (trouble[t + Trouble.ZERO_LONGEST_FRAME] === 0 || closed > troubleF[(t + Trouble.ZERO_LONGEST) >> 1]!) {
    troubleF[(t + Trouble.ZERO_LONGEST) >> 1] = closed;
    troubleF[(t + Trouble.ZERO_LONGEST_SINCE) >> 1] = since;
    trouble[t + Trouble.ZERO_LONGEST_FRAME] = trouble[t + Trouble.ZERO_SINCE_FRAME]!;
    trouble[t + Trouble.ZERO_LONGEST_END] = x.frame;
  }
  trouble[t + Trouble.ZERO_SINCE_FRAME] = 0;
}

/** The data of `me` uses up exactly what `peer` allowed. */
export function windowFull(x: Context): void {
  x.openTrouble();
  x.trouble[x.troubleMe + Trouble.WINDOW_FULL] = x.trouble[x.troubleMe + Trouble.WINDOW_FULL]! + 1;
}
