/**
 * The notes on real captures: frame by frame against tshark's (tshark-analysis.json, made by tshark), and by sum against the counters
 * of their connections, which test/kernel/counters.test.ts compares with the kernel's.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readCaptures } from '../../src/capture/index.ts';
import { Decoder } from '../../src/decode/index.ts';
import { analyse } from '../../src/engine/analyse.ts';
import { notesOf, readSegments, type Segments } from '../../src/engine/ladder.ts';
import { SecondPass } from '../../src/engine/second-pass.ts';
import type { EndpointView } from '../../src/model/connection.ts';
import type { Side } from '../../src/model/state.ts';
import { trackedFixture } from '../support/tracked.ts';

interface Tshark {
  readonly captures: Readonly<
    Record<string, { readonly cut: readonly number[]; readonly notes: Readonly<Record<string, readonly string[]>> }>
  >;
}

const { captures } = JSON.parse(readFileSync(new URL('tshark-analysis.json', import.meta.url), 'utf8')) as Tshark;

/** Frames by which Linux probes a closed window: a keep-alive to tshark, while the kernel counts TCPWinProbe (zero_window.kernel.json: 10). */
const PROBES: Readonly<Record<string, readonly number[]>> = { 'zero_window.pcap': [36, 60, 62, 64, 66, 68, 70, 72, 74, 76] };
const probed = (name: string): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    (PROBES[name] ?? []).flatMap((frame) => [
      [frame, ['zero window probe']],
      [frame + 1, ['zero window', 'zero window probe ack']],
    ]),
  );

/** The segments of every connection of a fixture. */
async function segmentsOf(name: string): Promise<Segments[]> {
  const path = new URL(`../../fixtures/${name}`, import.meta.url).pathname;
  const pass = new SecondPass((sink, signal) => readCaptures([path], sink, { signal }), new AbortController().signal);
  const analysis = await analyse([path]);
  const all: Segments[] = [];
  for (const row of analysis.connections())
    all.push(...(await readSegments(pass, { decoder: new Decoder(), payload: true, connectionOf: () => -1 }, [row])));
  analysis.close();
  return all;
}

describe.each(Object.entries(captures))('%s', (name, { cut, notes }) => {
  const segments = segmentsOf(name);

  test('tshark says the same of every frame', async () => {
    const said: Record<string, readonly string[]> = {};
    for (const { head } of await segments) {
      for (const { frame, analysis } of head) {
        if (analysis.length > 0 && !cut.includes(frame)) said[frame] = [...analysis].sort();
      }
    }
    expect(said).toEqual({ ...notes, ...probed(name) });
  });

  test('the repeats of each end add up to its counters', async () => {
    const counted = (await trackedFixture(name)).flatMap(({ client, server }) => [client, server].map(counters));
    const told = (await segments).flatMap(({ head }) => ([0, 1] as const).map((side) => sums(head, side)));
    expect(told).toEqual(counted);
  });
});

const counters = ({ sequence, outOfOrder }: EndpointView): Record<string, number> => ({
  'fast retransmission': sequence.fastRetransmissions,
  'retransmission (timeout)': sequence.timeoutRetransmissions,
  'retransmission (tail-loss probe)': sequence.tailLossProbes,
  'spurious retransmission': sequence.spuriousRetransmissions,
  'out-of-order': outOfOrder,
});

function sums(steps: Segments['head'], side: Side): Record<string, number> {
  const said = steps.filter((step) => step.side === side).flatMap(notesOf);
  const count = (word: string): number => said.filter((note) => note === word || note === `${word} (D-SACK)`).length;
  return {
    'fast retransmission': count('fast retransmission'),
    'retransmission (timeout)': count('retransmission (timeout)'),
    'retransmission (tail-loss probe)': count('retransmission (tail-loss probe)'),
    'spurious retransmission': count('spurious retransmission'),
    'out-of-order': count('out-of-order'),
  };
}
