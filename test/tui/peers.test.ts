/** Hosts and services of a real incident: the counts are those of the rows, and each row leads to its connections. */
import { expect, test } from 'vitest';
import { onFixture } from './on-fixture.ts';

const fixture = onFixture('incident.pcap', { services: { '10.87.55.185:3306': 'orders' } });
const { open, type, rowWith } = fixture;
const WIDE = { columns: 140, rows: 40 };

test('clients and services, by connections: the flood is one row, and real clients stand beside it', async () => {
  await open('v', WIDE);
  expect(fixture.screen.row(0)).toContain('Findings › Hosts and services');
  expect(fixture.screen.row(4)).toMatch(/^▸ 670 clients, 1 each +10\.87\.55\.161:6379 +670 +670 /);
  // fixtures/incident.kernel.json: 16 connections of 10.87.55.40 stuck in CLOSE_WAIT, their server in FIN_WAIT_2.
  expect(rowWith('10.87.55.185:3306')).toMatch(/10\.87\.55\.40 +10\.87\.55\.185:3306 +16 +16 .*16 +16/);
  expect(rowWith('10.87.55.185:3306')).toContain('orders');
});

test('Tab goes to services and hosts, s and S sort', async () => {
  await open('v\t', WIDE);
  expect(rowWith('10.87.55.161:6379')).toMatch(/ 779 .* 129 +3 /); // half open and established, as the kernel says
  await type('\t');
  expect(rowWith('10.87.55.102')).toMatch(/10\.87\.55\.102 +27 .* 23/); // in TIME_WAIT, as the kernel says
  expect(fixture.screen.row(3)).toContain('▼CONNS');
  await type('s');
  expect(fixture.screen.row(3)).toContain('▼TROUBLE');
  await type('S');
  expect(fixture.screen.row(3)).toContain('▲TROUBLE');
});

test('from a row of many clients to all connections of their service, which it says', async () => {
  await open('v\r', WIDE);
  expect(fixture.screen.row(1)).toContain('row 1/779');
  expect(fixture.screen.text()).toContain('All connections of this service, also of clients that have more than one.');
});

test('a filter, and from a row to its connections', async () => {
  await open('v/3306\r', WIDE);
  expect(fixture.screen.row(1)).toContain('row 1/1');
  await type('\r');
  expect(fixture.screen.row(1)).toContain('row 1/16');
  expect(fixture.screen.text()).toContain('client.ip:10.87.55.40 server.ip:10.87.55.185 server.port:3306');
  expect(fixture.screen.text()).toContain('CLOSE_WAIT');
});

test('80 columns keep who, how many, and what is stuck', async () => {
  await open('v', { columns: 80, rows: 40 });
  expect(fixture.screen.row(3)).toMatch(/CLIENT +SERVICE +▼CONNS +TROUBLE +CLOSE-WAIT/);
});
