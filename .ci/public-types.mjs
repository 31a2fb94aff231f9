// Takes the declarations out of dist/types that nothing in index.d.ts leads to: what is not promised need not be shipped.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

const TYPES = 'dist/types';
const promised = new Set();
const open = [join(TYPES, 'index.d.ts')];
for (let file; (file = open.pop()) !== undefined; ) {
  if (promised.has(file)) continue;
  promised.add(file);
  for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:\bfrom\s*|\bimport\()\s*['"](\.[^'"]+)\.tsx?['"]/g)) {
    open.push(join(dirname(file), `${path}.d.ts`));
  }
}
for (const name of readdirSync(TYPES, { recursive: true, encoding: 'utf8' })) {
  const file = join(TYPES, name);
  if (file.endsWith('.d.ts') && !promised.has(file)) rmSync(file);
}
