/** Builds the demo exactly as `npm run build:js` builds the program, so that a trap of bundling Ink shows here. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Path of the built demo. */
export function buildDemo(): string {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  const outdir = mkdtempSync(join(tmpdir(), 'tcpdiag-demo-'));
  const command = scripts['build:js']!.replace(
    /^esbuild .*? --bundle/,
    `esbuild test/tui/demo.ts --bundle --out-extension:.js=.mjs`,
  ).replace('--outdir=dist', `--outdir=${outdir}`);
  execFileSync('sh', ['-c', command], {
    cwd: root,
    env: { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH ?? ''}` },
    stdio: 'inherit',
  });
  return join(outdir, 'demo.mjs');
}
