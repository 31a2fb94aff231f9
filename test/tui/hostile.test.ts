/** Every screen of a capture whose applications, names and comments attack the terminal: it stays a grid of printable characters. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { localSession } from '../../src/engine/session.ts';
import { widthOf } from '../../src/tui/present/text.ts';
import { framesOf } from '../fuzz/captures.ts';
import { HOSTILE, UNPRINTABLE } from '../support/hostile.ts';
import { named, saying } from '../support/hostile-capture.ts';
import { answering, openScreen } from './screen.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-hostile-screen-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.each(Object.entries(HOSTILE))('what attacks %s', async (_what, text) => {
  const frames = await framesOf(readFileSync(fileURLToPath(new URL('../../fixtures/close_wait_leak.pcap', import.meta.url))));
  const path = join(folder, 'hostile.pcapng');
  writeFileSync(path, named(saying(frames, text), text));
  const { session, answered } = answering(localSession([path], { hosts: { '0.0.0.0/0': { name: text } } }));
  await session.done;
  const screen = await openScreen(session, { columns: 120, rows: 40 });
  const shows = async (what: RegExp): Promise<void> => {
    await answered();
    await screen.settle();
    expect(screen.text()).toMatch(what);
  };
  const isGrid = (): void => {
    const rows = screen.text().split('\n');
    expect(screen.text()).not.toMatch(UNPRINTABLE);
    expect(rows).toHaveLength(40);
    for (const row of rows) expect(widthOf(row)).toBeLessThanOrEqual(120);
  };
  try {
    await shows(/CLOSE_WAIT/);
    isGrid();
    await screen.type('d'); // all of the finding, with what was said last
    isGrid();
    for (let page = 0; page < 4; page++) {
      await screen.type(' ');
      isGrid();
    }
    await screen.type('\u001b');
    await screen.type('c');
    await shows(/CLIENT IS/);
    isGrid();
    await screen.type('\r');
    await shows(/ESTABLISHED/);
    isGrid();
    await screen.type('f'); // what both ends said, as text and as octets
    await shows(/text, both directions/);
    isGrid();
    await screen.type('x');
    isGrid();
    await screen.type('\u007f');
    for (let segment = 0; segment < 5; segment++) await screen.type('j');
    isGrid();
    await screen.type('\r'); // the packet, with its octets
    await shows(/LINUX_SLL2/);
    for (let n = 0; n < 3; n++) {
      isGrid();
      await screen.type('n');
      await screen.type('G');
    }
    isGrid();
  } finally {
    screen.close();
    await session.close();
  }
});
