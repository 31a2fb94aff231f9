import { expect, test } from 'vitest';
import { linkTypeName } from '../../src/capture/link-types.ts';

test('link types have the names of the registry, or their number', () => {
  // https://www.tcpdump.org/linktypes.html
  const names = {
    0: 'NULL',
    1: 'ETHERNET',
    9: 'PPP',
    101: 'RAW',
    108: 'LOOP',
    113: 'LINUX_SLL',
    127: 'IEEE802_11_RADIOTAP',
    228: 'IPV4',
    229: 'IPV6',
    276: 'LINUX_SLL2',
  };
  for (const [number, name] of Object.entries(names)) expect(linkTypeName(Number(number))).toBe(name);
  expect(linkTypeName(64_000)).toBe('LINKTYPE_64000');
});
