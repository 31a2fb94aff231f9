/** The manual page, read by mandoc where that is installed: nothing in it is to be complained of, and it has every command and option. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { EXAMPLES } from '../../src/commands/examples.ts';

const page = fileURLToPath(new URL('../../docs/tcpdiag.1', import.meta.url));
const mandoc = (...words: string[]): ReturnType<typeof spawnSync> => spawnSync('mandoc', words, { encoding: 'utf8' });
const installed = mandoc('-T', 'lint', '/dev/null').error === undefined;

describe.skipIf(!installed)(`mandoc${installed ? '' : ' is not installed here, so it is not asked'}`, () => {
  test('has nothing to say against the page, not even of its style', () => {
    const { status, stdout } = mandoc('-T', 'lint', '-W', 'style', page);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  });

  test('prints every example as it is to be typed', () => {
    const { stdout } = mandoc('-T', 'utf8', '-O', 'width=200', page);
    const text = String(stdout).replace(/.\u0008/g, '');
    const lines = Object.values(EXAMPLES).flatMap((examples) => examples.map(([line]) => line));
    expect(lines.filter((line) => !text.includes(`  ${line}\n`))).toEqual([]);
  });
});
