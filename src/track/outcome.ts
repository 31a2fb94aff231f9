/** How a connection went, from its columns alone: cheap enough to ask for every connection. contract.md `outcome`. */
import { type Outcome, OUTCOMES } from '../model/connection.ts';
import { State } from '../model/state.ts';
import { NANOS_PER_SECOND } from '../model/units.ts';
import type { Tables } from './tables.ts';
import { Core, Half, HALF_STRIDE, HalfFlag, pairOf, Trait } from './layout.ts';

/** A FIN younger than this at the end of observation is not a leak: applications need a moment to close. */
const LEAK_FLOOR = NANOS_PER_SECOND;

export const outcomeOf = (tables: Tables, id: number, end: number): Outcome => OUTCOMES[outcomeIndex(tables, id, end)]!;

const index = (outcome: Outcome): number => OUTCOMES.indexOf(outcome);
const OK = index('ok');
const REFUSED = index('refused');
const UNANSWERED = index('unanswered');
const ABANDONED = index('abandoned');
const HALF_OPEN = index('half-open');
const RESET = index('reset');
const LEAKED = index('leaked');
const OPEN = index('open');
const UNKNOWN = index('unknown');

/** Its index in OUTCOMES. */
export function outcomeIndex(tables: Tables, id: number, end: number): number {
  const core = tables.cores.page(id);
  const c = tables.cores.offset(id);
  const word = core[c + Core.STATE]!;
  const client = word & 15;
  const server = (word >>> 4) & 15;
  const over = isOver(client) && isOver(server);
  if ((word & Trait.HAS_RST) === 0 && over && (word & Trait.COMPLETED) !== 0 && bothFins(tables, pairOf(core, c))) return OK;
  if ((word & (Trait.REFUSED | Trait.COMPLETED)) === Trait.REFUSED) return REFUSED; // a later try may have succeeded
  const ref = pairOf(core, c);
  if ((word & Trait.SAW_SYN) !== 0 && (word & (Trait.SAW_SYN_ACK | Trait.COMPLETED)) === 0 && !wasAnswered(tables, ref)) {
    if (ref !== 0 && packetsOf(tables, ref, 1) > 0) return (word & Trait.HAS_RST) !== 0 ? REFUSED : UNKNOWN;
    if ((word & Trait.ICMP_ERROR) !== 0) return REFUSED;
    return (word & Trait.HAS_RST) !== 0 ? ABANDONED : UNANSWERED;
  }
  if ((word & Trait.SAW_SYN_ACK) !== 0 && (word & Trait.COMPLETED) === 0) {
    if ((word & Trait.HAS_RST) !== 0) return ABANDONED;
    return HALF_OPEN;
  }
  if ((word & Trait.HAS_RST) !== 0 && over) return bothFins(tables, ref) ? OK : RESET;
  if (client === State.CLOSE_WAIT || server === State.CLOSE_WAIT) {
    return leaked(tables, ref, client === State.CLOSE_WAIT ? 0 : 1, end) ? LEAKED : OPEN;
  }
  if (over) return bothFins(tables, ref) ? OK : UNKNOWN;
  return client >= State.ESTABLISHED || server >= State.ESTABLISHED ? OPEN : UNKNOWN;
}

const isOver = (state: number): boolean => state === State.CLOSED || state === State.TIME_WAIT;

function bothFins(tables: Tables, ref: number): boolean {
  if (ref === 0) return false;
  const { pairs } = tables;
  return (pairs.word(ref - 1, Half.FLAGS) & pairs.word(ref - 1, HALF_STRIDE + Half.FLAGS) & HalfFlag.FIN_SENT) !== 0;
}

/** Has the client acknowledged anything? Then its SYN was answered, though the answer was not captured. */
function wasAnswered(tables: Tables, ref: number): boolean {
  if (ref === 0) return false;
  return (tables.pairs.word(ref - 1, Half.FLAGS) & HalfFlag.ACK_SEEN) !== 0;
}

function packetsOf(tables: Tables, ref: number, side: number): number {
  return tables.pairs.word(ref - 1, side * HALF_STRIDE + Half.PACKETS);
}

function leaked(tables: Tables, ref: number, side: number, end: number): boolean {
  const { pairs } = tables;
  const half = side * HALF_STRIDE;
  return end - pairs.double(ref - 1, half + Half.STATE_TIME) >= LEAK_FLOOR && pairs.word(ref - 1, half + Half.AFTER_PEER_FIN) === 0;
}
