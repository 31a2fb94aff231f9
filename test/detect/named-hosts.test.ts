/** What the configuration says of a host: rules that would speak of a stranger stay silent, or say what it is. */
import { describe, expect, test } from 'vitest';
import type { AnalysisOptions } from '../../src/engine/analysis.ts';
import type { HostRole } from '../../src/model/names.ts';
import type { Finding } from '../../src/model/finding.ts';
import { diagnoseBytes, diagnoseFixture, findingsOf } from '../support/diagnose.ts';
import { captureOf, connections, handshake, lateExchange, wholeConnection } from '../support/traffic.ts';

const named = (ip: string, role: HostRole): AnalysisOptions => ({ hosts: { [ip]: { name: 'edge', role } } });
const MANY = ['proxy', 'balancer', 'nat'] as const;

describe('http-flood', () => {
  const run = async (options: AnalysisOptions): Promise<readonly Finding[]> =>
    findingsOf(await diagnoseFixture('http_flood.pcap.gz', options), 'http-flood');
  test('of a stranger is told', async () => expect(await run({})).toHaveLength(1));
  test.each(MANY)('of a named %s is not: many clients stand behind it', async (role) =>
    expect(await run(named('172.18.84.145', role))).toEqual([]),
  );
  test('of a host that has a name only, or another role, is', async () => {
    expect(await run({ hosts: { '172.18.84.145': { name: 'edge' } } })).toHaveLength(1);
    expect(await run(named('172.18.84.145', 'monitor'))).toHaveLength(1);
  });
});

const opened = (count: number, ip: (i: number) => string, script: (at: number) => string) =>
  connections(
    count,
    (i) => script(i * 0.01),
    (i) => ({ clientIp: ip(i), clientPort: 20_000 + i }),
  );

test('subnet-concentration: an address, or a network, that is named', async () => {
  const others = opened(19, (i) => `198.51.${String(i)}.7`, wholeConnection);
  const one = captureOf(
    opened(100, () => '192.0.2.7', wholeConnection),
    others,
  );
  const network = captureOf(
    opened(100, (i) => `192.0.2.${String(1 + (i % 50))}`, wholeConnection),
    others,
  );
  const run = async (bytes: Uint8Array, options: AnalysisOptions): Promise<number> =>
    findingsOf(await diagnoseBytes(bytes, options), 'subnet-concentration').length;
  expect([await run(one, {}), await run(one, named('192.0.2.7', 'nat'))]).toEqual([1, 0]);
  expect([await run(network, {}), await run(network, named('192.0.2.0/24', 'balancer'))]).toEqual([1, 0]);
  expect(await run(network, named('192.0.2.0/29', 'balancer'))).toBe(1); // few of them
});

test('connection-flood: connections that a named proxy or checker holds in silence', async () => {
  const bytes = captureOf(
    opened(100, () => '192.0.2.7', handshake),
    lateExchange(60),
  );
  const run = async (options: AnalysisOptions): Promise<number> =>
    findingsOf(await diagnoseBytes(bytes, options), 'connection-flood').length;
  expect(await run({})).toBe(1);
  for (const role of ['proxy', 'balancer', 'nat', 'monitor', 'health-checker'] as const)
    expect(await run(named('192.0.2.7', role))).toBe(0);
  expect(await run(named('192.0.2.7', 'scanner'))).toBe(1);
});

test('port-scan: the sweep of a named monitor, balancer or scanner is known', async () => {
  const run = async (options: AnalysisOptions): Promise<number> =>
    findingsOf(await diagnoseFixture('portscan_syn.pcap', options), 'port-scan').length;
  const [finding] = findingsOf(await diagnoseFixture('portscan_syn.pcap'), 'port-scan');
  const scanner = finding!.atFault!;
  for (const role of ['monitor', 'balancer', 'health-checker', 'scanner'] as const) expect(await run(named(scanner, role))).toBe(0);
  expect(await run(named(scanner, 'proxy'))).toBe(1); // one of its clients scans
});

test('no-connection-reuse: many clients behind a named proxy need not share a connection', async () => {
  const bytes = captureOf(connections(200, (i) => wholeConnection(i * 0.04)));
  const set = { 'no-connection-reuse.minConnections': 200 };
  const run = async (options: AnalysisOptions): Promise<number> =>
    findingsOf(await diagnoseBytes(bytes, { ...options, set }), 'no-connection-reuse').length;
  expect([await run({}), await run(named('10.0.0.1', 'proxy')), await run(named('10.0.0.1', 'monitor'))]).toEqual([1, 0, 0]);
});

describe('health-check-rst', () => {
  const check = (at: number): string => `${handshake(at)}\n+.0001 > R. 1:1(0) ack 1`;
  const run = async (bytes: Uint8Array, options: AnalysisOptions): Promise<readonly Finding[]> =>
    findingsOf(await diagnoseBytes(bytes, options), 'health-check-rst');

  test('a named checker needs no fixed period, and says that it is one', async () => {
    const moments = [0, 0.4, 3, 3.3, 9, 9.1, 11, 17, 17.2, 30];
    const bytes = captureOf(connections(10, (i) => check(moments[i]!)));
    expect(await run(bytes, {})).toEqual([]);
    const [finding] = await run(bytes, named('10.0.0.1', 'health-checker'));
    expect(finding).toMatchObject({ count: 10, confidence: 'high' });
    expect(finding!.summary).toContain('The configuration names it a host that checks health');
  });

  test('named checkers are not counted among sources that are too many', async () => {
    const many = Array.from({ length: 10 }, (_, source) =>
      connections(
        6,
        (i) => check(i * 2 + source * 0.05),
        () => ({ clientIp: `10.0.1.${String(source + 1)}` }),
      ),
    );
    expect(await run(captureOf(...many), {})).toEqual([]);
    expect(await run(captureOf(...many), named('10.0.1.0/24', 'balancer'))).toHaveLength(10);
    expect(await run(captureOf(...many), named('10.0.1.1', 'balancer'))).toHaveLength(1); // nine strangers are still too many
  });
});

test('idle-timeout-pattern says what the end that closes is', async () => {
  const idle = (at: number): string => `${handshake(at)}
  +.001 > P. 1:11(10) ack 1
  +.001 < P. 1:21(20) ack 11
  +30   < F. 21:21(0) ack 11
  +.001 > F. 11:11(0) ack 22
  +.001 < .  22:22(0) ack 12`;
  const bytes = captureOf(connections(4, (i) => idle(i * 7)));
  const [finding] = findingsOf(await diagnoseBytes(bytes, named('10.0.0.2', 'balancer')), 'idle-timeout-pattern');
  expect(finding!.summary).toMatch(/^10\.0\.0\.2:80, which the configuration names a balancer, closed 4 of the 4 connections/);
});
