/** `--where` and `--from` for one connection and for a check. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { analyse } from '../../src/engine/analyse.ts';
import type { AnalysisOptions } from '../../src/engine/analysis.ts';
import type { ConnectionRow, Report } from '../../src/model/report.ts';
import { tcpdiag } from '../support/fake-world.ts';

const incident = fileURLToPath(new URL('../../fixtures/incident.pcap', import.meta.url));
const real = { analyse: (paths: readonly string[], options: AnalysisOptions) => analyse(paths, options) };

test('one that they select is shown', async () => {
  const { exitCode, out } = await tcpdiag(['connection', incident, '3', '--where', 'server.port:6379'], real);
  expect({ exitCode, out }).toEqual({ exitCode: 0, out: expect.stringMatching(/^Connection 3: /) as string });
});

test('another one is refused in a sentence, and a number that there is not in its own', async () => {
  const one = await tcpdiag(['connection', incident, '3', '--where', 'server.port:1'], real);
  expect(one).toMatchObject({ exitCode: 2, out: '' });
  expect(one.err).toContain('connection 3 is not among those that --where and --from select.');
  const none = await tcpdiag(['connection', incident, '99999', '--where', 'server.port:1'], real);
  expect(none.err).toContain('there is no connection 99999');
});

test('of two with the same ends, the one that they select is found', async () => {
  const { out } = await tcpdiag(['connections', incident, '--json'], real);
  const rows = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ConnectionRow);
  const { server } = rows[3]!;
  const { out: shown } = await tcpdiag(
    ['connection', incident, `${server.ip}:${server.port}`, '--where', `client.port:${rows[3]!.client.port}`],
    real,
  );
  expect(shown).toMatch(/^Connection 3: /);
});

test('a check is about the same capture, and less to believe is no doubt about it', async () => {
  const whole = JSON.parse((await tcpdiag(['check', incident, '--json'], real)).out) as Report;
  const some = JSON.parse((await tcpdiag(['check', incident, '--json', '--where', 'server.port:1'], real)).out) as Report;
  expect(some.capture.packets).toBe(whole.capture.packets);
  const { out } = await tcpdiag(['check', incident, '--where', 'server.port:1'], real);
  expect(out).not.toContain('Believe it with care: 1 thing');
  expect(out.replace(/\s+/g, ' ')).toContain('--where "server.port:1" selects 0 of 874 connections');
});
