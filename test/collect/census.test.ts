/** What rules see of many connections: services, outcomes, stays and peaks. */
import { describe, expect, test } from 'vitest';
import { collected } from './collected.ts';

const OPEN = '+0 > S 0:0(0)\n+.01 < S. 0:0(0) ack 1\n+.01 > . 1:1(0) ack 1\n';
const REFUSED = '+0 > S 0:0(0)\n+.01 < R. 0:0(0) ack 1\n';
const UNANSWERED = '+0 > S 0:0(0)\n+1 > S 0:0(0)\n';
const HALF_OPEN = '+0 > S 0:0(0)\n+0 < S. 0:0(0) ack 1\n';
const CLOSED_BY_CLIENT = `${OPEN}+1 > F. 1:1(0) ack 1\n+.01 < F. 1:1(0) ack 2\n+0 > . 2:2(0) ack 2\n`;
const CLOSED_BY_SERVER = `${OPEN}+1 < F. 1:1(0) ack 1\n+.01 > F. 1:1(0) ack 2\n+0 < . 2:2(0) ack 2\n`;
const LEAKED = `${OPEN}+1 < F. 1:1(0) ack 1\n+.01 > . 1:1(0) ack 2\n`;

const from = (i: number): { clientPort: number } => ({ clientPort: 40_000 + i });

describe('services', () => {
  test('gather connections by server address and port, with exact counts per outcome', () => {
    const { services } = collected(
      [
        { script: OPEN, ...from(0) },
        { script: REFUSED, ...from(1) },
        { script: UNANSWERED, ...from(2) },
        { script: CLOSED_BY_CLIENT, ...from(3) },
        { script: OPEN, ...from(4), serverPort: 443 },
        { script: OPEN, ...from(5), serverIp: '10.0.0.3' },
        { script: OPEN, ...from(6), family: 6 },
      ],
      10,
    );
    expect(services.map((s) => [s.name, s.total])).toEqual([
      ['10.0.0.2:80', 4],
      ['10.0.0.2:443', 1],
      ['10.0.0.3:80', 1],
      ['[2001:db8::2]:80', 1],
    ]);
    const web = services[0]!;
    expect([web.count('open'), web.count('refused'), web.count('unanswered'), web.count('ok'), web.count('reset')]).toEqual([
      1, 1, 1, 1, 0,
    ]);
    expect([web.completed, web.syns, web.synAcks, web.clients]).toEqual([2, 5, 2, 1]);
    expect([...web.ids('open'), ...web.ids('refused'), ...web.ids('unanswered'), ...web.ids('ok')].sort((a, b) => a - b)).toEqual([
      ...web.all(),
    ]);
  });

  test('count different clients, and group connections by client', () => {
    const clients = ['10.0.0.1', '10.0.0.1', '10.0.0.7', '10.0.0.8', '10.0.0.1'];
    const census = collected(
      clients.map((clientIp, i) => ({ script: OPEN, clientIp, ...from(i), at: i })),
      10,
    );
    expect(census.services[0]!.clients).toBe(3);
    expect(census.clientGroups(2)).toEqual([{ client: '10.0.0.1', service: { ip: '10.0.0.2', port: 80 }, ids: [0, 1, 4] }]);
    expect(census.clientGroups(4)).toEqual([]);
  });

  test('an address that is a client here and a server there is two things', () => {
    const { services } = collected(
      [
        { script: OPEN, clientIp: '10.0.0.1', serverIp: '10.0.0.2' },
        { script: OPEN, clientIp: '10.0.0.2', serverIp: '10.0.0.1' },
      ],
      1,
    );
    expect(services.map((s) => s.name)).toEqual(['10.0.0.2:80', '10.0.0.1:80']);
  });
});

describe('half-open entries', () => {
  test('peak where most of them stand at once', () => {
    // Each stands for a second, then the third ACK comes; from the third second on there are two more that stay.
    const completed = '+0 > S 0:0(0)\n+0 < S. 0:0(0) ack 1\n+1 > . 1:1(0) ack 1\n';
    const { services } = collected(
      [0, 0.25, 0.5, 2].map((at, i) => ({ script: completed, at, ...from(i) })),
      5,
    );
    expect([services[0]!.peakHalfOpen, services[0]!.peakHalfOpenAt]).toEqual([3, 0.5e9]);
  });

  test('an entry that ends when the next begins does not count with it', () => {
    const reset = '+0 > S 0:0(0)\n+0 < S. 0:0(0) ack 1\n+1 > R 1:1(0)\n';
    const { services } = collected(
      [0, 1, 2].map((at, i) => ({ script: reset, at, ...from(i) })),
      5,
    );
    expect(services[0]!.peakHalfOpen).toBe(1);
  });

  test('without any SYN-ACK there is none', () => {
    const { services } = collected([{ script: UNANSWERED }], 5);
    expect([services[0]!.peakHalfOpen, services[0]!.peakHalfOpenAt]).toEqual([0, null]);
  });
});

describe('stays in CLOSE_WAIT', () => {
  test('are told longest first, those that go on with `until` null', () => {
    const resolved = `${LEAKED}+4 > F. 1:1(0) ack 2\n+0 < . 2:2(0) ack 2\n`;
    const { services } = collected(
      [
        { script: resolved, ...from(0) },
        { script: LEAKED, ...from(1) },
        { script: CLOSED_BY_CLIENT, ...from(2) }, // a moment, at the server
      ],
      20,
    );
    expect(services[0]!.closeWaits.map((s) => [s.id, s.side, s.since / 1e9, s.until === null ? null : s.until / 1e9, s.ending])).toEqual([
      [1, 0, 1.02, null, null],
      [0, 0, 1.02, 5.03, 'FIN'],
    ]);
  });

  test('say what their end did meanwhile, and what it sent to leave', () => {
    const lives = [
      '+3 > P. 1:11(10) ack 2\n+0 < . 2:2(0) ack 11\n', // data after the FIN: a half-close in use
      '+3 > R. 1:1(0) ack 2\n',
      '+3 < R 2:2(0)\n', // the other end gives up
      '',
    ].map((after, i) => ({ script: `${LEAKED}${after}`, ...from(i) }));
    const { services } = collected(lives, 20);
    const told = services[0]!.closeWaits.toSorted((a, b) => a.id - b.id);
    expect(told.map((s) => [s.id, s.silent, s.ending])).toEqual([
      [0, false, null],
      [1, true, 'RST'],
      [2, true, null],
      [3, true, null],
    ]);
    expect(new Set(told.map((s) => s.host))).toEqual(new Set(['10.0.0.1']));
  });
});

describe('TIME_WAIT', () => {
  test('is counted at the host that holds it, with the peak of what stands at once', () => {
    const census = collected(
      [
        ...[0, 1, 70].map((at, i) => ({ script: CLOSED_BY_CLIENT, at, ...from(i) })), // the third when the others are over
        ...[0, 1].map((at, i) => ({ script: CLOSED_BY_SERVER, at, ...from(10 + i) })),
      ],
      200,
    );
    expect(census.timeWaits(2).map(({ host, side, total, peak, service }) => ({ host, side, total, peak, port: service.port }))).toEqual([
      { host: '10.0.0.1', side: 0, total: 3, peak: 2, port: 80 },
      { host: '10.0.0.2', side: 1, total: 2, peak: 2, port: 80 },
    ]);
    expect(census.timeWaits(3)).toEqual([]);
    expect(census.timeWaitHosts(2).map(({ host, asClient, asServer, peak }) => ({ host, asClient, asServer, peak }))).toEqual([
      { host: '10.0.0.1', asClient: 3, asServer: 0, peak: 2 },
      { host: '10.0.0.2', asClient: 0, asServer: 2, peak: 2 },
    ]);
  });

  test('a host whose sockets never stand together that often is not looked at', () => {
    const census = collected(
      [0, 70, 140].map((at, i) => ({ script: CLOSED_BY_SERVER, clientIp: `10.0.1.${String(i)}`, at, ...from(i) })),
      210,
    );
    expect(census.timeWaitHosts(1).map(({ host, asServer, peak }) => ({ host, asServer, peak }))).toEqual([
      { host: '10.0.0.2', asServer: 3, peak: 1 },
    ]);
    expect(census.timeWaitHosts(3)).toEqual([]);
  });

  test('both ends of a simultaneous close hold one each', () => {
    const both = `${OPEN}+1 > F. 1:1(0) ack 1\n+0 < F. 1:1(0) ack 1\n+.01 > . 2:2(0) ack 2\n+0 < . 2:2(0) ack 2\n`;
    const census = collected([{ script: both }], 3);
    expect(census.timeWaits(1).map((g) => [g.host, g.total])).toEqual([
      ['10.0.0.1', 1],
      ['10.0.0.2', 1],
    ]);
  });
});

describe('the quality of the capture', () => {
  test('whole connections leave no doubt', () => {
    const { quality } = collected([{ script: CLOSED_BY_CLIENT }, { script: REFUSED, ...from(1) }, { script: UNANSWERED, ...from(2) }], 3);
    expect(quality).toMatchObject({
      connections: 3,
      oneSided: 0,
      midstream: 0,
      flagsOnly: false,
      oneDirection: false,
      withGaps: 0,
      missedBytes: 0,
    });
  });

  test('SYN, FIN and RST alone: the rest was filtered out', () => {
    const { quality } = collected(
      [{ script: '+0 > S 0:0(0)\n+.01 < S. 0:0(0) ack 1\n+1 > F. 101:101(0) ack 501\n+.01 < F. 501:501(0) ack 102\n' }],
      3,
    );
    expect(quality).toMatchObject({ flagsOnly: true, plain: 0, withFin: 2 });
  });

  test('SYNs and refusals alone are no filter: a scan looks so by itself', () => {
    const { quality } = collected([{ script: REFUSED }, { script: REFUSED, ...from(1) }], 3);
    expect(quality.flagsOnly).toBe(false);
  });

  test('one direction only', () => {
    const toServer = '+0 > S 0:0(0)\n+.02 > . 1:1(0) ack 1\n+0 > P. 1:101(100) ack 1\n';
    const toClient = '+0 < S. 0:0(0) ack 1\n+.02 < P. 1:101(100) ack 101\n';
    expect(collected([{ script: toServer }, { script: toServer, ...from(1) }], 3).quality.oneDirection).toBe(true);
    expect(collected([{ script: toClient }, { script: toClient, ...from(1) }], 3).quality.oneDirection).toBe(true);
    expect(collected([{ script: toServer }, { script: OPEN, ...from(1) }], 3).quality).toMatchObject({ oneDirection: false, oneSided: 1 });
  });

  test('SYNs that nobody answers are not one direction', () => {
    expect(collected([{ script: UNANSWERED }, { script: UNANSWERED, ...from(1) }], 3).quality.oneDirection).toBe(false);
  });

  test('half-open entries of a flood are not one-sided', () => {
    expect(collected([{ script: HALF_OPEN }, { script: HALF_OPEN, ...from(1) }], 3).quality).toMatchObject({
      oneSided: 0,
      oneDirection: false,
    });
  });

  test('gaps are counted in octets', () => {
    const { quality } = collected(
      [{ script: `${OPEN}+0 > P. 101:201(100) ack 1\n+.01 < . 1:1(0) ack 301\n+.1 > P. 301:311(10) ack 1\n` }],
      3,
    );
    expect(quality).toMatchObject({ withGaps: 1, missedBytes: 200 });
    expect(quality.doubtful.withGaps).toEqual([0]);
  });
});

describe('ends that close together', () => {
  const ABORTED = `${OPEN}+1 < R. 1:1(0) ack 1\n`;
  const GOES_ON = `${OPEN}+3 > P. 1:2(1) ack 1\n+.01 < P. 1:2(1) ack 2\n`;

  test('by FIN or by RST, with those of the host that go on', () => {
    const census = collected(
      [
        { script: CLOSED_BY_SERVER, ...from(0), at: 0 },
        { script: ABORTED, ...from(1), at: 0.1 },
        { script: CLOSED_BY_SERVER, ...from(2), at: 0.2 },
        ...[3, 4, 5].map((i) => ({ script: GOES_ON, ...from(i), at: 0.3 })),
      ],
      20,
    );
    const [shared, ...more] = census.sharedEnds(3, 0.25);
    expect(more).toEqual([]);
    expect([shared!.side, shared!.ids, shared!.from / 1e9, shared!.until / 1e9]).toEqual([1, [0, 1, 2], 1.02, 1.22]);
    expect([shared!.survivors(9), shared!.survivors(3), shared!.survivors(1)]).toEqual([3, 3, 2]);
  });

  test('a FIN that was taken back is none', () => {
    // The FIN lies beyond the window, and its sender goes on before it.
    const takenBack = `${OPEN}+1 < F. 100000:100000(0) ack 1 win 1000\n+.5 < P. 1:2(1) ack 1\n+.5 < F. 2:2(0) ack 1\n`;
    const census = collected(
      [0, 1, 2].map((i) => ({ script: takenBack, ...from(i) })),
      20,
    );
    expect(census.sharedEnds(3, 0.25).map(({ from: at }) => at / 1e9)).toEqual([2.02]);
  });
});
