/** Frames of several files that are read as one capture, and their numbers in their own files. */
import { expect, test } from 'vitest';
import { FrameFiles } from '../../src/engine/frame-files.ts';

/** Files by the letter: frame 1 of `aab` is the first of file 0. */
function merged(order: string, maxRuns?: number): FrameFiles {
  const files = new FrameFiles(maxRuns);
  Array.from(order).forEach((letter, i) => files.note(i + 1, letter.charCodeAt(0) - 97));
  return files;
}

test('one file: its numbers are the frame numbers, and nothing is added', () => {
  const files = merged('aaaa');
  expect(files.of(3)).toEqual({});
  expect(files.packetsOf(0, 4)).toBe(4);
});

test('files that follow each other and files that alternate', () => {
  const files = merged('aabbba');
  const expected = [
    [0, 1],
    [0, 2],
    [1, 1],
    [1, 2],
    [1, 3],
    [0, 3],
  ];
  expected.forEach(([file, fileFrame], i) => expect(files.of(i + 1)).toEqual({ file, fileFrame }));
  expect([0, 1, 2].map((file) => files.packetsOf(file, 6))).toEqual([3, 3, 0]);
});

test('beyond the runs that are kept, a frame has no number in its file rather than a wrong one', () => {
  const files = merged('ababab', 3);
  expect([3, 4, 5, 6].map((frame) => files.of(frame))).toEqual([{ file: 0, fileFrame: 2 }, {}, {}, {}]);
  expect([0, 1].map((file) => files.packetsOf(file, 6))).toEqual([3, 3]);
});
