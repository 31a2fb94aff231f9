/** `correlate` as typed. What it finds: test/engine/correlate.test.ts. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { analyse } from '../../src/engine/analyse.ts';
import { tcpdiag } from '../support/fake-world.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
const [CLIENT, SERVER] = [fixture('two_points_reset.client.pcap'), fixture('two_points_reset.server.pcap')];

test('says in one sentence who is to blame, and proves it with frames of both captures', async () => {
  const { exitCode, out } = await tcpdiag(['correlate', CLIENT, SERVER], { analyse });
  expect(exitCode).toBe(0);
  expect(out).toMatch(/^Something on the path ends connections: RSTs arrive that nobody sent, /);
  expect(out).toContain('At fault: path\n');
  expect(out).toMatch(/frame 25 of the server's capture, [\d:.]+: arrived, never sent: RST/);
  expect(out).toMatch(/frame 24 of the client's capture, [\d:.]+: arrived, never sent: RST/);
});

test('as JSON', async () => {
  const { out } = await tcpdiag(['correlate', CLIENT, SERVER, '--json'], { analyse });
  expect(JSON.parse(out)).toMatchObject({ schemaVersion: 1, connections: { matched: 5 }, verdict: { atFault: 'path' } });
});

test.each([[[]], [[CLIENT]], [[CLIENT, SERVER, CLIENT]]])('%j: two captures are needed', async (words) => {
  const { exitCode, err } = await tcpdiag(['correlate', ...words], { analyse });
  expect([exitCode, err]).toEqual([2, expect.stringContaining('two captures')]);
});
