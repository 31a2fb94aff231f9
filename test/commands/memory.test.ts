/** `--max-memory`: what the words mean, and what counts where nobody says. */
import { describe, expect, test } from 'vitest';
import { tcpdiag } from '../support/fake-world.ts';

const capture = new URL('../../fixtures/incident.pcap', import.meta.url).pathname;

const asked = async (argv: readonly string[], memory = Infinity): Promise<number | undefined> =>
  (await tcpdiag(['report', capture, ...argv], { memory: () => memory })).asked[0]!.options.maxMemory;

describe('--max-memory', () => {
  test.each([
    ['512M', 512 * 2 ** 20],
    ['1.5g', 1.5 * 2 ** 30],
    ['2GiB', 2 ** 31],
    ['300000K', 300_000 * 1_024],
    ['1000000000', 1e9],
  ])('%s', async (word, octets) => expect(await asked(['--max-memory', word])).toBe(octets));

  test.each(['much', '64M', '1e12', '-1G', ''])('"%s" is none', async (word) => {
    const { exitCode, out, err } = await tcpdiag(['report', capture, `--max-memory=${word}`]);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
    expect(err).toContain(`--max-memory takes a size from 128M on, as in 512M or 2G, not "${word}"`);
  });

  test('is half of what there is where nobody says, and no limit where nobody knows', async () => {
    expect(await asked([], 2 ** 34)).toBe(2 ** 33);
    expect(await asked([])).toBeUndefined();
  });
});
