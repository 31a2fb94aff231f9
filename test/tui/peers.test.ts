/** Hosts and services of a real incident: the counts are those of the rows, and each row leads to its connections. */
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Session } from '../../src/engine/protocol.ts';
import { localSession } from '../../src/engine/session.ts';
import { answering, openScreen, type Screen } from './screen.ts';

let session: Session;
let answered: () => Promise<unknown>;
let screen: Screen;
beforeAll(async () => {
  const path = fileURLToPath(new URL('../../fixtures/incident.pcap', import.meta.url));
  ({ session, answered } = answering(localSession([path], { services: { '10.87.55.185:3306': 'orders' } })));
  await session.done;
});
afterAll(() => session.close());
afterEach(() => screen.close());

async function type(keys: string): Promise<void> {
  for (const key of keys) {
    await screen.type(key);
    await answered();
    await screen.settle();
  }
}
async function open(keys: string, columns = 140): Promise<void> {
  screen = await openScreen(session, { columns, rows: 40 });
  await type(keys);
}
const rowWith = (text: string): string => screen.text().split('\n').find((row) => row.includes(text)) ?? ''; // prettier-ignore

test('clients and services, by connections: the flood is one row, and real clients stand beside it', async () => {
  await open('v');
  expect(screen.row(0)).toContain('Findings › Hosts and services');
  expect(screen.row(4)).toMatch(/^▸ 670 clients, 1 each +10\.87\.55\.161:6379 +670 +670 /);
  // fixtures/incident.kernel.json: 16 connections of 10.87.55.40 stuck in CLOSE_WAIT, their server in FIN_WAIT_2.
  expect(rowWith('10.87.55.185:3306')).toMatch(/10\.87\.55\.40 +10\.87\.55\.185:3306 +16 +16 .*16 +16/);
  expect(rowWith('10.87.55.185:3306')).toContain('orders');
});

test('Tab goes to services and hosts, s and S sort', async () => {
  await open('v\t');
  expect(rowWith('10.87.55.161:6379')).toMatch(/ 779 .* 129 +3 /); // half open and established, as the kernel says
  await type('\t');
  expect(rowWith('10.87.55.102')).toMatch(/10\.87\.55\.102 +27 .* 23/); // in TIME_WAIT, as the kernel says
  expect(screen.row(3)).toContain('▼CONNS');
  await type('s');
  expect(screen.row(3)).toContain('▼TROUBLE');
  await type('S');
  expect(screen.row(3)).toContain('▲TROUBLE');
});

test('a filter, and from a row to its connections', async () => {
  await open('v/3306\r');
  expect(screen.row(1)).toContain('row 1/1');
  await type('\r');
  expect(screen.row(1)).toContain('row 1/16');
  expect(screen.text()).toContain('client.ip:10.87.55.40 server.ip:10.87.55.185 server.port:3306');
  expect(screen.text()).toContain('CLOSE_WAIT');
});

test('80 columns keep who, how many, and what is stuck', async () => {
  await open('v', 80);
  expect(screen.row(3)).toMatch(/CLIENT +SERVICE +▼CONNS +TROUBLE +CLOSE-WAIT/);
});
