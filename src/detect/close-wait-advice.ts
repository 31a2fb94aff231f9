/** What `close-wait-stuck` advises: causes with the fact for each, remedies, and what would prove the finding wrong. */
import { hostText } from '../model/address.ts';
import type { CaptureView } from '../model/capture-view.ts';
import type { Caveat, Cause, Remedy } from '../model/finding.ts';
import { otherSide, Side } from '../model/state.ts';
import { type Nanos, secondsOf } from '../model/units.ts';
import { durationText, plural } from '../model/wording.ts';
import type { Neighbours, Waiting, WaitingGroup } from './close-wait-groups.ts';
import { idleClose, idlePattern } from './idle-gaps.ts';
import { IDLE_LIMITS } from './idle-timeout-pattern.ts';
import { spread } from './statistics.ts';

/** One group judged. */
export interface Case {
  readonly group: WaitingGroup;
  readonly stuck: readonly Waiting[];
  readonly neighbours: Neighbours;
  /** The moment at which the process ended; null: still stuck. */
  readonly killedAt: Nanos | null;
  readonly longest: number;
}

/** How long the connections had been silent when the peer closed them. */
export interface IdleTime {
  readonly seconds: number;
  readonly text: string;
  /** The same silence before every close: the peer's idle timeout, and not one event. */
  readonly isTimeout: boolean;
}

export function peersIdleTime(capture: CaptureView, { stuck, group }: Case): IdleTime | null {
  const closes = stuck.flatMap((w) => idleClose(capture.connection(w.id), otherSide(group.side), IDLE_LIMITS.minSeconds) ?? []);
  if (closes.length === 0) return null;
  const gaps = closes.map((c) => c.gapSeconds).sort((a, b) => a - b);
  const [least, most] = [gaps[0]!, gaps.at(-1)!];
  const times = closes.map((c) => c.at);
  const span = secondsOf(spread(times));
  const n = `${closes.length} of ${stuck.length}`;
  if (closes.length > 1 && span < 2 * IDLE_LIMITS.toleranceSeconds) {
    const gap = durationText(least) === durationText(most) ? durationText(least) : `${durationText(least)} to ${durationText(most)}`;
    return {
      seconds: least,
      isTimeout: false,
      text: `the peer closed ${n} in one moment (within ${durationText(span)}) after ${gap} of idleness: an idle timeout, a failover or a restart of the peer`,
    };
  }
  const pattern = idlePattern(closes, IDLE_LIMITS);
  if (!pattern)
    return { seconds: least, isTimeout: false, text: `${n} had been idle for at least ${durationText(least)} when the peer closed them` };
  const equals = pattern.equals === null ? '' : `, which ${pattern.equals}`;
  return {
    seconds: pattern.seconds,
    isTimeout: true,
    text: `the peer closes after ${durationText(pattern.seconds)} of idleness (± ${durationText(pattern.plusMinus)}), ${pattern.closes.length} of ${stuck.length}${equals}`,
  };
}

export function causesOf(c: Case, idle: IdleTime | null): Cause[] {
  const causes = c.group.side === Side.CLIENT ? clientCauses(c, idle) : serverCauses(c);
  return [
    ...causes,
    {
      text: 'a child process inherited the descriptor, so that close() in the parent does not end the connection',
      likelihood: 'low',
      because: 'the capture cannot show who holds a descriptor; ss -p names every process that does',
    },
  ];
}

function clientCauses({ stuck, group, neighbours }: Case, idle: IdleTime | null): Cause[] {
  const leak: Cause = {
    text: 'the application dropped the connection without close(), for example a response body that is never read to its end or closed',
    likelihood: idle === null ? 'high' : 'medium',
    because:
      idle === null
        ? `the peer closed straight after the last data in ${plural(stuck.length, 'case')}`
        : neighbours.count > 0
          ? `${plural(neighbours.count, 'other connection')} of the same service were closed as they should`
          : 'a descriptor that nobody knows any more looks the same from outside',
  };
  if (idle === null) return [leak];
  const pool: Cause = {
    text: `the connection pool of ${group.host} keeps connections for longer than its peer does, and neither validates nor evicts those that the peer has closed`,
    likelihood: 'high',
    because: idle.text,
  };
  return [pool, leak];
}

function serverCauses({ stuck, neighbours }: Case): Cause[] {
  const n = stuck.length;
  const unanswered = stuck.filter((w) => w.unanswered).length;
  const aliveElsewhere = neighbours.count > 0;
  const blocked: Cause = {
    text: 'the worker that owns the connection is blocked (deadlock, exhausted thread pool, a call without a timeout) or never picked the connection up, so that nobody reads the end of the stream',
    likelihood: aliveElsewhere ? 'medium' : 'high',
    because: `${unanswered} of ${n} had sent a request that was never answered when the client closed`,
  };
  const leak: Cause = {
    text: 'a code path (often error handling or a timeout) drops the connection without close(), so that the descriptor leaks',
    likelihood: unanswered === n && !aliveElsewhere ? 'medium' : 'high',
    because: aliveElsewhere
      ? `${plural(neighbours.count, 'other connection')} of the same service were closed as they should, so only one path is wrong`
      : `${n - unanswered} of ${n} had nothing left to answer when the client closed`,
  };
  if (unanswered === 0) return [leak];
  return aliveElsewhere ? [leak, blocked] : [blocked, leak];
}

export function remediesOf({ host, side, service }: WaitingGroup): Remedy[] {
  const filter = side === Side.CLIENT ? `dst ${hostText(service.ip)} and dport = :${service.port}` : `sport = :${service.port}`;
  return [
    {
      text: `on ${host}, find the process that holds the sockets, and read its code after read() returns 0: there it must close()`,
      command: `ss -tanp state close-wait '( ${filter} )'`,
      appliesTo: 'Linux',
    },
    {
      text: 'see what its threads do (jstack, py-spy dump, gdb): blocked workers and leaked descriptors need different repairs',
      command: 'lsof -nP -p PID -a -iTCP -sTCP:CLOSE_WAIT',
      appliesTo: 'Linux, macOS',
    },
    side === Side.CLIENT
      ? {
          text: "let the pool test connections before use, and evict idle ones before the peer's idle timeout",
          command: null,
          appliesTo: 'the application on the client',
        }
      : {
          text: 'close the connection at the end of the stream and on every error path, and give each request a time limit',
          command: null,
          appliesTo: 'the application on the server',
        },
    {
      text: 'until it is repaired, restart the process before its descriptors run out. No sysctl helps: CLOSE_WAIT has no timer, tcp_fin_timeout is for orphans in FIN_WAIT_2, and keepalive ends nothing while the peer still answers',
      command: null,
      appliesTo: 'every kernel',
    },
  ];
}

export function caveatsOf({ stuck, killedAt }: Case): Caveat[] {
  const caveats: Caveat[] = [
    {
      code: 'seen-from-here',
      text: 'Wrong if ss on the host shows no CLOSE_WAIT: then its FIN was lost before the capture point.',
      count: 1,
    },
  ];
  const midstream = stuck.filter((w) => w.midstream).length;
  if (midstream > 0)
    caveats.push({
      code: 'mid-stream',
      text: 'These connections began before the capture; their FIN and its acknowledgment are in it.',
      count: midstream,
    });
  if (killedAt !== null)
    caveats.push({
      code: 'kill-inferred',
      text: 'The end of the process is inferred from the common instant; its log or dmesg (out of memory) decides.',
      count: 1,
    });
  return caveats;
}
