/** A RST or SYN that hit the window of a live connection but not its next octet: answered by a challenge ACK, and survived (RFC 5961). */
import type { CaptureView } from '../model/capture-view.ts';
import { type ConnectionView, Mark, type MarkEvent } from '../model/connection.ts';
import { otherSide } from '../model/state.ts';
import { type Nanos, nanosOf } from '../model/units.ts';
import { plural } from '../model/wording.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { examples, period } from './evidence.ts';
import { draftLargest } from './largest.ts';
import { byService, type Case, type ServiceGroup } from './service-groups.ts';

/** An answer comes at once; behind this, an ACK that repeats what was known answers something else. */
const ANSWER = nanosOf(1);
/** Proofs of one connection. */
const SHOWN = 3;

/** A RST or SYN and the challenge ACK that it provoked. */
interface Challenge {
  readonly provoked: MarkEvent;
  readonly answer: MarkEvent;
}

interface Challenged extends Case {
  readonly challenges: readonly Challenge[];
  /** RSTs and SYNs in this end's name, answered or not. */
  readonly tries: readonly MarkEvent[];
  /** Some came from another distance than all else in its name. */
  readonly foreign: MarkEvent | null;
}

export const challengeAck = defineDetector({
  id: 'challenge-ack',
  title: 'A RST or SYN that a connection survived by a challenge ACK',
  severity: 'warning',
  category: 'reset',
  params: {
    minChallenges: { default: 1, text: 'challenge ACKs on connections of one service from which it is reported' },
  },
  docs: {
    what: 'A live connection got a RST whose sequence number lay in the window but was not the next one, or a SYN. Its receiver asked back by a challenge ACK, and the connection went on.',
    why: 'The end whose address it carried did not mean it. Somebody guesses sequence numbers to cut connections, or a device on the path holds an old idea of them. Today it failed; a guess that hits, or a receiver older than RFC 5961, loses the connection.',
    how: 'A RST that was not accepted or a SYN inside a connection, followed within 1 s by an ACK of the other end that repeats what was known; and the end that it named goes on with data, a FIN or segments after "its" RST, without resetting.',
    never:
      'A peer that rebooted and opens the same tuple again: it answers the challenge ACK by a RST, and the old connection ends (RFC 9293 figure 9). A SYN for a socket in TIME_WAIT (time-wait-challenge). A connection that does not speak afterwards: whether it lives is not seen. ACKs that merely repeat others.',
    limits:
      'A RST outside the window provokes nothing and is counted among the tries alone. Linux sends at most one challenge ACK per 500 ms and socket (tcp_invalid_ratelimit), so that there are more tries than answers.',
    references: ['RFC 5961 §3.2, §4.2', 'RFC 9293 §3.10.7.4', 'linux: net/ipv4/tcp_input.c tcp_send_challenge_ack'],
  },
  detect: (capture, params) => {
    const { quality } = capture;
    if (quality.oneDirection)
      return {
        verdict: 'inconclusive',
        because: 'the capture holds one direction only: the challenge ACK, or what provoked it, is not in it',
      };
    if (quality.flagsOnly)
      return { verdict: 'inconclusive', because: 'the capture holds SYN, FIN and RST only: a challenge ACK would not be in it' };
    const ids = [...new Set([...capture.withRst(), ...capture.withStraySyn()])].sort((a, b) => a - b);
    const groups = byService(capture, ids, challengedOf).filter((g) => count(g) >= params.minChallenges);
    return found(draftLargest(groups, count, (g) => draft(capture, g), 'service'));
  },
});

const count = (group: ServiceGroup<Challenged>): number => group.cases.reduce((n, it) => n + it.challenges.length, 0);

function challengedOf(c: ConnectionView): Challenged | null {
  if (c.basis === 'one-sided' || !c.marks.some((m) => m.mark === Mark.CHALLENGE_ACK)) return null;
  for (const end of c.ends) {
    const tries = c.marks.filter((m) => m.side === end.side && isTry(m));
    const challenges = tries.flatMap((provoked) => {
      const answer = c.marks.find(
        (m) =>
          m.mark === Mark.CHALLENGE_ACK && m.side === otherSide(end.side) && m.time >= provoked.time && m.time - provoked.time <= ANSWER,
      );
      return answer && provoked.rst?.accepted !== true ? [{ provoked, answer }] : [];
    });
    const [first] = challenges;
    if (first === undefined || !goesOn(c, end.side, first.answer.time)) continue;
    return {
      connection: c,
      end,
      challenges: onePerAnswer(challenges),
      tries,
      foreign: tries.find((m) => m.rst?.ttlDiffers === true) ?? null,
    };
  }
  return null;
}

const isTry = (m: MarkEvent): boolean => m.mark === Mark.STRAY_SYN || (m.rst !== null && !m.rst.refusesSyn && !m.rst.afterOwnFin);

/** Several tries before one answer are answered once: by what came last before it. */
const onePerAnswer = (challenges: readonly Challenge[]): readonly Challenge[] => [
  ...new Map(challenges.map((it) => [it.answer.frame, it])).values(),
];

/** The named end means to keep the connection: it speaks on it after the challenge, and no RST of its own ended it. */
function goesOn(c: ConnectionView, side: Case['end']['side'], challenged: Nanos): boolean {
  if (c.marks.some((m) => m.side === side && m.rst?.accepted === true && !m.rst.afterOwnFin)) return false;
  const end = c.ends[side];
  return (
    Math.max(end.lastDataTime ?? -1, end.finTime ?? -1) > challenged ||
    c.marks.some((m) => m.mark === Mark.SENT_AFTER_RST && m.side === side && m.time > challenged)
  );
}

function draft(capture: CaptureView, group: ServiceGroup<Challenged>): Draft {
  const { service, cases } = group;
  const tries = cases.flatMap((it) => it.tries);
  const syns = tries.filter((m) => m.mark === Mark.STRAY_SYN).length;
  const resets = tries.length - syns;
  const answers = count(group);
  const since = tries.reduce((t, m) => Math.min(t, m.time), Infinity) as Nanos;
  const until = tries.reduce((t, m) => Math.max(t, m.time), 0) as Nanos;
  const clients = new Set(cases.map((it) => it.connection.client.ip));
  const named = [...new Set(cases.map((it) => it.end.ip))];
  const foreign = cases.find((it) => it.foreign !== null);
  const what = [resets > 0 ? plural(resets, 'RST') : '', syns > 0 ? plural(syns, 'SYN') : ''].filter((s) => s !== '').join(' and ');
  const because =
    foreign === undefined
      ? null
      : `its TTL is ${String(foreign.foreign!.rst!.ttl)}, all other segments of ${foreign.end.ip} have ${String(foreign.end.ttl)}: it comes from another place`;
  const guesses = cases.some((it) => it.tries.length > 1);
  return {
    severity: 'warning',
    confidence: foreign !== undefined || answers > 1 ? 'high' : 'medium',
    title: `${plural(cases.length, 'connection')} of ${service.name} survived ${what} in the name of ${named.length === 1 ? named[0]! : plural(named.length, 'host')}`,
    summary: [
      `${what} in the name of ${named.slice(0, 3).join(', ')} came into ${plural(cases.length, 'live connection')} of ${service.name} ${period(capture, since, until)}, with sequence numbers that were not the next ones.`,
      `The other end answered by ${plural(answers, 'challenge ACK')} (RFC 5961), and the named end went on as if nothing had happened: it had sent none of them. No connection was lost.`,
      because === null ? '' : `${because.charAt(0).toUpperCase()}${because.slice(1)}.`,
    ]
      .filter((s) => s !== '')
      .join(' '),
    subject:
      clients.size === 1
        ? { host: [...clients][0]!, role: 'client', peer: service.ip, port: service.port }
        : { host: service.ip, role: 'server', port: service.port },
    atFault: because === null ? 'path' : 'attacker',
    faultBecause: because ?? 'the end that it names went on with the connection, so somebody else sent it',
    since,
    until,
    count: cases.length,
    connections: cases.map((it) => it.connection.id),
    evidence: examples(cases, 4).flatMap(evidence),
    metrics: { resets, syns, challengeAcks: answers, connectionsSurviving: cases.length },
    causes: [
      {
        text: 'Somebody off the path guesses sequence numbers to cut connections (blind reset or SYN attack)',
        likelihood: guesses ? 'high' : 'medium',
        because: guesses
          ? 'several tries with different numbers, none of them exact'
          : 'the number lay in the window, but was not the next',
      },
      {
        text: 'A firewall or balancer resets in the name of a host, with sequence numbers that it remembered from earlier',
        likelihood: guesses ? 'low' : 'medium',
        because: 'such devices do not follow every segment',
      },
    ],
    remedies: [
      {
        text: 'Nothing is lost as long as both kernels follow RFC 5961. See on the receiver how many there are.',
        command: 'nstat -az TcpExtTCPChallengeACK TcpExtTCPSYNChallenge',
        appliesTo: 'Linux; challenge ACKs since 3.6',
      },
      {
        text: 'Drop forged sources at the edge (BCP 38, strict rp_filter), and compare the TTL with the hops to each device to find the sender.',
        command: 'sysctl net.ipv4.conf.all.rp_filter',
        appliesTo: 'the routers and hosts on the path',
      },
      {
        text: 'Long-lived connections that must not be cut: TCP-AO, IPsec or WireGuard. TLS does not protect against RSTs.',
        command: null,
        appliesTo: 'all; TCP-AO since Linux 6.7',
      },
    ],
    caveats: group.caveats,
    explainedByRules: ['rst-injection'],
  };
}

function evidence(it: Challenged): Draft['evidence'] {
  const connection = it.connection.id;
  return it.challenges.slice(0, SHOWN).flatMap(({ provoked, answer }) => [
    {
      connection,
      frame: provoked.frame,
      time: provoked.time,
      note:
        provoked.rst === null
          ? `SYN in the name of ${it.end.ip} inside the connection`
          : `RST in the name of ${it.end.ip}, TTL ${String(provoked.rst.ttl)}, not its next sequence number`,
    },
    { connection, frame: answer.frame, time: answer.time, note: `challenge ACK of ${it.connection.ends[answer.side].ip}` },
  ]);
}
