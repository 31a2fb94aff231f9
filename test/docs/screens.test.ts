/** docs/tui.md shows the screens as they are. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { EVERY_SCREEN } from '../tui/every-screen.ts';
import { eachScreen, openIncident, shot, shotsIn } from './screens.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const cli = `${root}dist/cli.js`;

// Needs the built program (`npm run build`).
test.skipIf(!existsSync(cli))('the screens in docs/tui.md are up to date: npm run docs:tui', async () => {
  const documented = shotsIn(readFileSync(`${root}docs/tui.md`, 'utf8'));
  expect([...documented.keys()]).toEqual(EVERY_SCREEN.map(({ name }) => name));
  const t = await openIncident(cli);
  await eachScreen(t, async ({ name }) => {
    await t.until(() => shot(t) === documented.get(name));
  });
  t.type('q');
  await t.exit();
});
