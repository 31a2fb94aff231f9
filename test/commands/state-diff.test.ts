/** `states --diff`: sockets of the capture beside those of ss. What ss says is from the kernel's own samples beside the fixtures. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { parseSs } from '../../src/commands/ss-text.ts';
import { DETECTORS } from '../../src/detect/index.ts';
import { analyse } from '../../src/engine/analyse.ts';
import type { SocketDiffRow } from '../../src/model/report.ts';
import { SS_NAMES, STATE_NAMES } from '../../src/model/state.ts';
import { tcpdiag, type Seen } from '../support/fake-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'tcpdiag-diff-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));

interface Sample {
  readonly time: number;
  readonly side: string;
  readonly sockets?: readonly (readonly [local: string, remote: string, state: string])[];
}

interface Kernel {
  readonly captureStop: number;
  readonly samples: readonly Sample[];
}

/** The last list of that side, as ss prints it, and when it was taken. */
function ssOf(name: string, side: string): { readonly at: readonly string[]; readonly lines: readonly string[] } {
  const kernel = JSON.parse(readFileSync(fixture(`${name}.kernel.json`), 'utf8')) as Kernel;
  const { samples, captureStop } = kernel;
  const last = samples.findLast((s) => s.side === side && (s.sockets?.length ?? 0) > 0)!;
  const spelled = (state: string): string => SS_NAMES[STATE_NAMES.findIndex((n) => n === state)]!;
  return {
    at: ['--at', last.time.toFixed(6), '--captured-until', captureStop.toFixed(6)],
    lines: last.sockets!.map(([local, remote, state]) => `${spelled(state)} 0 0 ${local} ${remote}`),
  };
}

async function diffed(
  name: string,
  lines: readonly string[],
  ...more: readonly string[]
): Promise<Seen & { readonly rows: readonly SocketDiffRow[] }> {
  const file = join(folder, 'ss.txt');
  writeFileSync(file, `${HEADER}\n${lines.join('\n')}\n`);
  const seen = await tcpdiag(['states', fixture(name), '--diff', file, ...more], { analyse, rules: () => Promise.resolve(DETECTORS) });
  const rows = more.includes('--json')
    ? seen.out.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as SocketDiffRow]))
    : [];
  return { ...seen, rows };
}

const HEADER = 'State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process';

describe('against the kernel', () => {
  test.each([
    ['close_wait_leak', 'client'],
    ['close_wait_leak', 'server'],
    ['close_wait_leak_server', 'server'],
    ['zero_window', 'server'],
    ['tcp_fast_open', 'server'],
  ])('%s, the %s: the same', async (name, side) => {
    const { at, lines } = ssOf(name, side);
    const { exitCode, out, err } = await diffed(`${name}.pcap`, lines, ...at);
    expect({ exitCode, out, err }).toEqual({
      exitCode: 0,
      out: expect.stringMatching(/^\d+ sockets? (is|are) the same in ss and in the capture\.\n$/) as string,
      err: '',
    });
  });
});

describe('differences', () => {
  const { at, lines } = ssOf('close_wait_leak', 'client');
  const first = lines.findIndex((line) => line.startsWith('CLOSE-WAIT'));

  test('a socket in another state, one that ss does not have, and one of which the capture knows nothing', async () => {
    const changed = [...lines.filter((_, i) => i !== first + 1), 'ESTAB 0 0 192.168.58.216:22 10.9.9.9:51000'];
    changed[first] = lines[first]!.replace('CLOSE-WAIT', 'ESTAB');
    const { rows } = await diffed('close_wait_leak.pcap', changed, ...at, '--json');
    expect(rows.filter((r) => r.verdict !== 'agrees').map(({ verdict, ss, capture }) => [verdict, ss, capture])).toEqual([
      ['differs', 'ESTABLISHED', 'CLOSE_WAIT'],
      ['only-capture', null, 'CLOSE_WAIT'],
      ['only-ss', 'ESTABLISHED', null],
    ]);
  });

  test.each([
    [0, 'without --fail-on', []],
    [1, 'with it', ['--fail-on', 'critical']],
    [1, 'with it, of whatever severity', ['--fail-on', 'info']],
  ])('exit status %s %s', async (status, _, flags) => {
    const changed = [...lines];
    changed[first] = lines[first]!.replace('CLOSE-WAIT', 'ESTAB');
    // A rule that finds nothing there, so that the status can only be of the difference.
    const quiet = ['--only', 'land-attack', ...flags];
    expect((await diffed('close_wait_leak.pcap', changed, ...at, ...quiet)).exitCode).toBe(status);
    expect((await diffed('close_wait_leak.pcap', lines, ...at, ...quiet)).exitCode).toBe(0);
  });

  test('a socket of which the capture knows nothing is told, and is no difference', async () => {
    const more = [...lines, 'ESTAB 0 0 192.168.58.216:22 10.9.9.9:51000'];
    const { exitCode, out } = await diffed('close_wait_leak.pcap', more, ...at, '--only', 'land-attack', '--fail-on', 'info');
    expect([exitCode, out]).toEqual([0, expect.stringMatching(/0 differ, 0 only in the capture, 1 only in ss\.\n$/)]);
  });

  test('a socket that the capture saw closed', async () => {
    const closed = 'ESTAB 0 0 192.168.58.119:3306 192.168.58.216:54400';
    const { rows } = await diffed('close_wait_leak.pcap', [closed], '--captured-until', '+600', '--json', '--host', '192.168.58.119');
    expect(rows.find((r) => r.verdict === 'differs')).toMatchObject({ ss: 'ESTABLISHED', capture: 'CLOSED' });
  });
});

describe('what ss prints', () => {
  test.each([
    ['ESTAB 0 0 10.0.0.1:54200 10.0.0.9:3306', ['10.0.0.1:54200', '10.0.0.9:3306', 'ESTABLISHED']],
    ['ESTAB      0      0      10.0.0.1%eth0:54200      10.0.0.9:3306', ['10.0.0.1:54200', '10.0.0.9:3306', 'ESTABLISHED']],
    ['tcp   TIME-WAIT 0 0 10.0.0.1:1 10.0.0.9:2 timer:(timewait,54sec,0)', ['10.0.0.1:1', '10.0.0.9:2', 'TIME_WAIT']],
    [
      'CLOSE-WAIT 1 0 [2001:DB8::1]:443 [2001:db8::2]:50000 users:(("nginx",pid=7,fd=9))',
      ['[2001:db8::1]:443', '[2001:db8::2]:50000', 'CLOSE_WAIT'],
    ],
    ['SYN-RECV 0 0 [::ffff:10.0.0.1]:80 [::ffff:10.0.0.2]:50000', ['10.0.0.1:80', '10.0.0.2:50000', 'SYN_RCVD']],
    ['FIN-WAIT-2 0 0 [fe80::1]%eth0:80 [fe80::2]:50000 ino:1 sk:2 -->', ['[fe80::1]:80', '[fe80::2]:50000', 'FIN_WAIT_2']],
    ['LAST-ACK 0 1 [fe80::1%eth0]:80 [fe80::2]:50000', ['[fe80::1]:80', '[fe80::2]:50000', 'LAST_ACK']],
  ])('%s', (line, [local, remote, state]) => {
    expect(parseSs(line).sockets).toMatchObject([{ local, remote, state }]);
  });

  test('headers, listeners, other protocols and details are no sockets of a connection, and nothing odd', () => {
    const text = [
      HEADER,
      'Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port',
      'LISTEN 0 128 0.0.0.0:22 0.0.0.0:*',
      'LISTEN 0 128 *:80 *:*',
      'udp UNCONN 0 0 127.0.0.1:53 0.0.0.0:*',
      '\t cubic wscale:7,7 rto:204',
      '',
    ];
    expect(parseSs(text.join('\r\n'))).toEqual({ sockets: [], unread: 0, firstUnread: null });
  });

  test('a line without ports as numbers is counted', () => {
    expect(parseSs('ESTAB 0 0 10.0.0.1:ssh 10.0.0.9:50000')).toMatchObject({ sockets: [], unread: 1 });
  });
});

test.each([
  [
    'a list of another host',
    ['ESTAB 0 0 10.77.0.1:22 10.77.0.2:50000'],
    /no connection of the capture has an end at the address of this list \(10\.77\.0\.1\)/,
  ],
  ['no list at all', ['total 12', 'drwxr-xr-x 2 root root 4096 .'], /is not what ss -tan prints: "total 12"/],
])('%s is refused', async (_, lines, sentence) => {
  const { exitCode, err } = await diffed('close_wait_leak.pcap', lines);
  expect([exitCode, err]).toEqual([2, expect.stringMatching(sentence)]);
});

test('a file that is not there, and two questions at once', async () => {
  const { err } = await tcpdiag(['states', fixture('zero_window.pcap'), '--diff', join(folder, 'nosuch')], { analyse });
  expect(err).toMatch(/cannot read ".*nosuch": there is no such file\./);
  expect((await diffed('zero_window.pcap', [], '--every', '1s')).err).toContain('use one of them');
});
