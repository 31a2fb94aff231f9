import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { widthOf } from '../../src/tui/present/text.ts';
import { closeWaitLeak, fakeFindings } from './fake-findings.ts';
import { FakeSession } from './fake-session.ts';
import { openScreen, type Screen } from './screen.ts';

let screen: Screen;
const open = async (session: FakeSession, options: Parameters<typeof openScreen>[1] = {}): Promise<Screen> =>
  (screen = await openScreen(session, options));
afterEach(() => screen.close());

const LARGE = { columns: 140, rows: 45 };
const last = (s: Screen): string => s.text().split('\n').at(-1) ?? '';

describe('findings', () => {
  test('at 80x24: the list, below it what the first one says', async () => {
    const s = await open(new FakeSession());
    expect(s.row(0)).toMatch(/^ Findings {3}Enter goes deeper, Esc back, \? all keys +incident.pcap ?$/);
    expect(s.row(2)).toMatch(/^ ✖ CRITICAL: 39 connections stuck in CLOSE_WAIT on 10.0.0.1; 10.0.0.1 is at/);
    expect(s.row(3)).toMatch(/^ fault; besides: 1 critical, 1 warning/);
    expect(s.row(5)).toMatch(/^ CLOSE_WAIT +▁.*█ +peak 39/);
    expect(s.row(7)).toMatch(/^▸ ✖ CRIT {2}39 connections stuck in CLOSE_WAIT on 10.0.0.1 +10.0.0.1 *$/);
    expect(s.text()).toContain('10.0.0.9:3306 closed 39 connections');
    expect(last(s)).toMatch(/Enter open.*\? help {2}q quit/);
    // Whoever has pressed a key knows how.
    await s.type('j');
    expect(s.row(0)).toMatch(/^ Findings +incident.pcap ?$/);
  });
  test('a list or a text that goes on below says so', async () => {
    const s = await open(new FakeSession(), { columns: 60, rows: 15 });
    expect(s.row(1)).not.toMatch(/row|lines/);
    await s.type('d');
    expect(s.row(1)).toMatch(/ row 1\/\d\d $/);
    await s.type('ho');
    expect(s.row(1)).toMatch(/ lines 1-12 of \d+ $/);
    await s.type('j');
    expect(s.row(1)).toMatch(/ lines 2-13 of \d+ $/);
  });
  test('at 140x45: list and details side by side', async () => {
    const s = await open(new FakeSession(), LARGE);
    expect(s.row(7)).toMatch(/CLOSE_WAIT +▁.*█ +peak 39/);
    expect(s.row(12)).toMatch(/▸ ✖ CRIT.*│/);
    expect(s.text()).toContain('$ ss -tanp state close-wait');
    await s.type('j');
    expect(s.text()).toContain('AT FAULT  attacker');
  });
  test('at 60x15 Enter reads the details before the connections', async () => {
    const s = await open(new FakeSession(), { columns: 60, rows: 15 });
    await s.type('\r');
    expect(s.row(0)).toContain('CLOSE_WAIT stuck (39)');
    expect(s.text()).toContain('because its application');
    await s.type('\r');
    expect(s.text()).toContain('CLIENT IS');
  });
  test('e goes from a line of evidence to that frame in its connection', async () => {
    const s = await open(new FakeSession());
    await s.type('d');
    while (!s.text().includes('▸ #401')) await s.type('j');
    await s.type('e');
    expect(s.row(0)).toContain('10.0.0.1:54200→10.0.0.9:3306');
    expect(s.text()).toMatch(/▸★ #401/);
  });
  test('o explains the rule', async () => {
    const s = await open(new FakeSession());
    await s.type('o');
    expect(s.row(0)).toContain('Findings › rule close-wait-stuck');
    expect(s.text()).toContain('HOW IT IS DECIDED');
    await s.type('G');
    expect(s.text()).toContain('RFC 9293 §3.6');
  });
  test('the filter is live; Enter keeps it, Esc clears it', async () => {
    const s = await open(new FakeSession());
    await s.type('/syn');
    expect(s.text()).not.toContain('8080 refuses');
    expect(last(s)).toContain('/syn');
    expect(last(s)).toContain('1 match');
    await s.type('\r');
    expect(last(s)).toContain('Esc clears');
    await s.type('\x1b');
    expect(s.text()).toContain('8080 refuses');
  });
  test('a paste while typing is text, and elsewhere nothing', async () => {
    const s = await open(new FakeSession());
    await s.type('\x1b[200~qqq\x1b[201~');
    expect(s.left).toEqual([]);
    await s.type('/\x1b[200~10.0.0.5\x1b[201~');
    expect(s.text()).toContain('8080 refuses');
    expect(s.text()).not.toContain('SYN flood');
  });
  test('nothing found: says what was judged and what could not be', async () => {
    const s = await open(new FakeSession({ findings: [] }));
    expect(s.text()).toMatch(/Nothing wrong was found: \d+ rules? looked at/);
    expect(s.text()).toContain('port-exhaustion: the capture is shorter than');
    await s.type('d');
    expect(last(s)).toContain('There is no finding here.');
    await s.type('m');
    expect(last(s)).toContain('There is no finding here.');
    // What there is to open are the connections.
    await s.type('\r');
    expect(s.row(0)).toContain('› All connections (49)');
  });
});

describe('while the capture is read', () => {
  test('findings appear, and the gravest is selected until the user has moved', async () => {
    const session = new FakeSession({ reading: true });
    const s = await open(session);
    const [leak, flood, refused] = fakeFindings();
    session.read(0.3, [refused!]);
    await s.settle();
    expect(s.text()).toMatch(/▸ ▲ WARN {2}10.0.0.5:8080/);
    session.read(0.6, [leak!, flood!, refused!]);
    await s.settle();
    expect(s.row(7)).toMatch(/▸ ✖ CRIT {2}39 connections stuck/);
    expect(s.text()).toContain('10.0.0.9:3306 closed 39 connections');
  });
  test.each([
    ['opened and left', 'd\x1b'],
    ['explained', 'o\x1b'],
    ['scrolled in the pane', 'J'],
  ])('a finding that was %s keeps the cursor when a graver one appears', async (_, keys) => {
    const session = new FakeSession({ reading: true });
    const s = await open(session);
    const [leak, , refused] = fakeFindings();
    session.read(0.3, [refused!]);
    await s.settle();
    await s.type(keys);
    session.read(0.6, [leak!, refused!]);
    await s.settle();
    expect(s.row(7)).toContain('39 connections stuck');
    expect(s.text()).toMatch(/▸ ▲ WARN {2}10.0.0.5:8080/);
  });
  test('findings appear, and a cursor that was moved stays on its finding', async () => {
    const session = new FakeSession({ reading: true });
    const s = await open(session);
    expect(s.text()).toContain('Nothing found so far; still reading');
    const [leak, flood, refused] = fakeFindings();
    session.read(0.3, [refused!]);
    await s.settle();
    expect(s.row(1)).toMatch(/reading .* 29 % {2}\d+\.\d [kM]B\/s · \d s left · /);
    expect(s.text()).toMatch(/▸ ▲ WARN {2}10.0.0.5:8080/);
    await s.type('j');
    session.read(0.6, [leak!, flood!, refused!]);
    await s.settle();
    expect(s.text()).toMatch(/▸ ▲ WARN {2}10.0.0.5:8080/);
    expect(s.row(7)).toContain('39 connections stuck');
    session.read(1);
    await s.settle();
    expect(s.row(1)).toContain('849 packets · 49 connections · 5m21s of traffic');
  });
  test('a finding that was withdrawn leaves the cursor in the list', async () => {
    const session = new FakeSession({ reading: true });
    const s = await open(session);
    session.read(0.5, fakeFindings());
    await s.settle();
    await s.type('G');
    session.read(0.6, fakeFindings().slice(0, 2));
    await s.settle();
    expect(s.text()).toMatch(/▸ ✖ CRIT {2}SYN flood/);
  });
  test('an error is said where the progress was, with what was found until then', async () => {
    const session = new FakeSession({ reading: true });
    const s = await open(session);
    session.read(0.5, fakeFindings().slice(0, 1));
    session.fail('incident.pcap: Input/output error at offset 4,096');
    await s.settle();
    expect(s.row(1)).toContain('✖ failed  incident.pcap: Input/output error');
    expect(s.text()).toContain('39 connections stuck');
  });
  test('the cursor of a growing list of connections stays on its connection', async () => {
    const session = new FakeSession({ connections: 100, reading: true });
    const s = await open(session);
    session.read(0.5);
    await s.settle();
    await s.type('cSjjj'); // newest first
    expect(s.text()).toMatch(/▸ +46 /);
    session.read(0.8);
    await s.settle();
    expect(s.text()).toMatch(/▸ +46 /);
  });
});

describe('connections', () => {
  test('of a finding, sorted and reversed', async () => {
    const s = await open(new FakeSession());
    await s.type('\r');
    expect(s.row(0)).toContain('Findings › CLOSE_WAIT stuck (39)');
    expect(s.row(1)).toContain('row 1/39');
    expect(s.row(3)).toMatch(/▸ +0 10.0.0.1:1024 +10.0.0.9:3306 +CLOSE_WAIT +FIN_WAIT_2/);
    await s.type('S');
    expect(s.row(2)).toContain('▼ID');
    expect(s.row(3)).toMatch(/▸ +38 /);
  });
  test('100,000 of them: the end, a page up, a filter that matches little', async () => {
    const session = new FakeSession({ connections: 100_000 });
    const s = await open(session);
    await s.type('cG');
    expect(s.row(1)).toContain('row 100,000/100,000');
    expect(s.text()).toMatch(/▸ +99999 /);
    await s.type('\x1b[5~');
    expect(s.text()).toMatch(/▸ +99980 /);
    expect(session.asked.length).toBeLessThan(8);
    await s.type('/outcome:leaked close_wait\r');
    expect(last(s)).toContain('39 matches');
    await s.type('\x1b');
    expect(s.row(1)).toContain('row 1/100,000');
    await s.type('\x1b');
    expect(s.row(0)).toMatch(/^ Findings +incident/);
  });
  test('rows that have not come yet hold their place', async () => {
    const session = new FakeSession({ connections: 100_000 });
    const s = await open(session);
    await s.type('c');
    session.hold();
    await s.type('G');
    expect(s.row(1)).toContain('row 100,000/100,000');
    expect(s.text()).toContain('▸ …');
    session.release();
    await s.settle();
    expect(s.text()).toMatch(/▸ +99999 /);
  });
});

describe('typing ahead of the answers', () => {
  test('the way down is gone as soon as they come', async () => {
    const session = new FakeSession();
    const s = await open(session);
    session.hold();
    await s.type('\rjj\rj\r');
    expect(s.text()).toContain('asking …');
    session.release();
    await s.settle();
    expect(s.row(0)).toContain('#401');
  });
  test('Esc takes it back', async () => {
    const session = new FakeSession();
    const s = await open(session);
    session.hold();
    await s.type('\rjj\r');
    await s.type('\x1b');
    session.release();
    await s.settle();
    expect(s.row(0)).toMatch(/^ Findings +incident/);
  });
  test('a row of the old order is never opened', async () => {
    const session = new FakeSession();
    const s = await open(session);
    await s.type('\r');
    session.hold();
    await s.type('S\r');
    session.asked.length = 0;
    session.release();
    await s.settle();
    expect(session.asked).toContainEqual({ question: 'ladder', ask: { connection: 38 } });
  });
});

describe('one connection and one packet', () => {
  test('from a finding the ladder opens at the proof, from the list of all at the beginning', async () => {
    const s = await open(new FakeSession());
    await s.type('\r\r');
    expect(s.text()).toMatch(/▸★ #400/);
    await s.type('hhc\r');
    expect(s.text()).toMatch(/▸ {2}#392/);
  });
  test('the ladder shows both ends’ states, the timer, and what the row under the cursor is', async () => {
    const s = await open(new FakeSession());
    await s.type('\r\r');
    await s.type('G');
    expect(s.text()).toContain('timer');
    expect(s.text()).toContain('state     server FIN_WAIT_2 → CLOSED: orphaned for 60 s (tcp_fin_timeout)');
    await s.type('\r');
    expect(last(s)).toContain('No packet shows this: a timer did it.');
    await s.type('kkk');
    expect(s.text()).toContain('★ proves  FIN from 10.0.0.9; from here on 10.0.0.1 owes its own');
  });
  test('the packet opens at its TCP header; the chosen field’s bytes are marked', async () => {
    const s = await open(new FakeSession(), LARGE);
    await s.type('e\r');
    expect(s.row(0)).toContain('› 10.0.0.1:54200→10.0.0.9:3306 › #400');
    expect(s.text()).toMatch(/▸ - TCP/);
    await s.type('j');
    expect(s.raw()).toContain('\x1b[7m0c ea\x1b[27m'); // port 3306
  });
  test('Enter closes a layer and opens it again, z all of them; they stay closed in the next packet', async () => {
    const s = await open(new FakeSession(), LARGE);
    await s.type('e\r');
    expect(s.text()).toContain('Sequence number');
    await s.type('j\r'); // from a field of it
    expect(s.text()).toMatch(/▸ \+ TCP/);
    expect(s.text()).not.toContain('Sequence number');
    await s.type('n');
    expect(s.row(0)).toContain('#401');
    expect(s.text()).not.toContain('Sequence number');
    await s.type('\r');
    expect(s.text()).toContain('Sequence number');
    await s.type('z');
    expect(s.text()).not.toContain('Time to live');
    await s.type('z');
    expect(s.text()).toContain('Time to live');
  });
  test('n and p walk along the connection', async () => {
    const s = await open(new FakeSession());
    await s.type('e\r');
    await s.type('p');
    expect(s.row(0)).toContain('#399');
    await s.type('nn');
    expect(s.row(0)).toContain('#401');
    await s.type('n');
    expect(last(s)).toContain('last segment');
    await s.type('\x1b');
    expect(s.text()).toMatch(/▸★ #401/);
  });
  test('a question that cannot be answered is a sentence', async () => {
    const session = new FakeSession();
    const s = await open(session);
    session.refuse('ladder', 'the stream is gone');
    await s.type('\r\r');
    expect(s.text()).toContain('Cannot show the segments of this connection: the stream is gone');
  });
});

describe('every screen', () => {
  const paths = ['', 'd', 'o', 'i', 't', 'v', 'v\t\t', 'e\r\r', 'c', '\r', '\r\r', 'e\r', 'e\rppp', '?', 'c/dur', 'y', ':se'];
  test.each([
    [80, 24],
    [140, 45],
    [60, 15],
    [300, 50],
  ])('fills %ix%i exactly', async (columns, rows) => {
    for (const path of paths) {
      const s = await open(new FakeSession(), { columns, rows });
      await s.type(path);
      const lines = s.text().split('\n');
      expect(lines).toHaveLength(rows);
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
      s.close();
    }
  });
  test.each(paths)('uses no colour when there must be none (%j)', async (path) => {
    const s = await open(new FakeSession(), { color: false });
    await s.type(path);
    expect(s.raw()).not.toMatch(/\x1b\[(3\d|4\d|9\d|10\d)m/);
    expect(s.text().replace(/\s/g, '').length).toBeGreaterThan(50);
  });
  test('below 60x15 says so, and comes back', async () => {
    const s = await open(new FakeSession());
    await s.type('\r');
    await s.resize({ columns: 59, rows: 15 });
    expect(s.text().trim()).toBe('terminal too small (60x15 needed)');
    await s.resize({ columns: 80, rows: 24 });
    expect(s.row(1)).toContain('row 1/39');
  });
  test('i shows the facts of the capture, and what each rule concluded', async () => {
    const s = await open(new FakeSession());
    await s.type('i');
    expect(s.row(0)).toContain('Findings › Capture');
    expect(s.text()).toContain('incident.pcap: pcap · 91.0 kB · 849 packets · LINUX_SLL2');
    expect(s.text()).toContain('Checked and clear: time-wait-excess');
    expect(s.text()).toContain('Could not tell port-exhaustion: the capture is shorter than the 60 s');
  });
  test('help is whole where it is narrow, and has the commands and the signs', async () => {
    const s = await open(new FakeSession(), { columns: 60, rows: 15 });
    await s.type('?');
    let all = s.text();
    for (let page = 0; page < 12; page++) {
      await s.type(' ');
      all += s.text();
    }
    expect(all).not.toContain('…');
    for (const wanted of [':hosts [WORDS]', ':time TIME', '↻ sent before', 'Keys in the line that is typed into'])
      expect(all).toContain(wanted);
  });
  test('a key that this screen does not have says so', async () => {
    const s = await open(new FakeSession());
    await s.type('c\rv');
    expect(last(s)).toContain('v means nothing here; ? lists the keys of this screen.');
    await s.type('j');
    expect(last(s)).toContain('Esc back');
    await s.type('?v');
    expect(s.text()).toContain('Keys in one connection');
    await s.type('\x7f');
    expect(last(s)).toContain('Esc back');
  });
  test('help lists the keys of the screen below and goes away', async () => {
    const s = await open(new FakeSession());
    await s.type('\r?');
    expect(s.text()).toContain('Keys in the connections');
    expect(s.text()).toContain('sort by the next column');
    await s.type('\x1b');
    expect(s.row(1)).toContain('row 1/39');
  });
  test('q leaves from everywhere', async () => {
    for (const path of ['', '\r', '\r\r', 'e\r', '?', 'o', 'd']) {
      const s = await open(new FakeSession());
      await s.type(`${path}q`);
      expect(s.left).toEqual(['quit']);
      s.close();
    }
  });
});

test('nothing that came from a capture can steer the terminal', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1 }), async (evil) => {
      const leak = closeWaitLeak();
      const finding = {
        ...leak,
        title: evil,
        summary: evil,
        atFault: evil,
        faultBecause: evil,
        displayFilter: evil,
        evidence: [{ ...leak.evidence[0]!, note: evil }],
      };
      const s = await open(new FakeSession({ findings: [finding] }), LARGE);
      const rest = s.raw().replace(/\x1b\[\d+m/g, '');
      expect(rest).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
      expect(s.text().split('\n')).toHaveLength(45);
      s.close();
    }),
    { numRuns: 40 },
  );
});
