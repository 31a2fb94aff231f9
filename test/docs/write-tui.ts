/** `npm run docs:tui`: the screens in docs/tui.md and docs/screenshot.svg, from the built program in a pseudo-terminal. */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { screens } from './screens.ts';

const { page, picture } = await screens(readFileSync('docs/tui.md', 'utf8'), resolve('dist/cli.js'));
writeFileSync('docs/tui.md', page);
writeFileSync('docs/screenshot.svg', picture);
process.exit();
