/** Builds the demo exactly as `npm run build:js` builds the program, so that a trap of bundling Ink shows here. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Path of the built demo. */
export function buildDemo(): string {
  const outdir = mkdtempSync(join(tmpdir(), 'tcpdiag-demo-'));
  execFileSync(process.execPath, ['.ci/bundle.mjs', outdir, 'test/tui/demo.ts'], { cwd: root, stdio: 'inherit' });
  return join(outdir, 'demo.mjs');
}
