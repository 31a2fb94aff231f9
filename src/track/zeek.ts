/** Zeek's vocabulary with Zeek's definitions (scripts/base/protocols/conn/main.zeek), from what the tracker keeps. */
import type { Tables } from './context.ts';
import { Core, Half, HALF_STRIDE, HalfFlag, Pair, Trait } from './layout.ts';
import { HISTORY_LETTERS } from './sequence.ts';

/** Zeek's endpoint states, as far as conn_state needs them. */
type End = 'inactive' | 'syn-sent' | 'syn-ack-sent' | 'partial' | 'established' | 'closed' | 'reset';

export function historyOf(tables: Tables, id: number): string {
  const core = tables.cores.page(id);
  const c = tables.cores.offset(id);
  const ref = core[c + Core.PAIR]!;
  if (ref === 0) {
    const counts = core[c + Core.COUNTS]!;
    return ((counts & 0xffff) > 0 ? 'S' : '') + (counts >>> 16 > 0 ? 'h' : '');
  }
  const pair = tables.pairs.page(ref - 1);
  const p = tables.pairs.offset(ref - 1);
  let out = '';
  for (let i = 0; i < pair[p + Pair.HISTORY_LENGTH]!; i++) {
    const code = (pair[p + Pair.HISTORY + Math.floor(i / 6)]! >>> ((i % 6) * 5)) & 31;
    const letter = HISTORY_LETTERS[(code & 15) - 1] ?? '';
    out += (code & 16) !== 0 ? letter.toUpperCase() : letter;
  }
  return out;
}

export function connStateOf(tables: Tables, id: number): string {
  const history = historyOf(tables, id);
  const orig = end(tables, id, 0);
  const resp = end(tables, id, 1);
  if (resp === 'reset') {
    if (orig === 'syn-sent' || orig === 'syn-ack-sent') return 'REJ';
    if (orig === 'inactive' || orig === 'partial') return 'RSTRH';
    return 'RSTR';
  }
  if (orig === 'reset') {
    if (resp === 'inactive' || resp === 'partial') return /^\^?S[^HAFGIQ]*R.*/.test(history) ? 'RSTOS0' : 'OTH';
    return 'RSTO';
  }
  if (orig === 'closed' && resp === 'closed') return 'SF';
  if (orig === 'closed') return resp === 'inactive' ? 'SH' : 'S2';
  if (resp === 'closed') return orig === 'inactive' ? 'SHR' : 'S3';
  if (orig === 'syn-sent' && resp === 'inactive') return 'S0';
  if (orig === 'established' && resp === 'established') return 'S1';
  return 'OTH';
}

function end(tables: Tables, id: number, side: number): End {
  const core = tables.cores.page(id);
  const c = tables.cores.offset(id);
  const word = core[c + Core.STATE]!;
  const ref = core[c + Core.PAIR]!;
  if (ref === 0) {
    const counts = core[c + Core.COUNTS]!;
    if (side === 0) return (counts & 0xffff) > 0 ? 'syn-sent' : 'inactive';
    return counts >>> 16 > 0 ? 'syn-ack-sent' : 'inactive';
  }
  const pair = tables.pairs.page(ref - 1);
  const half = tables.pairs.offset(ref - 1) + side * HALF_STRIDE;
  if (pair[half + Half.PACKETS] === 0) return 'inactive';
  if (pair[half + Half.RST]! > 0) return 'reset';
  if ((pair[half + Half.FLAGS]! & HalfFlag.FIN_SENT) !== 0) return 'closed';
  if ((word & (Trait.COMPLETED | Trait.ACK_IGNORED)) !== 0) return 'established'; // Zeek believes the third ACK
  if (side === 0 && pair[half + Half.SYN]! > 0) return 'syn-sent';
  if (side === 1 && pair[half + Half.SYN_ACK]! > 0) return 'syn-ack-sent';
  return 'partial';
}
