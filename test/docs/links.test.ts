/** Every link between the documents leads somewhere: the file is there, and so is the heading. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';

const root = new URL('../../', import.meta.url).pathname;

const pages = ['README.md', 'CHANGELOG.md', 'fixtures/README.md', ...below('docs'), ...below('.github')];

function below(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
}

test.each(pages)('%s', (page) => {
  const broken = [...prose(page).matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => (leads(page, target) ? [] : [target]));
  expect(broken).toEqual([]);
});

function leads(page: string, target: string): boolean {
  if (/^(https?|mailto):/.test(target)) return true;
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(join(root, file))) return false;
  return anchor === undefined || !file.endsWith('.md') || anchors(file).includes(anchor);
}

/** As GitHub makes them of headings. */
const anchors = (page: string): readonly string[] =>
  [...prose(page).matchAll(/^#+ +(.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

/** Without code, in which brackets mean something else. */
const prose = (page: string): string =>
  readFileSync(join(root, page), 'utf8')
    .replace(/^```[^]*?^```/gm, '')
    .replace(/`[^`\n]*`/g, '');
