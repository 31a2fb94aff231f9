/** A file may describe 65,536 interfaces of as many kinds: the report lists a few, and says how many it leaves out. */
import { expect, test } from 'vitest';
import { pcapngFile, section } from '../support/capture-bytes.ts';
import { diagnoseBytes } from '../support/diagnose.ts';

const described = async (count: number): Promise<{ listed: number; left: readonly number[] }> => {
  const s = section();
  const interfaces = Array.from({ length: count }, (_, i) => s.interface(i));
  const { capture } = await diagnoseBytes(pcapngFile([s.header(), ...interfaces]));
  return {
    listed: capture.files[0]!.linkTypes.length,
    left: capture.caveats.filter(({ code }) => code === 'link-types-left-out').map((c) => c.count),
  };
};

test('32 link types are listed', async () => expect(await described(32)).toEqual({ listed: 32, left: [] }));
test('and of 1,000 as many', async () => expect(await described(1_000)).toEqual({ listed: 32, left: [968] }));
