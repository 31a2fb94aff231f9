/** The user's own names of hosts and services. */
import { expect, test } from 'vitest';
import { isPort, OwnNames } from '../../src/model/names.ts';

const names = new OwnNames({
  hosts: {
    '10.0.0.0/8': { name: 'inside', role: 'nat' },
    '10.0.0.5': { name: 'edge-1' },
    '10.0.1.0/24': { role: 'proxy' },
    '2001:db8::/32': { name: 'six' },
    'no address': { name: 'nothing' },
  },
  services: { '10.0.0.9:3306': 'orders-db', '3306': 'mysql', '[2001:db8::1]:443': 'shop', 'db:1': 'nothing' },
});

test.each([
  ['10.0.0.5', 'edge-1', 'nat'], // the name of the address, the role of the network
  ['10.0.1.7', 'inside', 'proxy'],
  ['10.9.9.9', 'inside', 'nat'],
  ['2001:db8::7', 'six', null],
  ['192.0.2.1', null, null],
])('%s is %s, %s', (ip, name, role) => {
  expect([names.host(ip), names.role(ip)]).toEqual([name === null ? null : { name, origin: 'config' }, role]);
});

test.each([
  ['10.0.0.9', 3306, 'orders-db'],
  ['10.0.0.8', 3306, 'mysql'],
  ['2001:db8::1', 443, 'shop'],
  ['2001:db8::2', 443, null],
])('the service %s port %i is %s', (ip, port, name) => expect(names.service(ip, port)?.name ?? null).toBe(name));

test('ports', () => expect(['0', '65535', '65536', '-1', '80 ', ''].map(isPort)).toEqual([true, true, false, false, false, false]));
