/** The tracker beside two endpoints by the RFC, whatever their applications and the cable do, wherever on it the capture was taken. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ConnectionView } from '../../src/model/connection.ts';
import { type StateName, stateName } from '../../src/model/state.ts';
import { type Action, FATES, type Fate, type Life, live } from '../support/endpoints.ts';
import { play, story } from '../support/play.ts';
import type { Direction } from '../support/script.ts';

const MS = 1_000_000;
const ENDS = ['client', 'server'] as const;
const actions: fc.Arbitrary<Action[]> = fc.array(
  fc.record({
    at: fc.integer({ min: 0, max: 1500 }).map((ms) => ms * MS),
    who: fc.constantFrom(...ENDS),
    what: fc.constantFrom('send', 'send', 'send', 'close', 'close', 'abort'),
  }),
  { maxLength: 12 },
);
const delays = fc.constantFrom(1, 20, 100).map((ms) => ms * MS);
const shares = fc.constantFrom(0, 0.5, 1);
/** One segment in four meets with something. */
const fates: fc.Arbitrary<Fate[]> = fc.array(
  fc.oneof({ weight: 3, arbitrary: fc.constant<Fate>('arrives') }, { weight: 1, arbitrary: fc.constantFrom(...FATES) }),
  { maxLength: 24 },
);

test('both ends go through the states of the RFC, in their order', () => {
  fc.assert(
    fc.property(actions, delays, shares, (list, delay, share) => {
      const life = live(withoutCollisions(list, delay), { delay, share });
      const { connections, last } = play(life.script);
      expect(connections, about(life, connections)).toHaveLength(1);
      for (const side of [0, 1] as const) {
        const told = last.transitions.filter((t) => t.side === side).map((t) => stateName(t.to));
        expect(comparable(told), about(life, connections)).toEqual(comparable(seen(life, ENDS[side])));
      }
    }),
    { numRuns: 1000 },
  );
});

test('whatever the cable loses, doubles and reorders, each end is in its state at every moment that the capture can tell', () => {
  fc.assert(
    fc.property(actions, fates, delays, shares, (list, fate, delay, share) => {
      const life = live(list, { delay, share, fates: fate });
      if (life.script === '') return;
      const { connections } = play(life.script);
      expect(connections, about(life, connections)).toHaveLength(1);
      for (const who of ENDS) {
        for (const at of moments(life)) {
          if (!life.knows(who, at)) continue;
          const told = stateAt(connections[0]!, who, at - life.start);
          expect(told, `${who} at ${seconds(at - life.start)}\n\n${about(life, connections)}`).toBe(trueState(life, who, at));
        }
      }
    }),
    { numRuns: 3000, seed: 9293 },
  );
});

/** What had arrived where when an abort struck shows in no number; so an abort waits until the line is quiet. */
function withoutCollisions(list: readonly Action[], delay: number): Action[] {
  const quiet = (a: Action): boolean =>
    a.at > 6 * delay && list.every((b) => b === a || b.what === 'abort' || Math.abs(b.at - a.at) > 6 * delay);
  const first = list.filter((a) => a.what === 'abort').sort((a, b) => a.at - b.at)[0];
  return list.filter((a) => a.what !== 'abort' || (a === first && quiet(a)));
}

/** A TIME_WAIT that ends long after the last segment does so unseen. */
const seen = (life: Life, who: Direction): StateName[] =>
  life.stays[who].filter((s) => s.since < life.end + 10_000 * MS).map((s) => s.state);

/** LISTEN shows in no segment, nor does a CLOSED before which there was nothing. */
function comparable(states: readonly StateName[]): readonly StateName[] {
  const told = states.filter((s) => s !== 'LISTEN');
  const first = told.findIndex((s) => s !== 'CLOSED');
  return first < 0 ? [] : told.slice(first);
}

/** In the middle between any two changes of either end, and a few more. */
function moments(life: Life): number[] {
  const times = ENDS.flatMap((who) => life.stays[who].map((s) => s.since));
  const all = [...times, ...Array.from({ length: 20 }, (_, i) => life.start + ((life.end - life.start) * i) / 20), life.end].sort(
    (a, b) => a - b,
  );
  return all
    .slice(1)
    .map((t, i) => Math.round((t + all[i]!) / 2))
    .filter((t) => t >= life.start && t <= life.end);
}

function trueState(life: Life, who: Direction, at: number): StateName {
  const { state } = life.stays[who].find((s) => s.since <= at && at < s.until)!;
  return state === 'LISTEN' ? 'CLOSED' : state;
}

function stateAt(c: ConnectionView, who: Direction, at: number): StateName {
  const side = (c.client.port === 40000) === (who === 'client') ? 0 : 1;
  const last = c.transitions.findLast((t) => t.side === side && t.time <= at);
  return last ? stateName(last.to) : 'CLOSED';
}

const seconds = (t: number): string => (t / 1e9).toFixed(3);

const about = (life: Life, connections: readonly ConnectionView[]): string =>
  [
    life.script,
    ...ENDS.map((who) => `${who}: ${life.stays[who].map((s) => `${seconds(s.since - life.start)} ${s.state}`).join(', ')}`),
    ...connections.map((c) => story(c).join('\n')),
  ].join('\n\n');
