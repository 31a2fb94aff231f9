/** A name stands behind its address, once; what only looks like an address has none. */
import { expect, test } from 'vitest';
import { nameOriginsText, withNames } from '../../src/report/names.ts';
import { UNKNOWN_VANTAGE, vantageFacts } from '../../src/model/vantage.ts';

const names = {
  '10.0.0.9': { name: 'db.example', from: 'dns' },
  '10.0.0.9:3306': { name: 'orders-db', from: 'config' },
  '2001:db8::9': { name: 'db6.example', from: 'sni' },
} as const;

test.each([
  ['on 10.0.0.9, later on 10.0.0.9 again', 'on 10.0.0.9 (db.example), later on 10.0.0.9 again'],
  ['it is 10.0.0.9.', 'it is 10.0.0.9 (db.example).'],
  ['10.0.0.9:3306 and 10.0.0.9:80', '10.0.0.9:3306 (orders-db, db.example) and 10.0.0.9:80 (db.example)'],
  ['[2001:db8::9]:443', '[2001:db8::9]:443 (db6.example)'],
  ['2001:db8::9: it died', '2001:db8::9 (db6.example): it died'],
  ['10.0.0.9/32 and 110.0.0.9 and 10.0.0.91 and 10.0.0.9.9', '10.0.0.9/32 and 110.0.0.9 and 10.0.0.91 and 10.0.0.9.9'],
  ['at 08:33:00.123', 'at 08:33:00.123'],
])('%s', (text, named) => expect(withNames(text, names)).toBe(named));

test('without names nothing changes', () => expect(withNames('10.0.0.9', undefined)).toBe('10.0.0.9'));

test('where they are from is said once', () => {
  const capture = { files: [], packets: 0, tcpPackets: 0, connections: 0, start: null, end: null, durationSeconds: 0, caveats: [] };
  const vantage = vantageFacts(UNKNOWN_VANTAGE);
  expect(nameOriginsText({ ...capture, vantage, names })).toBe(
    'Names are taken from the configuration and DNS answers in the capture and server names that TLS clients asked for',
  );
  expect(nameOriginsText({ ...capture, vantage })).toBeNull();
});
