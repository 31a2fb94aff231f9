import { expect, test } from 'vitest';
import { FRAME_MILLISECONDS, FramePacer } from '../../src/tui/frame-pacer.ts';
import { Painter } from '../../src/tui/painter.ts';

function painter(size = { columns: 10, rows: 3 }): { painter: Painter; written: string[]; size: { columns: number; rows: number } } {
  const written: string[] = [];
  return {
    painter: new Painter(
      (text) => written.push(text),
      () => size,
    ),
    written,
    size,
  };
}

test('the first frame is written whole, inside one synchronized update', () => {
  const { painter: p, written } = painter();
  p.frame('a\nb\nc');
  expect(written).toEqual(['\x1b[?2026h\x1b[1;1H\x1b[0m\x1b[2Ka\x1b[2;1H\x1b[0m\x1b[2Kb\x1b[3;1H\x1b[0m\x1b[2Kc\x1b[?2026l']);
});

test('of the next one only the rows that changed; of the same one nothing', () => {
  const { painter: p, written } = painter();
  p.frame('a\nb\nc');
  p.frame('a\nB\nc');
  p.frame('a\nB\nc');
  expect(written.slice(1)).toEqual(['\x1b[?2026h\x1b[2;1H\x1b[0m\x1b[2KB\x1b[?2026l']);
});

test('a frame laid out for another size is dropped', () => {
  const { painter: p, written, size } = painter();
  size.rows = 2;
  p.frame('a\nb\nc');
  expect(written).toEqual([]);
});

test('nothing is drawn while the terminal belongs to the shell, everything afterwards', () => {
  const { painter: p, written } = painter();
  p.frame('a\nb\nc');
  p.pause();
  p.frame('x\ny\nz');
  expect(written).toHaveLength(1);
  p.resume();
  p.repaint();
  expect(written.join('')).toMatch(/\x1b\[2J.*a.*b.*c/s);
});

test('changes within a frame are drawn once, the first after a pause at once', () => {
  let now = 1000;
  const timers: { run: () => void; after: number }[] = [];
  const pacer = new FramePacer(() => now, (run, after) => timers.push({ run, after })); // prettier-ignore
  const drawn: number[] = [];
  pacer.schedule(() => drawn.push(1));
  pacer.schedule(() => drawn.push(2));
  expect(timers.map((timer) => timer.after)).toEqual([0]);
  timers.shift()?.run();
  expect(drawn).toEqual([2]);
  now += 10;
  pacer.schedule(() => drawn.push(3));
  expect(timers.map((timer) => timer.after)).toEqual([FRAME_MILLISECONDS - 10]);
  timers.shift()?.run();
  expect(drawn).toEqual([2, 3]);
});
