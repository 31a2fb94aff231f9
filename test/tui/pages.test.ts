import { beforeEach, expect, test } from 'vitest';
import { ConnectionPages, PAGE_ROWS } from '../../src/tui/pages.ts';
import { FakeSession } from './fake-session.ts';

const ALL = { finding: null, where: '', sort: 'id', descending: false } as const;
const turn = async (): Promise<void> => {
  for (let i = 0; i < 8; i++) await new Promise((resolve) => setImmediate(resolve));
};
const offsets = (session: FakeSession): number[] => session.asked.map(({ ask }) => (ask as { offset: number }).offset);

let session: FakeSession;
let pages: ConnectionPages;
beforeEach(() => {
  session = new FakeSession({ connections: 100_000 });
  pages = new ConnectionPages(
    (question, ask) => session.ask(question, ask),
    ALL,
    () => undefined,
  );
});

test('the window and its neighbour are fetched, and nothing else', async () => {
  pages.look(0, 20);
  await turn();
  expect(pages.total).toBe(100_000);
  expect(pages.row(19)?.id).toBe(19);
  expect(offsets(session)).toEqual([0, PAGE_ROWS]);
});

test('a held key asks one question at a time, and the last one for where it stopped', async () => {
  pages.look(0, 20);
  await turn();
  session.asked.length = 0;
  session.hold();
  for (let top = 0; top <= 90_000; top += 19) pages.look(top, 20);
  expect(session.asked.length).toBeLessThanOrEqual(1);
  session.release();
  await turn();
  expect(pages.row(90_000)).toBeDefined();
  expect(session.asked.length).toBeLessThanOrEqual(5);
});

test('old rows stay until the new order has come', async () => {
  pages.look(0, 20);
  await turn();
  session.hold();
  pages.setQuery({ ...ALL, descending: true });
  expect(pages.row(0)?.id).toBe(0);
  session.release();
  await turn();
  expect(pages.row(0)?.id).toBe(99_999);
});

test('an answer to the question before last is thrown away', async () => {
  session.hold();
  pages.look(0, 20);
  pages.setQuery({ ...ALL, where: 'outcome:leaked' });
  session.release();
  await turn();
  expect(pages.total).toBe(39);
  expect(pages.row(0)?.outcome).toBe('leaked');
});

test('memory is bounded however far one scrolls', async () => {
  for (let top = 0; top < 100_000; top += 2_000) {
    pages.look(top, 20);
    await turn();
  }
  const held = Array.from({ length: 500 }, (_, page) => pages.row(page * PAGE_ROWS)).filter((row) => row !== undefined);
  expect(held.length).toBeLessThanOrEqual(16);
});

test('a growing capture refreshes what is on the screen', async () => {
  session = new FakeSession({ connections: 1000, reading: true });
  session.read(0.01);
  pages.look(0, 20);
  await turn();
  expect(pages.total).toBe(10);
  session.read(0.5);
  pages.refresh();
  await turn();
  expect(pages.total).toBe(500);
});

test('a question that fails is a sentence, and is not asked for ever', async () => {
  const failing = new ConnectionPages(
    () => Promise.reject(new Error('the worker has stopped')),
    ALL,
    () => undefined,
  );
  failing.look(0, 20);
  await turn();
  expect(failing.error).toBe('the worker has stopped');
  expect(failing.total).toBe(0);
});
