/** `connection` takes what a log line holds: ends, and perhaps the moment. */
import { describe, expect, test } from 'vitest';
import { findConnection, parseConnectionWord } from '../../src/commands/connection-word.ts';
import { Clock } from '../../src/model/clock.ts';
import { UsageError } from '../../src/model/errors.ts';
import type { ConnectionRow } from '../../src/model/report.ts';

/** 2026-11-20T10:00:00Z */
const CLOCK = new Clock(1_795_168_800, 0);

const endpoint = ([ip, port]: readonly [string, number]): { ip: string; port: number } => ({ ip, port });

function row(id: number, client: readonly [string, number], server: readonly [string, number], start: string, end: string): ConnectionRow {
  const at = (time: string): string => `2026-11-20T${time}.000000000Z`;
  return { id, client: endpoint(client), server: endpoint(server), start: at(start), end: at(end) } as unknown as ConnectionRow;
}

const ROWS = [
  row(0, ['10.0.0.5', 51_812], ['10.0.0.9', 443], '10:00:00', '10:00:10'),
  row(1, ['10.0.0.6', 51_812], ['10.0.0.9', 443], '10:00:05', '10:00:20'),
  row(2, ['10.0.0.5', 51_812], ['10.0.0.9', 443], '10:01:10', '10:01:30'),
  row(3, ['2001:db8::5', 40_000], ['2001:db8::9', 443], '10:00:00', '10:00:01'),
];

function find(word: string): number {
  const wanted = parseConnectionWord(word);
  if (wanted === null) throw new Error('not understood');
  return wanted.kind === 'id' ? wanted.id : findConnection(ROWS, wanted, CLOCK);
}

describe('the word names', () => {
  test.each([
    ['17', 17],
    ['10.0.0.6:51812', 1],
    ['[2001:db8::5]:40000', 3],
    ['[2001:0db8:0:0::9]:443', 3],
    // Either end may come first.
    ['10.0.0.6:51812-10.0.0.9:443', 1],
    ['10.0.0.9:443-10.0.0.6:51812', 1],
    // The same tuple twice: which was open then.
    ['10.0.0.5:51812@2026-11-20T10:00:03Z', 0],
    ['10.0.0.5:51812@+80', 2],
    ['10.0.0.5:51812@1795168803.5', 0],
    // Nothing open: a log tells of what is over.
    ['10.0.0.5:51812-10.0.0.9:443@2026-11-20T10:00:40Z', 0],
    ['10.0.0.5:51812@2026-11-20T12:00:00Z', 2],
    ['10.0.0.9:443@+1', 0],
  ])('%s', (word, id) => {
    expect(find(word)).toBe(id);
  });

  test.each([
    '',
    'eth0',
    '10.0.0.5',
    '10.0.0.5:70000',
    '10.0.0.0/8:443',
    '10.0.0.5:1-10.0.0.6:2-10.0.0.7:3',
    '10.0.0.5:51812@yesterday',
    '-1',
  ])('nothing: %s', (word) => {
    expect(parseConnectionWord(word)).toBeNull();
  });

  test('more than one, and the message says which', () => {
    expect(() => find('10.0.0.5:51812')).toThrow(
      '"10.0.0.5:51812" is said of 2 connections: 0 (2026-11-20T10:00:00.000000000Z to 2026-11-20T10:00:10.000000000Z), 2 (',
    );
    expect(() => find('10.0.0.9:443@2026-11-20T10:00:07Z')).toThrow(UsageError);
  });

  test('none', () => {
    expect(() => find('10.0.0.7:51812')).toThrow('no connection of the capture has the ends of "10.0.0.7:51812"');
    expect(() => find('10.0.0.5:51812-10.0.0.6:51812')).toThrow('no connection of the capture has the ends');
    expect(() => find('10.0.0.6:51812@+1')).toThrow('had begun then; 1 other came later');
  });
});
