/** Half a conversation proves little: which rules may still say "clear" of it, and why. */
import { expect, test } from 'vitest';
import { DETECTORS } from '../../src/detect/index.ts';
import { diagnoseFixture } from '../support/diagnose.ts';

test('of one direction only those rules are clear that look at single segments, or at what each end does by itself', async () => {
  const { rules } = await diagnoseFixture('one_direction_capture.pcap');
  const aboutTheCapture = new Set(DETECTORS.filter((d) => d.category === 'capture').map((d) => d.id));
  expect(rules.filter((r) => r.verdict === 'clear' && !aboutTheCapture.has(r.id)).map((r) => r.id)).toEqual([
    // What is sent, whatever the answer: counted by source, port, flags and address.
    'syn-flood',
    'port-scan',
    'flag-probe',
    'land-attack',
    'martian-source',
    'subnet-concentration',
    // Doubt only what they have seen: inconclusive as soon as there is an answer without its question.
    'backscatter',
    'reflection',
    'syn-unanswered',
    // Each end's own numbers, windows and repeats tell.
    'zero-window',
    'packet-loss',
    'reordering',
    'keepalive',
    'pmtu-discovery',
    'ip-fragments',
    'http-flood',
  ]);
});
