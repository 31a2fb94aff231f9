/** Zeek's vocabulary with Zeek's definitions (scripts/base/protocols/conn/main.zeek), from what history.ts keeps. */
import type { Tables } from './tables.ts';
import { historyText, zeekState, ZeekState } from './history.ts';
import { Half, HALF_STRIDE, HalfFlag, pairOf } from './layout.ts';
import { countsOf, issOf } from './sequel.ts';

export function historyOf(tables: Tables, id: number): string {
  const core = tables.cores.page(id);
  const c = tables.cores.offset(id);
  const ref = pairOf(core, c);
  if (ref !== 0) return historyText(tables.pairs.page(ref - 1), tables.pairs.offset(ref - 1));
  const counts = countsOf(tables, core, c);
  return ((counts & 0xffff) > 0 ? 'S' : '') + (counts >>> 16 > 0 ? 'h' : '');
}

export function connStateOf(tables: Tables, id: number): string {
  const core = tables.cores.page(id);
  const c = tables.cores.offset(id);
  const ref = pairOf(core, c);
  if (ref === 0) return countsOf(tables, core, c) >>> 16 > 0 ? 'S1' : 'S0'; // Zeek needs no third ACK
  const pair = tables.pairs.page(ref - 1);
  const pairF = tables.pairs.floatPage(ref - 1);
  const client = tables.pairs.offset(ref - 1);
  const server = client + HALF_STRIDE;
  const orig = zeekState(pair[client + Half.FLAGS]!);
  const resp = zeekState(pair[server + Half.FLAGS]!);
  const silent = (half: number): boolean => pair[half + Half.PACKETS] === 0;
  if (resp === ZeekState.RESET) {
    const empty = pairF[(client + Half.PAYLOAD) >> 1] === 0 && pairF[(server + Half.PAYLOAD) >> 1] === 0;
    if (orig === ZeekState.SYN_SENT || orig === ZeekState.SYN_ACK_SENT || (orig === ZeekState.RESET && empty)) return 'REJ';
    return orig === ZeekState.INACTIVE ? 'RSTRH' : 'RSTR';
  }
  if (orig === ZeekState.RESET) {
    if (resp !== ZeekState.INACTIVE) return 'RSTO';
    return /^\^?S[^HAFGIQ]*R/.test(historyText(pair, client)) ? 'RSTOS0' : 'OTH';
  }
  if (orig === ZeekState.CLOSED && resp === ZeekState.CLOSED) return 'SF';
  if (orig === ZeekState.CLOSED) return resp === ZeekState.INACTIVE ? 'SH' : 'S2';
  if (resp === ZeekState.CLOSED) return orig === ZeekState.INACTIVE ? 'SHR' : 'S3';
  if (orig === ZeekState.SYN_SENT && silent(server)) return 'S0';
  return orig === ZeekState.ESTABLISHED && resp === ZeekState.ESTABLISHED ? 'S1' : 'OTH';
}

/** Sequence numbers come round again after so many octets. */
const WRAP = 2 ** 32;

/**
 * Payload octets of one end (0 client, 1 server) by its sequence numbers, without SYN and FIN: what was sent again counts
 * once, what the other end acknowledged counts although the capture missed it. Null where no SYN says where they began.
 */
export function sequenceBytesOf(tables: Tables, id: number, side: 0 | 1): number | null {
  const core = tables.cores.page(id);
  const c = tables.cores.offset(id);
  const ref = pairOf(core, c);
  const counts = ref === 0 ? countsOf(tables, core, c) : 0;
  if (ref === 0) return (side === 0 ? counts & 0xffff : counts >>> 16) > 0 ? 0 : null;
  const pair = tables.pairs.page(ref - 1);
  const pairF = tables.pairs.floatPage(ref - 1);
  const half = tables.pairs.offset(ref - 1) + side * HALF_STRIDE;
  if (pair[half + Half.SYN] === 0 && pair[half + Half.SYN_ACK] === 0) return null;
  const flags = (pair[half + Half.FLAGS]! & HalfFlag.FIN_SENT) !== 0 ? 2 : 1;
  const octets = ((pair[half + Half.NXT]! - issOf(tables, core, c, side)) >>> 0) - flags;
  const booked = pairF[(half + Half.PAYLOAD) >> 1]! + pair[half + Half.MISSED]!;
  return Math.max(0, octets + WRAP * Math.round((booked - octets) / WRAP));
}
