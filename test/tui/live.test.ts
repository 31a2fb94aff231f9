/** While packets come as they happen: findings appear, and are over. */
import { afterEach, expect, test } from 'vitest';
import { closeWaitLeak, fakeFindings } from './fake-findings.ts';
import { FakeSession } from './fake-session.ts';
import { openScreen, type Screen } from './screen.ts';

let screen: Screen;
let session: FakeSession;
afterEach(() => screen.close());

async function live(size = { columns: 120, rows: 40 }): Promise<Screen> {
  session = new FakeSession({ reading: true, live: true });
  screen = await openScreen(session, size);
  return screen;
}
async function found(share: number, findings: ReturnType<typeof fakeFindings>): Promise<void> {
  session.read(share, findings);
  await screen.settle();
}
const others = fakeFindings().filter(({ id }) => id !== closeWaitLeak().id);
const last = (): string => screen.text().split('\n').at(-1) ?? '';
const listed = (): string[] =>
  screen
    .text()
    .split('\n')
    .flatMap((row) => /^[▸ ] [✖▲◆●○] ([A-Z]+) +(?:└ )?(\S+ \S+)/.exec(row)?.slice(1).join(' ') ?? []);

test('what is over stands below what is so, says until when, and comes back', async () => {
  await live();
  await found(0.2, [closeWaitLeak(), ...others]);
  expect(last()).toMatch(/^ \d\d:\d\d:\d\d New: 39 connections stuck/);
  await found(0.4, others);
  expect(last()).toMatch(/^ 08:35:08 No longer so: 39 connections stuck/);
  expect(listed().at(-1)).toBe('OVER 39 connections');
  await screen.type('G');
  expect(last()).toContain('Enter open');
  expect(screen.text()).toContain('until 08:35:08.560');
  expect(screen.text()).toContain('It is over; this is what was known last.');
  await found(0.6, [closeWaitLeak(), ...others]);
  expect(listed().filter((row) => row.endsWith('39 connections'))).toEqual(['CRIT 39 connections']);
  expect(screen.text()).toContain('still so');
});

test('its details and frames can be read, its connections not any more; and it can be marked', async () => {
  await live();
  await found(0.2, [closeWaitLeak(), ...others]);
  await found(0.4, others);
  await screen.type('G\r');
  expect(screen.row(0)).toContain('CLOSE_WAIT stuck (39), over');
  await screen.type('\r');
  expect(last()).toContain('This is over');
  await screen.type('e');
  expect(screen.row(0)).toContain('10.0.0.1:54200→10.0.0.9:3306');
  await screen.type('hhm');
  await screen.type('wm\r');
  expect(screen.written.get('marked.md')).toContain('## 39 connections stuck in CLOSE');
});

test('what a file says before its end is provisional: nothing is listed as over', async () => {
  session = new FakeSession({ reading: true });
  screen = await openScreen(session, { columns: 120, rows: 40 });
  await found(0.4, [closeWaitLeak(), ...others]);
  await found(0.6, others);
  expect(screen.text()).not.toContain('OVER');
});

test('news does not cover what is being typed or chosen', async () => {
  await live();
  await found(0.2, others);
  await screen.type('/clo');
  await found(0.3, [closeWaitLeak(), ...others]);
  expect(last()).toMatch(/^ \/clo/);
  await screen.type('\x7f\x7f\x7f\ry');
  await found(0.4, others);
  expect(last()).toContain('Esc close');
});
