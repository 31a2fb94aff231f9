/** The tracker beside two endpoints by the RFC, whatever their applications do, wherever on the cable the capture was taken. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type StateName, stateName } from '../../src/model/state.ts';
import { type Action, live } from '../support/endpoints.ts';
import { play, story } from '../support/play.ts';

const MS = 1_000_000;
const actions: fc.Arbitrary<Action[]> = fc.array(
  fc.record({
    at: fc.integer({ min: 0, max: 1500 }).map((ms) => ms * MS),
    who: fc.constantFrom('client', 'server'),
    what: fc.constantFrom('send', 'send', 'send', 'close', 'close', 'abort'),
  }),
  { maxLength: 12 },
);

test('both ends go through the states of the RFC, in their order', () => {
  fc.assert(
    fc.property(actions, fc.constantFrom(1, 20, 100), fc.constantFrom(0, 0.5, 1), (list, delay, share) => {
      const { script, states } = live(withoutCollisions(list, delay * MS), delay * MS, share);
      const { connections, last } = play(script);
      const about = `${script}\n\nclient: ${states.client.join(' ')}\nserver: ${states.server.join(' ')}\n\n${connections.map((c) => story(c).join('\n')).join('\n')}`;
      expect(connections, about).toHaveLength(1);
      for (const side of [0, 1] as const) {
        const told = last.transitions.filter((t) => t.side === side).map((t) => stateName(t.to));
        expect(comparable(told), about).toEqual(comparable(side === 0 ? states.client : states.server));
      }
    }),
    { numRuns: 1000 },
  );
});

/** What had arrived where when an abort struck shows in no number; so an abort waits until the line is quiet. */
function withoutCollisions(list: readonly Action[], delay: number): Action[] {
  const quiet = (a: Action): boolean =>
    a.at > 6 * delay && list.every((b) => b === a || b.what === 'abort' || Math.abs(b.at - a.at) > 6 * delay);
  const first = list.filter((a) => a.what === 'abort').sort((a, b) => a.at - b.at)[0];
  return list.filter((a) => a.what !== 'abort' || (a === first && quiet(a)));
}

/** LISTEN shows in no segment, nor does a CLOSED before which there was nothing. */
function comparable(states: readonly StateName[]): readonly StateName[] {
  const told = states.filter((s) => s !== 'LISTEN');
  const first = told.findIndex((s) => s !== 'CLOSED');
  return first < 0 ? [] : told.slice(first);
}
