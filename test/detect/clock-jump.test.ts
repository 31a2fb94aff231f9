/** Times that jump or run backwards. TCP timestamps (1,000 a second in Linux) say whether the clock was set. */
import { describe, expect, test } from 'vitest';
import type { RawRecord } from '../../src/capture/reader.ts';
import { diagnoseBytes, diagnoseFixture, findingsOf, verdictOf } from '../support/diagnose.ts';
import { pcapOf, type ScriptedFrame, scriptFrames } from '../support/script.ts';
import { captureOf, healthy } from '../support/traffic.ts';

const RULE = 'clock-jump';

/** From this moment on the clock shows so many seconds more: what an NTP step does to the records behind it. */
const setBy = (from: number, seconds: number) => {
  let start = -1;
  return (record: RawRecord): boolean => {
    if (start < 0) start = record.seconds + record.nanos / 1e9;
    if (record.seconds + record.nanos / 1e9 >= start + from) record.seconds += seconds;
    return true;
  };
};

describe('keepalive_ok.pcap, a real capture of six connections that probe every two seconds', () => {
  const fixture = 'keepalive_ok.pcap';

  test('its silences are silences', async () => {
    expect(verdictOf(await diagnoseFixture(fixture), RULE).verdict).toBe('clear');
  });

  test('set back by 5 s', async () => {
    const [finding] = findingsOf(await diagnoseFixture(fixture, {}, setBy(7, -5)), RULE);
    expect(finding).toMatchObject({ id: 'clock-jump/capture', severity: 'info', atFault: null, count: 1, metrics: { clockSet: 1 } });
    expect(finding!.metrics.largestSeconds).toBeCloseTo(-5, 1);
  });

  test('set on by an hour: the idle time that it makes is doubted', async () => {
    const report = await diagnoseFixture(fixture, {}, setBy(7, 3_600));
    const [finding] = findingsOf(report, RULE);
    expect(finding!.title).toContain('was set on by 1 h 00 min');
    expect(finding!.metrics.largestSeconds).toBeCloseTo(3_600, 1);
    const others = report.findings.filter((f) => f.rule !== RULE && f.since !== null && f.until === null);
    expect(others.length).toBeGreaterThan(0);
    for (const f of others) expect(f.caveats.map((c) => c.code)).toContain(RULE);
  });
});

/** A request and its answer every 100 ms for three seconds; timestamps count milliseconds. */
const talk = (timestamps: boolean): readonly ScriptedFrame[] => {
  const option = (own: number, peer: number): string => (timestamps ? ` <nop,nop,TS val ${own} ecr ${peer}>` : '');
  const lines = Array.from({ length: 30 }, (_, i) => {
    const [now, at] = [1_000 + 100 * i, 1 + 10 * i];
    return `
      +.098 > P. ${at}:${at + 10}(10) ack ${at}${option(now, now)}
      +.002 < P. ${at}:${at + 10}(10) ack ${at + 10}${option(now + 50_000, now)}`;
  });
  return scriptFrames(`+0 > S 0:0(0) <mss 1460>\n+.001 < S. 0:0(0) ack 1 <mss 1460>\n+.001 > . 1:1(0) ack 1${lines.join('')}`);
};

const shifted = (frames: readonly ScriptedFrame[], from: number, nanos: number): readonly ScriptedFrame[] =>
  frames.map((f, i) => {
    const time = f.seconds * 1e3 + f.nanos / 1e6 + (i >= from ? nanos / 1e6 : 0);
    return { ...f, seconds: Math.floor(time / 1e3), nanos: Math.round((time % 1e3) * 1e6) };
  });

test('set back in the middle of a talk', async () => {
  expect(findingsOf(await diagnoseBytes(pcapOf(shifted(talk(true), 40, -500_000_000))), RULE)).toMatchObject([
    { count: 1, evidence: [{ frame: 41 }], metrics: { clockSet: 1, outOfOrder: 0 } },
  ]);
});

test('the second half of the records before the first: out of order, and no clock was set', async () => {
  const frames = talk(true);
  const [finding] = findingsOf(await diagnoseBytes(pcapOf([...frames.slice(33), ...frames.slice(3, 33)])), RULE);
  expect(finding).toMatchObject({ count: 1, metrics: { clockSet: 0, outOfOrder: 1 } });
  expect(finding!.title).toContain('not in the order of capture');
});

test('without timestamps a step back is a fact, and its reason is open', async () => {
  const [finding] = findingsOf(await diagnoseBytes(pcapOf(shifted(talk(false), 40, -500_000_000))), RULE);
  expect(finding).toMatchObject({ confidence: 'medium', metrics: { clockSet: 0, outOfOrder: 0 } });
  expect(finding!.causes).toHaveLength(2);
});

test('a step on needs timestamps of two hosts: without them a silence is a silence', async () => {
  expect(verdictOf(await diagnoseBytes(pcapOf(shifted(talk(false), 40, 20_000_000_000))), RULE).verdict).toBe('clear');
  const client = talk(true).filter(({ segment }) => segment.from === 'client');
  expect(verdictOf(await diagnoseBytes(pcapOf(shifted(client, 20, 20_000_000_000))), RULE).verdict).toBe('clear');
  expect(findingsOf(await diagnoseBytes(pcapOf(shifted(talk(true), 40, 20_000_000_000))), RULE)).toHaveLength(1);
});

test('a host that was suspended looks so alone: the other one saw the time pass', async () => {
  const frames = talk(true);
  const behind = frames.slice(40).map((f) => f.segment);
  const slept = shifted(frames, 40, 20_000_000_000).map((f, i) => {
    // The server's clock went on for the 20 s; the client stood still, and so did its timestamps.
    if (i < 40 || behind[i - 40]!.from === 'client') return f;
    const bytes = f.bytes.slice();
    const view = new DataView(bytes.buffer);
    const at = 14 + 20 + 20 + 4;
    view.setUint32(at, view.getUint32(at) + 20_000);
    return { ...f, bytes };
  });
  expect(verdictOf(await diagnoseBytes(pcapOf(slept)), RULE).verdict).toBe('clear');
});

test('records of two queues that overtake each other by 50 ms', async () => {
  const frames = healthy.map((f, i) => (i % 7 === 0 ? { ...f, nanos: Math.max(0, f.nanos - 50_000_000) } : f));
  expect(verdictOf(await diagnoseBytes(pcapOf(frames)), RULE).verdict).toBe('clear');
});

test('open when the capture began, and an empty capture', async () => {
  const open = talk(true).slice(3);
  expect(findingsOf(await diagnoseBytes(pcapOf(shifted(open, 40, -500_000_000))), RULE)).toMatchObject([{ metrics: { clockSet: 1 } }]);
  expect(verdictOf(await diagnoseBytes(captureOf()), RULE).verdict).toBe('not-applicable');
});
