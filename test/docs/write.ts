/** `npm run docs`: writes the documents that are made from the program. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { pages } from './pages.ts';

const root = `${process.cwd()}/`;
for (const [path, text] of await pages(root)) {
  mkdirSync(dirname(root + path), { recursive: true });
  writeFileSync(root + path, text);
}
