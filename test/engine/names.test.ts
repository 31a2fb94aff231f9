/** Names beside addresses: which of them a report has, where they are from, and what does not become one. Nothing is ever looked up. */
import { describe, expect, test } from 'vitest';
import { dnsAnswer, dnsQuery, timedCapture, type TimedFrame } from '../support/dns.ts';
import { section, pcapngFile } from '../support/capture-bytes.ts';
import { diagnoseBytes, diagnoseFixture } from '../support/diagnose.ts';
import { ipv4Bytes } from '../support/frames.ts';
import { connections, handshake, lateExchange, merged } from '../support/traffic.ts';

/** Five sockets that 10.0.0.1 never closes towards 10.0.0.2:3306. */
const leak = merged(
  connections(
    5,
    (i) => `${handshake(i * 0.01)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  +.001 > .  11:11(0) ack 21
  +5    < F. 21:21(0) ack 11
  +.001 > .  11:11(0) ack 22`,
    () => ({ serverPort: 3306 }),
  ),
  lateExchange(80),
);
const answered = (name: string, ...addresses: string[]): readonly TimedFrame[] => [
  dnsQuery({ at: 0, name }),
  dnsAnswer({ at: 0.001, name, addresses }),
];

describe('answers of DNS', () => {
  test('name the hosts of a finding', async () => {
    const { capture } = await diagnoseBytes(timedCapture(answered('DB.example', '10.0.0.2'), leak));
    expect(capture.names).toEqual({ '10.0.0.2': { name: 'db.example', from: 'dns' } });
  });

  test('behind an alias, the address is that of the name that was asked', async () => {
    const reply = dnsAnswer({ at: 0.001, name: 'db.example', alias: 'node7.example', addresses: ['10.0.0.2'] });
    const { capture } = await diagnoseBytes(timedCapture([dnsQuery({ at: 0, name: 'db.example' }), reply], leak));
    expect(capture.names).toEqual({ '10.0.0.2': { name: 'db.example', from: 'dns' } });
  });

  test.each<[string, readonly TimedFrame[]]>([
    ['that say there is no such name', [dnsAnswer({ at: 0.001, name: 'db.example', rcode: 3, addresses: ['10.0.0.2'] })]],
    ['about a name that is none', [dnsAnswer({ at: 0.001, name: 'db\u001b[2J.example', addresses: ['10.0.0.2'] })]],
    ['of more names than a host has', ['a', 'b', 'c', 'd'].flatMap((name) => answered(`${name}.example`, '10.0.0.2'))],
    ['about hosts that no finding speaks of', answered('other.example', '10.0.0.77')],
  ])('%s name nothing', async (_what, messages) => {
    const { capture } = await diagnoseBytes(timedCapture(messages, leak));
    expect(capture).not.toHaveProperty('names');
  });

  test('are left out with the payload; the words of the user are not', async () => {
    const bytes = timedCapture(answered('db.example', '10.0.0.2'), leak);
    expect((await diagnoseBytes(bytes, { payload: false })).capture).not.toHaveProperty('names');
    const own = { hosts: { '10.0.0.0/30': { name: 'rack 7' } }, services: { '10.0.0.2:3306': 'orders-db' } };
    expect((await diagnoseBytes(bytes, { ...own, payload: false })).capture.names).toEqual({
      '10.0.0.1': { name: 'rack 7', from: 'config' },
      '10.0.0.2': { name: 'rack 7', from: 'config' },
      '10.0.0.2:3306': { name: 'orders-db', from: 'config' },
    });
  });
});

test('a name resolution block of the file names its hosts, also where it stands at the end', async () => {
  const le = section();
  const packets = leak.map(({ seconds, nanos, bytes }) =>
    le.packet(0, BigInt(seconds) * 1_000_000n + BigInt(Math.floor(nanos / 1_000)), bytes),
  );
  const { capture } = await diagnoseBytes(
    pcapngFile([le.header(), le.interface(), ...packets, le.names([[ipv4Bytes('10.0.0.2'), 'db.example']])]),
  );
  expect(capture.names).toEqual({ '10.0.0.2': { name: 'db.example', from: 'capture' } });
});

test('a TLS server is called what its clients ask for', async () => {
  const { capture, findings } = await diagnoseFixture('tls_close_rst.pcap.gz');
  const { subject } = findings.find((f) => f.rule === 'rst-after-close') ?? {};
  expect(capture.names?.[subject?.peer ?? ''] ?? capture.names?.[subject?.host ?? '']).toEqual({ name: 'lab.test', from: 'sni' });
});
