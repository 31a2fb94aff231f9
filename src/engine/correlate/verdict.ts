/** One sentence that says who is to blame, by what weighs most: what was forged, what never arrived, what was lost, what was slow, what a host ended itself. */
import type { Correlation, DirectionFacts, PathIncident, Waits } from '../../model/correlation.ts';
import type { SideName } from '../../model/state.ts';
import { countText, durationText, plural } from '../../model/wording.ts';

export interface Grounds {
  readonly pairs: number;
  readonly directions: readonly DirectionFacts[];
  readonly incidents: readonly PathIncident[];
  readonly waits: Waits;
  /** Connections that a side has reset itself. */
  readonly resets: Readonly<Record<SideName, number>>;
  /** null: several. */
  readonly hosts: Readonly<Record<SideName, string | null>>;
}

/** A share of segments that are lost which an application feels: TCP's throughput falls with its root (RFC 3649 §2). */
const FELT = 0.001;
/** What a server takes of the time that its clients wait, to be the reason for it; and the mean that somebody notices. */
const MOST = 0.8;
const NOTICED_SECONDS = 0.2;

export function verdictOf(grounds: Grounds): Correlation['verdict'] {
  const { pairs, directions, incidents, waits, resets, hosts } = grounds;
  if (pairs === 0)
    return { atFault: null, text: 'The captures have no connection in common: nothing can be said of the path between them.' };
  const of = (kind: PathIncident['kind']): readonly PathIncident[] => incidents.filter((i) => i.kind === kind);
  const injected = of('injected-reset');
  if (injected.length > 0) {
    const said = injected.map((i) => `${countText(i.segments)} in the name of the ${i.from}`).join(' and ');
    return { atFault: 'path', text: `Something on the path ends connections: RSTs arrive that nobody sent, ${said}.` };
  }
  const never = of('never-arrived')[0];
  if (never !== undefined)
    return {
      atFault: 'path',
      text: `The path drops ${plural(never.connections, 'connection')} from the first SYN on: the client sends it, and nothing of it arrives.`,
    };
  const lossy = directions.filter(({ lost, sent }) => lost > 0 && lost / Math.max(1, sent) >= FELT);
  if (lossy.length > 0) {
    const said = lossy
      .map(({ from, lost, sent }) => `${countText(lost)} of ${plural(sent, 'segment')} from the ${from} (${percent(lost / sent)})`)
      .join(' and ');
    const clean = directions.filter(({ lost }) => lost === 0).map(({ from }) => `; of what the ${from} sends, nothing is lost`);
    return { atFault: 'path', text: `The path loses ${said}${clean.join('')}.` };
  }
  const { answers, clientSeconds, serverSeconds } = waits;
  const mean = clientSeconds / Math.max(1, answers);
  if (answers > 0 && mean >= NOTICED_SECONDS) {
    const shares = `of ${durationText(clientSeconds)} that the client waited for ${plural(answers, 'answer')}, ${durationText(serverSeconds)} passed at the server`;
    if (serverSeconds / clientSeconds >= MOST) return { atFault: hosts.server, text: `The server is slow, not the path: ${shares}.` };
    if (serverSeconds / clientSeconds <= 1 - MOST) return { atFault: 'path', text: `The path is slow, not the server: ${shares}.` };
  }
  const resetters = (['client', 'server'] as const).filter((side) => resets[side] > 0);
  const [side, other] = resetters;
  if (side !== undefined && other === undefined)
    return {
      atFault: hosts[side],
      text: `The path carries what is sent. ${plural(resets[side], 'connection')} ${resets[side] === 1 ? 'was' : 'were'} reset by the ${side} itself: its RST is in its own capture.`,
    };
  return { atFault: null, text: 'The path carries what is sent: nothing was lost, added or held up that an application would feel.' };
}

const percent = (share: number): string => `${share < 0.1 ? (100 * share).toFixed(1) : String(Math.round(100 * share))} %`;
