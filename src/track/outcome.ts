/** How a connection went, from its columns alone: cheap enough to ask for every connection. contract.md `outcome`. */
import type { Outcome } from '../model/connection.ts';
import { State } from '../model/state.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import type { Tables } from './tables.ts';
import { Core, Half, HALF_STRIDE, HalfFlag, Trait } from './layout.ts';

/** A FIN younger than this at the end of observation is not a leak: applications need a moment to close. */
const LEAK_FLOOR = NANOS_PER_SECOND;

export function outcomeOf(tables: Tables, id: number, end: number): Outcome {
  const core = tables.cores.page(id);
  const c = tables.cores.offset(id);
  const word = core[c + Core.STATE]!;
  const client = word & 15;
  const server = (word >>> 4) & 15;
  const over = isOver(client) && isOver(server);
  if ((word & Trait.HAS_RST) === 0 && over && (word & Trait.COMPLETED) !== 0 && bothFins(tables, core[c + Core.PAIR]!)) return 'ok';
  if ((word & (Trait.REFUSED | Trait.COMPLETED)) === Trait.REFUSED) return 'refused'; // a later try may have succeeded
  const ref = core[c + Core.PAIR]!;
  if ((word & Trait.SAW_SYN) !== 0 && (word & (Trait.SAW_SYN_ACK | Trait.COMPLETED)) === 0 && !wasAnswered(tables, ref)) {
    if (ref !== 0 && packetsOf(tables, ref, 1) > 0) return (word & Trait.HAS_RST) !== 0 ? 'refused' : 'unknown';
    if ((word & Trait.ICMP_ERROR) !== 0) return 'refused';
    return (word & Trait.HAS_RST) !== 0 ? 'abandoned' : 'unanswered';
  }
  if ((word & Trait.SAW_SYN_ACK) !== 0 && (word & Trait.COMPLETED) === 0) {
    if ((word & Trait.HAS_RST) !== 0) return 'abandoned';
    return 'half-open';
  }
  if ((word & Trait.HAS_RST) !== 0 && over) return bothFins(tables, ref) ? 'ok' : 'reset';
  if (client === State.CLOSE_WAIT || server === State.CLOSE_WAIT) {
    return leaked(tables, ref, client === State.CLOSE_WAIT ? 0 : 1, end) ? 'leaked' : 'open';
  }
  if (over) return bothFins(tables, ref) ? 'ok' : 'unknown';
  return client >= State.ESTABLISHED || server >= State.ESTABLISHED ? 'open' : 'unknown';
}

const isOver = (state: number): boolean => state === State.CLOSED || state === State.TIME_WAIT;

function bothFins(tables: Tables, ref: number): boolean {
  if (ref === 0) return false;
  const pair = tables.pairs.page(ref - 1);
  const p = tables.pairs.offset(ref - 1);
  return (pair[p + Half.FLAGS]! & pair[p + HALF_STRIDE + Half.FLAGS]! & HalfFlag.FIN_SENT) !== 0;
}

/** Has the client acknowledged anything? Then its SYN was answered, though the answer was not captured. */
function wasAnswered(tables: Tables, ref: number): boolean {
  if (ref === 0) return false;
  return (tables.pairs.page(ref - 1)[tables.pairs.offset(ref - 1) + Half.FLAGS]! & HalfFlag.ACK_SEEN) !== 0;
}

function packetsOf(tables: Tables, ref: number, side: number): number {
  return tables.pairs.page(ref - 1)[tables.pairs.offset(ref - 1) + side * HALF_STRIDE + Half.PACKETS]!;
}

function leaked(tables: Tables, ref: number, side: number, end: number): boolean {
  const pair = tables.pairs.page(ref - 1);
  const pairF = tables.pairs.floatPage(ref - 1);
  const half = tables.pairs.offset(ref - 1) + side * HALF_STRIDE;
  return end - pairF[(half + Half.STATE_TIME) >> 1]! >= LEAK_FLOOR && pair[half + Half.AFTER_PEER_FIN] === 0;
}
