/** What is left when memory runs out: counts of the connections that were folded, and of the others everything. */
import { beforeAll, describe, expect, test } from 'vitest';
import { Decoder } from '../../src/decode/index.ts';
import { Packet } from '../../src/decode/packet.ts';
import type { ConnectionView } from '../../src/model/connection.ts';
import { Flag } from '../../src/model/flags.ts';
import type { Report } from '../../src/model/report.ts';
import { SIDE_NAMES, stateName } from '../../src/model/state.ts';
import { nanos } from '../../src/model/units.ts';
import { trackerShare } from '../../src/track/budget.ts';
import { FoldedTimes } from '../../src/track/folded-times.ts';
import { parseHostProfiles } from '../../src/track/host-profiles.ts';
import { Tracker } from '../../src/track/tracker.ts';
import { Views } from '../../src/track/views.ts';
import { pcapFile } from '../support/capture-bytes.ts';
import { diagnoseBytes, findingsOf, verdictOf } from '../support/diagnose.ts';
import { ethernet, ipv4, ipv6, tcp } from '../support/frames.ts';

const ETHERNET = 1;
const SYN_ACK = Flag.SYN | Flag.ACK;

interface Sent {
  /** Seconds. */
  readonly at: number;
  /** Which client: its number is its address, its port, and what its sequence numbers begin with. */
  readonly client: number;
  readonly from?: 'server';
  readonly flags: number;
  /** Behind the initial sequence numbers of both. */
  readonly seq?: number;
  readonly ack?: number;
}

/** The frame of a segment between client n and the server 192.0.2.1:443, or 2001:db8::1. */
function frameOf({ client, from, flags, seq = 0, ack = 0 }: Sent, v6: boolean): Uint8Array {
  const low = client & 0xffff;
  const high = client >> 16;
  const mine = v6 ? `2001:db8:${high.toString(16)}::${low.toString(16)}:1` : `10.${String(high)}.${String(low >> 8)}.${String(low & 255)}`;
  const server = v6 ? '2001:db8::1' : '192.0.2.1';
  const back = from === 'server';
  const [src, dst] = back ? [server, mine] : [mine, server];
  const [srcPort, dstPort] = back ? [443, 40_000] : [40_000, 443];
  const [isn, other] = back ? [client * 3, client * 5] : [client * 5, client * 3];
  const segment = tcp({ srcPort, dstPort, flags, seq: (isn + seq) >>> 0, ack: (flags & Flag.ACK) === 0 ? 0 : (other + ack) >>> 0 });
  return ethernet(v6 ? ipv6({ src, dst }, segment) : ipv4({ src, dst }, segment), v6 ? { type: 0x86dd } : {});
}

class Run {
  readonly tracker: Tracker;
  readonly views: Views;
  readonly #decoder = new Decoder();
  readonly #packet = new Packet();
  readonly #v6: boolean;
  #frame = 0;
  #end = 0;

  constructor(limit: number, v6 = false) {
    this.tracker = new Tracker(parseHostProfiles(undefined), limit);
    this.views = new Views(this.tracker.tables, this.#decoder.encapsulations);
    this.#v6 = v6;
  }

  /** Returns the connection's id. */
  send(segment: Sent): number {
    return this.sendFrame(segment.at, frameOf(segment, this.#v6));
  }

  sendFrame(at: number, bytes: Uint8Array): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#decoder.decode(this.#packet, ETHERNET, view, 0, bytes.length, bytes.length);
    this.#end = at * 1e9;
    this.tracker.at(this.#end);
    return this.tracker.tcp(this.#packet, ++this.#frame);
  }

  /** SYNs of clients 0 to n-1, a millisecond apart; every third is answered. */
  flood(n: number, start = 0): void {
    for (let i = 0; i < n; i++) {
      const at = start + i / 1_000;
      this.send({ at, client: i, flags: Flag.SYN });
      if (i % 3 === 0) this.send({ at: at + 1e-5, client: i, from: 'server', flags: SYN_ACK, ack: 1 });
    }
  }

  finish(): readonly ConnectionView[] {
    this.tracker.finish(this.#end);
    this.views.end = nanos(this.#end);
    return Array.from({ length: this.tracker.connections }, (_, id) => this.views.connection(id));
  }

  of(client: string, connections = this.finish()): readonly ConnectionView[] {
    return connections.filter((c) => c.client.ip === client);
  }
}

const story = (c: ConnectionView): readonly string[] =>
  c.transitions.map((t) => `${(t.time / 1e9).toFixed(3)} ${t.frame ?? '-'} ${SIDE_NAMES[t.side]} ${stateName(t.to)}`);

/** What the tables take before the first packet, and so many octets. */
const beside = (octets: number): number => new Run(Infinity).tracker.tables.budget.used + octets;
const FLOOD = 30_000;
/** Of a flood of 30,000, of which a third is answered: 40 octets and more for each. */
const TOO_LITTLE = beside(500_000);
const PLENTY = beside(6_000_000);

describe('a flood larger than the limit', () => {
  let whole: Run;
  let folded: Run;
  let rows: readonly ConnectionView[];

  beforeAll(() => {
    whole = new Run(Infinity);
    folded = new Run(TOO_LITTLE);
    for (const run of [whole, folded]) run.flood(FLOOD);
    rows = folded.finish();
  });

  test('has fewer rows, and as many connections', () => {
    expect(folded.tracker.folded.total).toBeGreaterThan(FLOOD / 3);
    expect(rows.length + folded.tracker.folded.total).toBe(FLOOD);
    expect(folded.tracker.folded.attempts).toBe(folded.tracker.folded.total);
  });

  test('is counted exactly', () => {
    const [service] = folded.tracker.folded.services;
    const kept = rows.reduce((n, c) => n + c.server.synAck, 0);
    expect(service).toMatchObject({ total: folded.tracker.folded.total, completed: 0, synAcks: FLOOD / 3 - kept });
    expect(service?.syns).toBe(FLOOD - rows.length);
    expect(service?.attempts).toMatchObject({ answeredOnce: FLOOD / 3 - kept, answeredAgain: 0, first: expect.any(Number) as number });
    expect(folded.tracker.tables.series.counts(0)).toEqual(whole.tracker.tables.series.counts(0));
  });

  test('leaves rows that are what they were: ids without gaps, in the order of first frames, each with its own story', () => {
    expect(rows.map((c) => c.id)).toEqual(rows.map((_, i) => i));
    expect(rows.map((c) => c.firstFrame)).toEqual(rows.map((c) => c.firstFrame).sort((a, b) => a - b));
    const before = new Map(whole.finish().map((c) => [c.firstFrame, c]));
    for (const c of rows) {
      const same = before.get(c.firstFrame)!;
      expect([c.client.name, c.lastFrame, c.outcome, ...story(c)]).toEqual([
        same.client.name,
        same.lastFrame,
        same.outcome,
        ...story(same),
      ]);
    }
  });

  test('begins with the first of its service, whatever was folded behind them', () => {
    expect(rows.slice(0, 8).map((c) => c.client.ip)).toEqual(Array.from({ length: 8 }, (_, i) => `10.0.0.${String(i)}`));
    expect(rows.at(-1)?.client.ip).toBe('10.0.117.47'); // the newest, 29,999
  });

  test('takes no more than the limit and pages of other kinds than those that became free', () => {
    expect(folded.tracker.tables.budget.used).toBeLessThan(1.5 * TOO_LITTLE + 56 * 4_096);
    expect(whole.tracker.tables.budget.used).toBeGreaterThan(1.5 * TOO_LITTLE);
  });
});

test('a flood within the limit is not folded', () => {
  const run = new Run(PLENTY);
  run.flood(FLOOD);
  expect(run.finish()).toHaveLength(FLOOD);
  expect(run.tracker.folded.total).toBe(0);
});

test('addresses of IPv6 are forgotten with those that had them', () => {
  const run = new Run(TOO_LITTLE, true);
  run.flood(FLOOD);
  const rows = run.finish();
  expect(rows.length + run.tracker.folded.total).toBe(FLOOD);
  expect(run.tracker.tables.addresses.length).toBeLessThan(FLOOD);
  expect(new Set(rows.map((c) => c.client.ip)).size).toBe(rows.length);
  expect(rows.at(-1)?.client.ip).toBe('2001:db8::752f:1');
});

describe('a connection that lives through it', () => {
  test('is told as if nothing had been folded, its timers included', () => {
    const lives = [Infinity, TOO_LITTLE].map((limit) => {
      const run = new Run(limit);
      const client = 0x20_0000;
      run.send({ at: 0, client, flags: Flag.SYN });
      run.send({ at: 0.01, client, from: 'server', flags: SYN_ACK, ack: 1 });
      run.send({ at: 0.02, client, flags: Flag.ACK, seq: 1, ack: 1 });
      run.flood(FLOOD, 1);
      run.send({ at: 40, client, flags: Flag.FIN | Flag.ACK, seq: 1, ack: 1 });
      run.send({ at: 40.1, client, from: 'server', flags: Flag.FIN | Flag.ACK, seq: 1, ack: 2 });
      run.send({ at: 40.2, client, flags: Flag.ACK, seq: 2, ack: 2 });
      run.send({ at: 140, client: 0x20_0001, flags: Flag.SYN }); // TIME_WAIT is over meanwhile
      return run.of('10.32.0.0').map((c) => [...story(c).map((line) => line.replace(/ \d+ /, ' f ')), c.outcome]);
    });
    expect(lives[1]).toEqual(lives[0]);
    expect(lives[0]?.[0]?.at(-2)).toBe('100.100 - client CLOSED');
  });

  test('is promoted as ever: a compact entry that was moved gets its answer, and its data', () => {
    const run = new Run(TOO_LITTLE);
    run.flood(FLOOD - 1);
    const client = 0x20_0000;
    run.send({ at: 30, client, flags: Flag.SYN });
    const { total } = run.tracker.folded;
    run.flood(20_000, 30.001); // the same clients: what is left of their first SYNs is over
    expect(run.tracker.folded.total).toBeGreaterThan(total);
    run.send({ at: 50.3, client, flags: Flag.SYN });
    run.send({ at: 50.31, client, from: 'server', flags: SYN_ACK, ack: 1 });
    run.send({ at: 50.32, client, flags: Flag.ACK, seq: 1, ack: 1 });
    const [c] = run.of('10.32.0.0');
    expect(c?.established).toBe(true);
  });
});

describe('a connection that was folded while it was open', () => {
  const folded = (): Run => {
    const run = new Run(TOO_LITTLE);
    run.flood(FLOOD);
    expect(run.of('10.0.3.0', run.finish())).toEqual([]); // client 768, answered
    return run;
  };

  test('is not opened again by its SYN-ACK, which says that it was repeated, nor by a RST', () => {
    const run = folded();
    const rows = run.tracker.connections;
    const { answeredOnce } = run.tracker.folded.services[0]!.attempts;
    expect(run.send({ at: 31, client: 768, from: 'server', flags: SYN_ACK, ack: 1 })).toBe(-1);
    expect(run.send({ at: 31.1, client: 768, flags: Flag.RST, seq: 1 })).toBe(-1);
    expect(run.tracker.connections).toBe(rows);
    expect(run.tracker.folded.services[0]?.attempts).toMatchObject({ answeredOnce: answeredOnce - 1, answeredAgain: 1 });
  });

  test('is one that was seen in the middle, when it goes on', () => {
    const run = folded();
    expect(run.send({ at: 31, client: 768, flags: Flag.ACK, seq: 1, ack: 1 })).toBeGreaterThanOrEqual(0);
    expect(run.of('10.0.3.0').map((c) => c.basis)).toEqual(['one-sided']);
    expect(run.tracker.folded).toMatchObject({ resumed: 0, perhapsResumed: 1 }); // it was an attempt, and so may be counted twice
  });

  test('is not what begins without a SYN at a service of which nothing was folded, nor what begins with one', () => {
    const run = folded();
    run.send({ at: 31, client: 768, flags: Flag.SYN });
    const other = ethernet(
      ipv4({ src: '10.0.3.0', dst: '192.0.2.2' }, tcp({ srcPort: 40_000, dstPort: 443, flags: Flag.ACK, seq: 1, ack: 1 })),
    );
    expect(run.sendFrame(31.1, other)).toBeGreaterThanOrEqual(0);
    expect(run.tracker.folded).toMatchObject({ resumed: 0, perhapsResumed: 0 });
  });

  test('to another service, a SYN-ACK opens a connection as ever', () => {
    const run = new Run(Infinity);
    expect(run.send({ at: 0, client: 1, from: 'server', flags: SYN_ACK, ack: 1 })).toBe(0);
  });
});

describe('times of folded attempts', () => {
  const times = new FoldedTimes();
  for (let i = 0; i < 1_000; i++) times.add(i * 1e9); // one a second, longer than there are buckets
  for (let i = 0; i < 500; i++) times.add(500e9 + i * 1e6);

  test('never say more than there were within a span', () => {
    for (const seconds of [1, 8, 16, 60]) {
      const { count } = times.peakWithin(seconds * 1e9, 2_000e9);
      expect(count).toBeLessThanOrEqual(500 + seconds + 1);
      expect(count).toBeGreaterThan(seconds === 1 ? 50 : 400);
    }
  });

  test('leave out what is not over by a moment', () => {
    expect(times.peakWithin(8e9, 400e9).count).toBe(8);
  });
});

/** A file of more frames than a call may have arguments, all of one length, 20 µs apart within the second that each is given. */
function fileOf(frames: readonly Uint8Array[], second: (i: number) => number): Uint8Array {
  const header = pcapFile({}, []);
  const size = 16 + frames[0]!.length;
  const bytes = new Uint8Array(header.length + size * frames.length);
  const view = new DataView(bytes.buffer);
  bytes.set(header);
  frames.forEach((frame, i) => {
    const at = header.length + i * size;
    [second(i), (i % 50_000) * 20, frame.length, frame.length].forEach((word, n) => view.setUint32(at + 4 * n, word, true));
    bytes.set(frame, at + 16);
  });
  return bytes;
}

describe('the report of a flood that was folded', () => {
  /** More than 8 MiB of records, the least that there ever is for them. */
  const SYNS = 170_000;
  let whole: Report;
  let report: Report;

  beforeAll(async () => {
    const frames = Array.from({ length: SYNS }, (_, i) => frameOf({ at: 0, client: i, flags: Flag.SYN }, false));
    frames.push(
      frameOf({ at: 0, client: SYNS, flags: Flag.SYN }, false), // a real client, 20 s later
      frameOf({ at: 0, client: SYNS, from: 'server', flags: SYN_ACK, ack: 1 }, false),
      frameOf({ at: 0, client: SYNS, flags: Flag.ACK, seq: 1, ack: 1 }, false),
    );
    const bytes = fileOf(frames, (i) => (i < SYNS ? Math.floor(i / 50_000) : 20));
    whole = await diagnoseBytes(bytes);
    report = await diagnoseBytes(bytes, { maxMemory: 1 });
  }, 60_000);

  test('says how many connections have no row', () => {
    expect(report.capture.connections).toBe(whole.capture.connections);
    const [caveat] = report.capture.caveats.filter(({ code }) => code === 'folded-connections');
    expect(caveat?.count).toBeGreaterThan(10_000);
    expect(caveat?.text).toMatch(/^[\d,]+ of 170,00\d connections were folded into counts, because memory had run out/);
    expect(whole.capture.caveats.filter(({ code }) => code === 'folded-connections')).toEqual([]);
  });

  test('has the flood with its exact numbers, and the same time series', () => {
    const [flood] = findingsOf(report, 'syn-flood');
    const [unfolded] = findingsOf(whole, 'syn-flood');
    for (const of of ['count', 'since', 'severity', 'subject', 'atFault'] as const) expect(flood?.[of]).toEqual(unfolded?.[of]);
    for (const metric of ['syns', 'unanswered', 'synAckOnce', 'durationSeconds'])
      expect(flood?.metrics[metric]).toBe(unfolded?.metrics[metric]);
    expect(flood?.title).toMatch(/from at least [\d,]+ addresses$/);
    expect(flood?.caveats.map((c) => c.code)).toContain('folded-connections');
    expect(report.series).toEqual(whole.series);
  });
});

describe.each([
  ['IPv4', false],
  ['IPv6', true],
])('the report of connections of %s that were folded while they lived, and went on', (_family, v6) => {
  /** Each has more than 552 octets of records: more than the 8 MiB that there are at least. */
  const CLIENTS = 30_000;
  let report: Report;

  beforeAll(async () => {
    const all = Array.from({ length: CLIENTS }, (_, client) => client);
    const opened = all.flatMap((client) =>
      [
        { at: 0, client, flags: Flag.SYN },
        { at: 0, client, from: 'server' as const, flags: SYN_ACK, ack: 1 },
        { at: 0, client, flags: Flag.ACK, seq: 1, ack: 1 },
        { at: 0, client, from: 'server' as const, flags: Flag.ACK, seq: 1, ack: 1 },
      ].map((sent) => frameOf(sent, v6)),
    );
    const goOn = all.flatMap((client) => [
      frameOf({ at: 0, client, flags: Flag.ACK, seq: 1, ack: 1 }, v6),
      frameOf({ at: 0, client, from: 'server', flags: Flag.ACK, seq: 1, ack: 1 }, v6),
    ]);
    report = await diagnoseBytes(
      fileOf([...opened, ...goOn], (i) => Math.floor(i / 50_000)),
      { maxMemory: 1 },
    );
  }, 60_000);

  test('counts each once, and says how many went on', () => {
    const { connections, caveats } = report.capture;
    const [caveat] = caveats.filter(({ code }) => code === 'folded-connections');
    const number = (pattern: RegExp): number => Number(pattern.exec(caveat?.text ?? '')?.[1]?.replaceAll(',', '') ?? 0);
    expect(number(/; ([\d,]+) of all went on after they had been folded/)).toBeGreaterThan(1_000);
    // Whose handshake was under way.
    const twice = number(/; up to ([\d,]+) of all may be counted twice/);
    expect(twice).toBeLessThan(10);
    expect(connections - twice).toBe(CLIENTS);
  });

  test('does not say that they began before the capture', () => {
    expect(verdictOf(report, 'mid-stream').verdict).toMatch(/clear|inconclusive/);
  });
});

test('the tracker gets a share of what the process may take, and never nothing', () => {
  expect(trackerShare(2 ** 30)).toBeGreaterThan(2 ** 29);
  expect(trackerShare(2 ** 30)).toBeLessThan(2 ** 30 * 0.6);
  expect(trackerShare(1)).toBe(8 * 2 ** 20);
  expect(trackerShare(Infinity)).toBe(Infinity);
});
