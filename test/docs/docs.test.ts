/** Documents that are made from the program say what it says. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { pages } from './pages.ts';

const root = new URL('../../', import.meta.url).pathname;
/** Beside the pages that are made. */
const BY_HAND = ['field-notes.md'];

test(
  'the pages of the rules, the formats and the schema of the configuration are up to date: npm run docs',
  { timeout: 120_000 },
  async () => {
    const made = await pages(root);
    const stale = [...made].filter(([path, text]) => read(path) !== text).map(([path]) => path);
    expect(stale).toEqual([]);
    const there = readdirSync(`${root}docs/rules`).filter((name) => !BY_HAND.includes(name));
    expect(there.map((name) => `docs/rules/${name}`).filter((path) => !made.has(path))).toEqual([]);
  },
);

function read(path: string): string | null {
  try {
    return readFileSync(root + path, 'utf8');
  } catch {
    return null;
  }
}
