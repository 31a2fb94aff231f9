/** Whatever is sent, in whatever order: the tracker tells one consistent story and loses no packet. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { State, STATE_NAMES } from '../../src/model/state.ts';
import { Gauge } from '../../src/track/time-series.ts';
import { TRANSITIONS, CAUSE_TEXT } from '../../src/track/transitions.ts';
import { playFrames, story } from '../support/play.ts';
import { scriptFrames } from '../support/script.ts';

/** Few numbers, so that segments meet: the SYN's, in order, ahead, behind, another incarnation's. */
const seq = fc.constantFrom(0, 1, 2, 11, 12, 101, 5000, 5001, 90_000, 90_001);
const gap = fc.constantFrom('0', '.001', '.2', '1', '3', '61', '130');
const flags = fc.constantFrom('S', 'S', 'S.', 'S.', '.', '.', 'P.', 'F.', 'F.', 'R', 'R.', 'F', 'none', 'SF', 'FR.', 'SR');
const line = fc
  .tuple(gap, fc.constantFrom('>', '<'), flags, seq, fc.constantFrom(0, 0, 0, 10), seq, fc.constantFrom(0, 1000))
  .map(([dt, dir, f, s, length, ack, win]) => {
    const payload = f.includes('.') && !f.includes('S') ? length : 0;
    return `+${dt} ${dir} ${f} ${s}:${s + payload}(${payload})${f.includes('.') ? ` ack ${ack}` : ''} win ${win}`;
  });
const icmp = fc.constantFrom('+0 < icmp 3/1', '+0 < icmp 3/4');
const script = fc.tuple(
  fc.constantFrom('+0 > S 0:0(0)', '+0 < S. 0:0(0) ack 1', '+0 > P. 1:11(10) ack 1'),
  fc.array(fc.oneof({ weight: 20, arbitrary: line }, { weight: 1, arbitrary: icmp }), { maxLength: 40 }),
);

/** A clock that steps back at some frames, nanoseconds. */
const steps = fc.oneof(
  { weight: 3, arbitrary: fc.constant<number[]>([]) },
  { weight: 1, arbitrary: fc.array(fc.constantFrom(0, 0, 0, 5_000, 2e9, 100e9), { maxLength: 40 }).map((s) => [0, ...s]) },
);

const ROWS = new Set(TRANSITIONS.map(([from, cause, to]) => `${from} ${CAUSE_TEXT[cause]} ${to}`));

test('any trace', () => {
  fc.assert(
    fc.property(script, fc.constantFrom(0, 30, 500), steps, ([first, rest], silence, back) => {
      const lines = [first, ...(first.includes('<') ? rest.filter((l) => !l.includes('icmp')) : rest)];
      const frames = scriptFrames(lines.join('\n')).map((f, i) => ({ ...f, segment: { ...f.segment, at: f.segment.at - (back[i] ?? 0) } }));
      const end = Math.max(...frames.map((f) => f.segment.at)) / 1e9 + silence;
      const { connections, tracker } = playFrames(frames, { until: end });
      const about = (): string => `${lines.join('\n')}\n${connections.map((c) => story(c).join(', ')).join('\n')}`;

      const tcp = frames.filter((f) => f.segment.kind === 'tcp');
      const ends = connections.flatMap((c) => [...c.ends]);
      const sum = (of: (e: (typeof ends)[number]) => number): number => ends.reduce((n, e) => n + of(e), 0);
      expect(
        sum((e) => e.packets),
        about(),
      ).toBe(tcp.length);
      expect(
        sum((e) => e.ipBytes),
        about(),
      ).toBe(tcp.reduce((n, f) => n + f.bytes.length - 14, 0));
      expect(
        sum((e) => e.payloadBytes),
        about(),
      ).toBe(tcp.reduce((n, { segment }) => n + (segment.kind === 'tcp' ? segment.length : 0), 0));

      for (const c of connections) {
        const states: number[] = [State.CLOSED, State.CLOSED];
        let last = 0;
        for (const t of c.transitions) {
          expect(STATE_NAMES[t.from], about()).toBe(STATE_NAMES[states[t.side]!]);
          expect(ROWS.has(`${t.from} ${t.cause} ${t.to}`), about()).toBe(true);
          if (back.length === 0) expect(t.time, about()).toBeGreaterThanOrEqual(last);
          expect(t.time, about()).toBeLessThanOrEqual(Math.round(end * 1e9));
          states[t.side] = t.to;
          last = t.time;
        }
        expect([c.client.state, c.server.state], about()).toEqual(states);
        expect(c.client.missedBytes, about()).toBeGreaterThanOrEqual(0);
        expect(c.history.length).toBeLessThanOrEqual(24);
        expect(c.previous === null || c.previous < c.id).toBe(true);
        // Everything that is told of a connection can be told.
        expect([
          c.outcome,
          c.connState,
          c.basis,
          c.rolesFrom,
          c.closedBy,
          c.connectSeconds,
          c.handshakeRtt,
          c.quietBeforeClose,
        ]).not.toContain(undefined);
        for (const seconds of [c.connectSeconds, c.handshakeRtt, c.clientSideRtt, c.serverSideRtt, c.quietBeforeClose])
          expect(seconds ?? 0, about()).toBeGreaterThanOrEqual(0);
      }

      const { series } = tracker.tables;
      const standing = (state: State): number => ends.filter((e) => e.state === state).length;
      expect(series.gauge(Gauge.HALF_OPEN).at(-1), about()).toBe(standing(State.SYN_RCVD));
      expect(series.gauge(Gauge.CLOSE_WAIT).at(-1), about()).toBe(standing(State.CLOSE_WAIT));
      expect(series.gauge(Gauge.TIME_WAIT).at(-1), about()).toBe(standing(State.TIME_WAIT));
    }),
    { numRuns: 1000 },
  );
});
