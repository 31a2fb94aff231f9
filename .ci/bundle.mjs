/**
 * The built program: `bundle.mjs FOLDER` writes its modules, `bundle.mjs FOLDER SOURCE...` what else is to run as fast.
 *
 * By a bundler that leaves a module's constants constant. What a `const` holds, V8 puts into the code that it makes; a `var`, which others make
 * of it, and a binding of another chunk it reads again each time, and a quarter of the time of each packet went into that. For the same reason
 * all that an analysis needs is one chunk.
 */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { rolldown } from 'rolldown';

const noDevtools = resolve('src/tui/no-devtools.ts');

const [folder, ...sources] = process.argv.slice(2);
const ofProgram = {
  cli: 'src/cli.ts',
  index: 'src/index.ts',
  worker: 'src/engine/worker.ts',
  unpacker: 'src/capture/unpack/unpacker.ts',
  'cross-reader': 'src/commands/cross-reader.ts',
};
const isProgram = sources.length === 0;
const extension = isProgram ? 'js' : 'mjs';

const made = await rolldown({
  input: isProgram ? ofProgram : sources,
  platform: 'node',
  resolve: { alias: { 'react-devtools-core': noDevtools, ws: noDevtools } },
  transform: { target: 'node20.19', define: { 'process.env.NODE_ENV': '"production"' } },
});
const { output } = await made.write({
  dir: folder,
  format: 'esm',
  entryFileNames: `[name].${extension}`,
  chunkFileNames: `chunks/[name]-[hash].${extension}`,
  sourcemap: isProgram,
  comments: { legal: true, annotation: false, jsdoc: false },
  codeSplitting: { groups: [{ name: 'analysis', test: /src.engine.analyse\.ts$/ }] },
});

/**
 * One character that is not ASCII, and V8 keeps all of a chunk in two octets for each: it takes a third longer to be read. A module's strings and
 * regular expressions know the same by its number; there are none in tagged templates or names.
 */
const inAscii = (code) => code.replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/**
 * What a module exports, V8 reads anew in the module itself as well. So constants get a second name for others, and stay constants under the first.
 * Nothing exported changes afterwards: there is no `export let`.
 */
const exportedByCopy = (code) =>
  code.replace(/^export \{ (.+) \};$/m, (_, list) => {
    const names = list.split(', ').map((name) => name.split(' as '));
    const copies = names.map(([name, outside = name]) => ({ name, outside, copy: `${name}$outside` }));
    return `const ${copies.map(({ name, copy }) => `${copy} = ${name}`).join(', ')}; export { ${copies.map(({ copy, outside }) => `${copy} as ${outside}`).join(', ')} };`;
  });

for (const { fileName, name, type } of output) {
  if (type !== 'chunk') continue;
  const path = join(folder, fileName);
  const code = inAscii(await readFile(path, 'utf8'));
  await writeFile(path, name === 'analysis' ? exportedByCopy(code) : code);
}
// npm makes what it installs executable, but not again what is built afterwards: a first `npx tcpdiag` that was interrupted left it so for ever.
if (isProgram) await chmod(join(folder, 'cli.js'), 0o755);
