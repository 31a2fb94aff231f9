/** The library's two calls: captures from anywhere, options that are checked, errors whose class a program may rely on. */
import { createReadStream, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { analyze, type Detector, type Input, openSession } from '../../src/index.ts';
import { OutputError, TcpdiagError, UnknownFormatError, UnreadableError, UsageError } from '../../src/model/errors.ts';
import type { Report } from '../../src/model/report.ts';
import { WhereError } from '../../src/model/where/error.ts';

const path = fileURLToPath(new URL('../../fixtures/close_wait_leak.pcap', import.meta.url));
const octets = readFileSync(path);

async function* pieces(size: number): AsyncGenerator<Uint8Array> {
  // One buffer for all: a chunk is good until the next is asked for, and no longer.
  const buffer = new Uint8Array(size);
  for (let at = 0; at < octets.length; at += size) {
    const length = octets.copy(buffer, 0, at, at + size);
    yield buffer.subarray(0, length);
    await Promise.resolve();
  }
}

async function* waiting(): AsyncGenerator<Uint8Array> {
  yield octets.subarray(0, 20_000);
  await new Promise(() => undefined);
}

/** What does not depend on where the octets came from. */
const told = ({ findings, rules, series, capture }: Report): unknown => ({ findings, rules, series, packets: capture.packets });

describe('a capture', () => {
  test.each<[string, () => Input | readonly Input[]]>([
    ['a Buffer', () => octets],
    ['a list of one', () => [octets]],
    ['a stream of Node', () => createReadStream(path)],
    ['a stream of Node, compressed', () => Readable.from([gzipSync(octets)])],
    ['a stream of the web', () => new Blob([octets]).stream()],
    ['a generator of small pieces in one buffer', () => pieces(7_777)],
  ])('from %s is the capture from its path', async (_, input) => {
    const [theirs, ours] = [await analyze(path), await analyze(input())];
    expect(told(ours.report)).toEqual(told(theirs.report));
    expect(await ours.ladder(0)).toEqual(await theirs.ladder(0));
    expect([...ours.connections()]).toEqual([...theirs.connections()]);
    for (const analysis of [ours, theirs]) analysis.close();
  });

  test('in memory is bounded by itself: its size is known', async () => {
    const seen: (number | null)[] = [];
    const { report } = await analyze(octets, { progress: ({ bytesTotal }) => seen.push(bytesTotal) });
    expect(new Set(seen)).toEqual(new Set([octets.length]));
    expect(report.capture.files).toMatchObject([{ path: 'stream', bytes: octets.length, truncated: false }]);
  });

  test('and another one are one capture in time order', async () => {
    const before = readFileSync(new URL('../../fixtures/healthy_client_closes.pcap', import.meta.url));
    const { report } = await analyze([Readable.from([octets]), before]);
    const apart = await Promise.all([analyze(octets), analyze(before)]);
    expect(report.capture.packets).toBe(apart.reduce((sum, a) => sum + a.report.capture.packets, 0));
    expect(report.capture.files).toHaveLength(2);
  });
});

describe('a session', () => {
  test('of a stream answers while it waits for more, and is left without waiting', async () => {
    const session = openSession(waiting());
    await new Promise<void>((resolve) => {
      const stop = session.subscribe(() => {
        if (session.snapshot().progress.packets === 0) return;
        stop();
        resolve();
      });
    });
    expect((await session.ask('ladder', { connection: 0 })).rows.length).toBeGreaterThan(0);
    await session.close();
    await expect(session.done).rejects.toThrow(TcpdiagError);
  });

  test('runs detectors of the caller', async () => {
    const mine: Detector = {
      id: 'mine',
      title: 'Mine',
      severity: 'info',
      category: 'path',
      params: {},
      docs: { what: 'w', why: 'w', how: 'h', never: 'n', limits: 'l', references: [] },
      detect: () => ({ verdict: 'inconclusive', because: 'it is mine' }),
    };
    const session = openSession(octets, { detectors: [mine], only: ['mine'] });
    expect((await session.done).rules).toEqual([{ id: 'mine', verdict: 'inconclusive', because: 'it is mine' }]);
    expect(() => openSession(path, { detectors: [mine], worker: true })).toThrow(UsageError);
  });

  test('in a worker takes files alone', () => expect(() => openSession(octets, { worker: true })).toThrow(/a stream stays in the thread/));

  test('of nothing is refused', () => expect(() => openSession([])).toThrow('there is no capture'));

  test('fails with the error of its options', async () => {
    const session = openSession(octets, { only: ['close-wait-stuk'] });
    await expect(session.done).rejects.toThrow('did you mean "close-wait-stuck"?');
    expect(session.snapshot()).toMatchObject({ progress: { phase: 'failed' } });
  });
});

describe('what is asked for and does not exist is a UsageError', () => {
  test.each([
    [{ only: ['close-wait-stuk'] }, 'there is no rule "close-wait-stuk"; did you mean "close-wait-stuck"?'],
    [{ set: { 'close-wait-stuck.minSecs': 1 } }, 'has no parameter "minSecs"'],
    [{ set: { 'close-wait-stuck.minSeconds': NaN } }, 'takes a number, not "NaN"'],
    [{ set: { minSeconds: 1 } }, '"minSeconds" is not RULE.PARAM'],
    [{ where: 'sever.port:80' }, 'there is no field "sever.port"'],
    [{ profile: 'plan9' }, 'there is no kernel profile "plan9"'],
    [{ count: 0 }, 'count is a number of packets from 1 on'],
    [{ to: '+5' as never }, 'to is no time'],
  ])('%j', async (options, sentence) => {
    const refused = analyze(octets, options);
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(sentence);
  });
});

describe('an error', () => {
  test.each([
    ['nothing.pcap', UnreadableError, 'no such file'],
    [Buffer.from('a text that is long enough to be none of ours'), UnknownFormatError, 'stream is text, not a packet capture'],
    [new Uint8Array(0), UnknownFormatError, 'stream'],
    [Readable.from(['text']), UnreadableError, 'stream gives text that is not octets'],
  ] as const)('of %s has its class', async (input, type, sentence) => {
    const refused = analyze(input as Input);
    await expect(refused).rejects.toThrow(type);
    await expect(refused).rejects.toThrow(sentence);
  });

  test('of a stream that breaks keeps its cause', async () => {
    const cause = new Error('connection reset\u001b[31m');
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield octets.subarray(0, 5_000);
      await Promise.resolve();
      throw cause;
    }
    await expect(analyze(broken())).rejects.toMatchObject({
      name: 'UnreadableError',
      message: 'cannot read stream: connection reset\\x1b[31m',
      cause,
    });
  });

  test('has the name of its class, whatever a bundler calls that', () => {
    for (const [type, name] of [
      [TcpdiagError, 'TcpdiagError'],
      [UnreadableError, 'UnreadableError'],
      [UnknownFormatError, 'UnknownFormatError'],
      [UsageError, 'UsageError'],
      [OutputError, 'OutputError'],
    ] as const)
      expect(new type('x').name).toBe(name);
    expect(new WhereError('x', 'x', 0, 1).name).toBe('UsageError');
  });

  test('of an aborted signal is its reason', async () => {
    const controller = new AbortController();
    const refused = analyze(waiting(), { signal: controller.signal, progress: () => controller.abort(new Error('enough of it')) });
    await expect(refused).rejects.toThrow('enough of it');
    await expect(analyze(path, { signal: AbortSignal.abort(new Error('never begun')) })).rejects.toThrow('never begun');
  });
});

test('what is compressed need not be said', async () => {
  const packed = gzipSync(octets);
  expect(gunzipSync(packed)).toEqual(octets);
  expect((await analyze(packed)).report.capture.files[0]?.format).toBe('pcap (gzip)');
});
