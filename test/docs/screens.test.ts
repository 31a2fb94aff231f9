/** docs/tui.md shows the screens that there are. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { EVERY_SCREEN } from '../tui/every-screen.ts';
import { eachScreen, openIncident, shotsIn } from './screens.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const cli = `${root}dist/cli.js`;

// Needs the built program (`npm run build`).
test.skipIf(!existsSync(cli))('docs/tui.md has every screen, where the program has it: npm run docs:tui', async () => {
  const documented = shotsIn(readFileSync(`${root}docs/tui.md`, 'utf8'));
  expect([...documented.keys()]).toEqual(EVERY_SCREEN.map(({ name }) => name));
  const t = await openIncident(cli);
  await eachScreen(t, async ({ name, shows }) => {
    const text = documented.get(name) ?? '';
    expect(text).toMatch(shows);
    // The same place, by its breadcrumbs, and of the same height.
    const [place] = text.split('\n');
    await t.until((screen) => screen.split('\n')[0]?.trimEnd() === place && screen.split('\n').length === text.split('\n').length);
  });
  t.type('q');
  await t.exit();
});
