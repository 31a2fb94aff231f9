/** A rule that finds the same at many places: which of them are told, and what of the rest is said. */
import { describe, expect, test } from 'vitest';
import type { Draft } from '../../src/detect/detector.ts';
import { draftLargest } from '../../src/detect/largest.ts';
import { nanos } from '../../src/model/units.ts';
import { diagnoseBytes, findingsOf } from '../support/diagnose.ts';
import { scriptFrames } from '../support/script.ts';
import { captureOf, handshake, lateExchange } from '../support/traffic.ts';

const CAVEAT = { code: 'ends-with-capture', text: 'The capture ends while they are stuck.', count: 1 };

const draftOf = (size: number): Draft => ({
  severity: 'warning',
  confidence: 'high',
  title: `group of ${size}`,
  summary: 'One sentence.',
  subject: {},
  atFault: null,
  faultBecause: null,
  since: nanos(0),
  until: null,
  count: size,
  connections: [],
  evidence: [],
  metrics: {},
  causes: [],
  remedies: [],
  caveats: [CAVEAT],
});

/** Sizes 1 to n, none twice, in an order that is neither up nor down. */
const sizes = (n: number): number[] => Array.from({ length: n }, (_, i) => ((i * 7) % n) + 1);
const drafts = (groups: readonly number[], draft = draftOf): readonly Draft[] => draftLargest(groups, (size) => size, draft, 'group');

describe('the largest groups', () => {
  test('16 are all told, and nothing is left out', () => {
    expect(drafts(sizes(16))).toEqual(sizes(16).map(draftOf));
    expect(drafts([])).toEqual([]);
  });

  test('of 24 the 16 largest are kept, in the order in which they were found', () => {
    expect(drafts(sizes(24)).map((d) => d.count)).toEqual(sizes(24).filter((size) => size > 8));
  });

  test('each says how many are left out, behind what it had to say itself', () => {
    const left = { code: 'more-groups', text: '8 smaller groups with the same are not listed', count: 8 };
    for (const draft of drafts(sizes(24))) expect(draft.caveats).toEqual([CAVEAT, left]);
  });

  test('a single one left out is one', () => {
    expect(drafts(sizes(17))[0]!.caveats!.at(-1)).toMatchObject({ text: '1 smaller group with the same is not listed', count: 1 });
  });

  test('those left out are not even drafted: that is what costs time', () => {
    const drafted: number[] = [];
    drafts(sizes(200), (size) => {
      drafted.push(size);
      return draftOf(size);
    });
    expect(drafted).toHaveLength(16);
  });
});

test('24 services that abort connections: the 16 with most are found, and each names the 8 that are not', async () => {
  const aborted = `${handshake(0)}
    +.001 > P. 1:11(10) ack 1
    +.001 < P. 1:21(20) ack 11
    +.001 > .  11:11(0) ack 21
    +.001 < R. 21:21(0) ack 11`;
  // The service 10.0.1.i aborts two connections where i is 8 or more, and one where it is less.
  const traffic = Array.from({ length: 24 }, (_, i) => [40000, 40002].slice(i < 8 ? 1 : 0).map((clientPort) => ({ i, clientPort })))
    .flat()
    .map(({ i, clientPort }) => scriptFrames(aborted, { serverIp: `10.0.1.${i}`, clientPort }));
  const findings = findingsOf(await diagnoseBytes(captureOf(...traffic, lateExchange(20))), 'rst-abort');
  expect(findings.map((f) => f.count)).toEqual(Array.from({ length: 16 }, () => 2));
  for (const f of findings) expect(f.caveats).toContainEqual(expect.objectContaining({ code: 'more-groups', count: 8 }));
});
