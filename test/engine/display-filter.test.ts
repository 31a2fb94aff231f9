/** The filter that a finding gives to Wireshark must show every connection of the finding. */
import { describe, expect, test } from 'vitest';
import { diagnoseBytes, findingsOf } from '../support/diagnose.ts';
import { captureOf, connections } from '../support/traffic.ts';

/** Connections that were open when the capture began, which are findings about no host in particular. */
const midStream = async (serverIp: (i: number) => string): Promise<string> => {
  const frames = connections(
    3,
    () => '+0 > P. 1:11(10) ack 1\n+.01 < P. 1:11(10) ack 11',
    (i) => ({ serverIp: serverIp(i) }),
  );
  return findingsOf(await diagnoseBytes(captureOf(frames)), 'mid-stream')[0]!.displayFilter;
};

describe('of a finding that names no host', () => {
  test('names the two hosts of all its connections', async () => {
    expect(await midStream(() => '10.0.0.2')).toBe('ip.addr==10.0.0.1 && ip.addr==10.0.0.2 && tcp.port in {40000,40002,40004}');
  });

  test('names no host where there are more than two', async () => {
    expect(await midStream((i) => `10.0.0.${2 + i}`)).toBe('tcp.port in {40000,40002,40004}');
  });
});
