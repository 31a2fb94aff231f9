/**
 * One suite for every way to run a session: in this thread, over a message channel, and in a real worker. A screen must not be able
 * to tell which one it has.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AnalysisOptions } from '../../src/engine/analysis.ts';
import type { Questions, Session } from '../../src/engine/protocol.ts';
import { remoteSession } from '../../src/engine/remote.ts';
import { PortSession, serve } from '../../src/engine/serve.ts';
import { localSession } from '../../src/engine/session.ts';
import { TcpdiagError, UnknownFormatError, UnreadableError, UsageError } from '../../src/model/errors.ts';
import { udp, ethernet, ipv4 } from '../support/frames.ts';
import { pcapOf, scriptFrames } from '../support/script.ts';

const folder = mkdtempSync(join(tmpdir(), 'session-test-'));
const workerProgram = join(folder, 'worker.mjs');
const capture = join(folder, 'two.pcap');
const noCapture = join(folder, 'notes.txt');

/** Frames 1 to 8: a whole life. 9: a DNS query. 10 and 11: a refused attempt, 5 s later. */
const frames = [
  ...scriptFrames(`
    +0    > S  0:0(0) win 64240 <mss 1460,wscale 7>
    +.010 < S. 0:0(0) ack 1 win 65160 <mss 1460,wscale 7>
    +.010 > .  1:1(0) ack 1 win 502
    +.1   > P. 1:101(100) ack 1 win 502
    +.3   > P. 1:101(100) ack 1 win 502
    +.01  < F. 1:1(0) ack 101 win 509
    +.01  > F. 101:101(0) ack 2 win 502
    +.01  < .  2:2(0) ack 102 win 509`),
  { seconds: 1795163581, nanos: 0, bytes: ethernet(ipv4({}, udp())) },
  ...scriptFrames('+5 > S 0:0(0)\n+.001 < R. 0:0(0) ack 1 win 0', { clientPort: 40001, serverPort: 81 }),
];

beforeAll(async () => {
  writeFileSync(capture, pcapOf(frames));
  writeFileSync(noCapture, 'Remember the milk.\n');
  await build({
    entryPoints: [join(import.meta.dirname, '../../src/engine/worker.ts')],
    outfile: workerProgram,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    logLevel: 'warning',
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

type Open = (paths: readonly string[], options?: AnalysisOptions) => Session;

const served: Open = (paths, options = {}) => {
  const { port1, port2 } = new MessageChannel();
  serve(port1, localSession(paths, options), () => port1.close());
  return new PortSession(port2);
};

const ALL: Questions['connections']['ask'] = { finding: null, where: '', sort: 'id', descending: false, offset: 0, limit: 50 };

describe.each<[string, Open]>([
  ['in this thread', (paths, options = {}) => localSession(paths, options)],
  ['over a message channel', served],
  ['in a worker', (paths, options = {}) => remoteSession(paths, options, pathToFileURL(workerProgram))],
])('a session %s', (_where, open) => {
  /** Opens, reads to the end, asks, and closes whatever happens. */
  async function having<A>(
    use: (session: Session) => Promise<A>,
    paths: readonly string[] = [capture],
    options?: AnalysisOptions,
  ): Promise<A> {
    const session = open(paths, options);
    try {
      return await use(session);
    } finally {
      await session.close();
    }
  }
  const afterwards = <A>(use: (session: Session) => Promise<A>): Promise<A> =>
    having(async (session) => {
      await session.done;
      return use(session);
    });

  test('begins with nothing read, ends with the report, and tells its listeners', () =>
    having(async (session) => {
      expect(session.snapshot()).toMatchObject({ revision: 0, progress: { phase: 'reading', packets: 0 }, findings: [], error: null });
      const revisions: number[] = [];
      session.subscribe(() => revisions.push(session.snapshot().revision));
      const report = await session.done;
      const last = session.snapshot();
      expect(last.progress).toMatchObject({ phase: 'done', packets: 11, connections: 2, bytesTotal: pcapOf(frames).length });
      expect(last.progress.bytesRead).toBe(last.progress.bytesTotal);
      expect(last.capture).toEqual(report.capture);
      expect(last.findings).toEqual(report.findings);
      expect(report.capture).toMatchObject({ packets: 11, tcpPackets: 10, connections: 2 });
      expect(revisions.at(-1)).toBe(last.revision);
      expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
    }));

  test('reports what a session in this thread reports', () =>
    having(async (session) => {
      const local = localSession([capture], {});
      expect(JSON.stringify(await session.done)).toBe(JSON.stringify(await local.done));
      await local.close();
    }));

  test('obeys the options: two frames, and what they show', () =>
    having(
      async (session) => {
        expect((await session.done).capture).toMatchObject({ packets: 2, connections: 1 });
        await expect(session.ask('packet', { frame: 3 })).rejects.toThrow(/there is no frame 3/);
      },
      [capture],
      { count: 2 },
    ));

  test('an option that makes no sense is a usage error like any other', () =>
    having(
      async (session) => {
        await expect(session.done).rejects.toThrow(UsageError);
        await expect(session.ask('ladder', { connection: 0 })).rejects.toThrow(/no-such-kernel/);
        expect(session.snapshot()).toMatchObject({
          progress: { phase: 'failed' },
          error: expect.stringContaining('no-such-kernel') as string,
        });
      },
      [capture],
      { profile: 'no-such-kernel' },
    ));

  test('a listener that has gone hears nothing more', () =>
    having(async (session) => {
      let heard = 0;
      session.subscribe(() => heard++)();
      await session.done;
      expect(heard).toBe(0);
    }));

  test('a page of connections', () =>
    afterwards(async (session) => {
      const { total, rows } = await session.ask('connections', { ...ALL, sort: 'client', descending: true });
      expect(total).toBe(2);
      expect(rows.map(({ client, server, outcome }) => `${client} ${server} ${outcome}`)).toEqual([
        '10.0.0.1:40001 10.0.0.2:81 refused',
        '10.0.0.1:40000 10.0.0.2:80 ok',
      ]);
      expect((await session.ask('connections', { ...ALL, where: 'outcome:REFUSED port:81' })).rows.map(({ id }) => id)).toEqual([1]);
      await expect(session.ask('connections', { ...ALL, where: 'outcom:refused' })).rejects.toThrow(
        'there is no field "outcom"; did you mean "outcome"?',
      );
    }));

  test('a ladder, read from the capture again', () =>
    afterwards(async (session) => {
      const ladder = await session.ask('ladder', { connection: 0 });
      expect(ladder.connection).toMatchObject({ id: 0, firstFrame: 1, lastFrame: 8 });
      expect(ladder.rows.flatMap(({ frame }) => frame ?? [])).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect(ladder.rows.find(({ frame }) => frame === 5)).toMatchObject({
        from: 'client',
        flags: 'P.',
        seq: 1,
        length: 100,
        notes: ['retransmission (timeout)'],
        clientState: 'ESTABLISHED',
        serverState: 'ESTABLISHED',
      });
      expect(ladder.rows.find(({ frame }) => frame === 8)).toMatchObject({ clientState: 'CLOSED', serverState: 'TIME_WAIT' });
      expect(ladder).toMatchObject({ omitted: 0 });
    }));

  test('one packet in full: its bytes, its layers, its connection, what it is', () =>
    afterwards(async (session) => {
      const detail = await session.ask('packet', { frame: 5 });
      expect(detail).toMatchObject({
        frame: 5,
        time: '2026-11-20T08:33:00.420000000Z',
        linkType: 'ETHERNET',
        capturedLength: frames[4]!.bytes.length,
        originalLength: frames[4]!.bytes.length,
        connection: 0,
        notes: ['retransmission (timeout)'],
      });
      expect([...detail.bytes]).toEqual([...frames[4]!.bytes]);
      expect(detail.layers.map(({ name }) => name).join(' ')).toMatch(/Ethernet.*IPv4.*TCP/i);
    }));

  test('one packet without its payload, where it must not be shown', () =>
    having(
      async (session) => {
        await session.done;
        const detail = await session.ask('packet', { frame: 5 });
        // Ethernet 14, IPv4 20, TCP 20; the payload is 100 octets.
        expect(detail.bytes).toHaveLength(54);
        expect(detail.notes).toContain('the payload is left out, as --no-payload asks');
      },
      [capture],
      { payload: false },
    ));

  test('the note on a packet is the same whether its ladder was looked at before or not', () =>
    afterwards(async (session) => {
      const cold = await session.ask('packet', { frame: 5 });
      await session.ask('ladder', { connection: 0 });
      expect((await session.ask('packet', { frame: 5 })).notes).toEqual(cold.notes);
    }));

  test('a packet of no connection', () =>
    afterwards(async (session) => expect(await session.ask('packet', { frame: 9 })).toMatchObject({ connection: null, notes: [] })));

  test('questions that are asked together are all answered', () =>
    afterwards(async (session) => {
      const details = await Promise.all(frames.map((_, i) => session.ask('packet', { frame: i + 1 })));
      expect(details.map(({ frame, connection }) => [frame, connection])).toEqual([
        ...[1, 2, 3, 4, 5, 6, 7, 8].map((frame) => [frame, 0]),
        [9, null],
        [10, 1],
        [11, 1],
      ]);
    }));

  test.each<[string, (session: Session) => Promise<unknown>, RegExp]>([
    ['connection', (s) => s.ask('ladder', { connection: 2 }), /there is no connection 2: the capture has 0 to 1/],
    ['connection', (s) => s.ask('ladder', { connection: 0.5 }), /there is no connection/],
    ['frame', (s) => s.ask('packet', { frame: 12 }), /there is no frame 12: the capture has 1 to 11/],
    ['frame', (s) => s.ask('packet', { frame: 0 }), /there is no frame 0/],
    ['rule', (s) => s.ask('explain', { rule: 'no-such\u001b[2J' }), /there is no rule "no-such\\x1b\[2J"/],
  ])('refuses a %s that does not exist, and goes on', (_what, asking, message) =>
    afterwards(async (session) => {
      const refusal = await asking(session).then(
        () => null,
        (error: unknown) => error,
      );
      expect(refusal).toBeInstanceOf(UsageError);
      expect((refusal as Error).message).toMatch(message);
      expect((await session.ask('connections', ALL)).total).toBe(2);
    }),
  );

  test.each<[string, string, new (message: string) => TcpdiagError]>([
    ['a file that is not there', join(folder, 'nothing.pcap'), UnreadableError],
    ['a file that is no capture', noCapture, UnknownFormatError],
  ])('%s: the error keeps its class, its sentence and its hint across threads', (_what, path, type) =>
    having(
      async (session) => {
        const error = await session.done.then(
          () => null,
          (reason: unknown) => reason as TcpdiagError,
        );
        expect(error).toBeInstanceOf(type);
        expect(error).toMatchObject({ name: type.name, exitCode: 2 });
        if (type === UnknownFormatError) expect(error?.hint).toMatch(/pcap/);
        expect(session.snapshot()).toMatchObject({ progress: { phase: 'failed' }, error: error?.message });
      },
      [path],
    ),
  );

  test('a closed session answers no more, and can be closed twice', async () => {
    const session = open([capture]);
    await session.done;
    await session.close();
    await session.close();
    await expect(session.ask('connections', ALL)).rejects.toThrow(/closed/);
  });

  test('closing while it reads ends it: done rejects, nothing hangs', async () => {
    const session = open([capture]);
    const ended = expect(session.done).rejects.toThrow(/closed/);
    await session.close();
    await ended;
  });
});

test('a worker that cannot even start is a failed session, not a silent one', async () => {
  const broken = join(folder, 'broken.mjs');
  writeFileSync(broken, 'throw new RangeError("no memory for tables");');
  const session = remoteSession([capture], {}, pathToFileURL(broken));
  await expect(session.done).rejects.toThrow('no memory for tables');
  expect(session.snapshot()).toMatchObject({ progress: { phase: 'failed' }, error: 'no memory for tables' });
  await session.close();
});
