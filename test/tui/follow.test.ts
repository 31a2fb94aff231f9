/** The conversation on the screen, and files that are written from screens. */
import { afterEach, describe, expect, test } from 'vitest';
import { FakeSession } from './fake-session.ts';
import { openScreen, type Screen } from './screen.ts';

let screen: Screen;
let session: FakeSession;
const open = async (options: Parameters<typeof openScreen>[1] = {}): Promise<Screen> => {
  session = new FakeSession();
  return (screen = await openScreen(session, options));
};
afterEach(() => screen.close());
const last = (s: Screen): string => s.text().split('\n').at(-1) ?? '';

describe('the conversation', () => {
  test('both directions as text: what is no text is a dot, tabs are blanks, gaps are said', async () => {
    const s = await open();
    await s.type('cf');
    expect(s.row(2)).toMatch(/10\.0\.0\.1:54200 ▶ 10\.0\.0\.9:3306 .*text, both directions/);
    expect(s.text()).toContain('◀ server  #395');
    expect(s.text()).toContain('│ SELECT id, name');
    expect(s.text()).toContain('│     FROM orders');
    expect(s.text()).toContain('⋮ 120 octets of the server that the capture lacks');
    expect(s.text()).toContain('│ ·orders ok');
  });
  test('as octets, of one end, searched, and from a turn to its packet', async () => {
    const s = await open();
    await s.type('cfx');
    expect(s.text()).toMatch(/000000 {2}4a 00 00 00 0a 38 2e 30/);
    await s.type('x\t');
    expect(s.text()).not.toContain('mysql_native_password');
    await s.type('/FROM\r\r');
    expect(s.row(0)).toContain('› conversation › #396');
  });
  test('from a ladder, and by its id', async () => {
    const s = await open();
    await s.type('c\rf');
    expect(s.row(0)).toContain('› conversation');
    await s.type(':follow 3\r');
    expect(session.asked.at(-1)).toEqual({ question: 'follow', ask: { connection: 3, skip: 0 } });
  });
});

describe('writing', () => {
  test('the view as Markdown, under a name that is offered', async () => {
    const s = await open();
    await s.type('cwv');
    expect(last(s)).toContain('file: connections.md');
    await s.type('\r');
    expect(last(s)).toContain('Wrote connections.md.');
    expect(s.written.get('connections.md')).toMatch(/^## Findings › All connections \(49\)\n\n```text\n(.|\n)*10\.0\.0\.1:1024/);
  });
  test('the time machine and the hosts, too', async () => {
    const s = await open();
    await s.type('twv\r');
    expect(s.written.get('time.md')).toMatch(
      /^## Findings › Time machine\n\n```text\n \d\d:\d\d:\d\d\.\d+ UTC(.|\n)*▓ 2 CLOSE-WAIT(.|\n)*┻(.|\n)*STATE +LOCAL(.|\n)*CLOSE-WAIT 10\.0\.0\.1:1026 /,
    );
    await s.type('\x7fvwv\r');
    expect(s.written.get('peers.md')).toMatch(
      /^## Findings › Hosts and services\n\n```text\n \[clients and services\](.|\n)*CLIENT +SERVICE(.|\n)*10\.0\.0\.9:3306/,
    );
  });
  test('never over a file without a question', async () => {
    const s = await open();
    s.written.set('findings.md', 'mine');
    await s.type('wv\r');
    expect(s.text()).toContain('findings.md exists');
    await s.type('n');
    expect(s.written.get('findings.md')).toBe('mine');
    await s.type('\x152.md\r');
    expect(s.written.get('2.md')).toMatch(/^## Findings/);
    await s.type('wv\ry');
    expect(s.written.get('findings.md')).toMatch(/^## Findings/);
  });
  test('the evidence as a capture, by the session', async () => {
    const s = await open();
    await s.type('we\r');
    expect(session.asked.at(-1)).toEqual({
      question: 'extract',
      ask: {
        wanted: { finding: 'close-wait-stuck/10.0.0.1@10.0.0.9:3306' },
        format: 'pcapng',
        path: 'close-wait-stuck-10.0.0.1-10.0.0.9-3306.pcapng',
      },
    });
    expect(last(s)).toContain('Wrote 713 packets to');
    await s.type('c\rwc\x15one.pcap\r');
    expect(session.asked.at(-1)).toEqual({ question: 'extract', ask: { wanted: { connection: 0 }, format: 'pcap', path: 'one.pcap' } });
  });
  test('what is marked, with its notes', async () => {
    const s = await open();
    await s.type(':note look at *the* pool\rwm\r');
    expect(s.written.get('marked.md')).toMatch(/^## 39 connections stuck in CLOSE\\_WAIT(.|\n)*> look at \\\*the\\\* pool(.|\n)*AT FAULT/);
  });
  test('what cannot be written is a sentence', async () => {
    const s = await open();
    await s.type('wv\x15/dev/x\r');
    expect(last(s)).toContain('Cannot write /dev/x: permission denied');
  });
});
