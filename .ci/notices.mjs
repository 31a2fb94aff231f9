// dist/THIRD-PARTY-NOTICES.txt: the licences of the packages whose code is in the built program, which their terms want to go with it.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const byText = new Map();
for (const [folder, { version, license, dev, optional }] of Object.entries(packages)) {
  if (folder === '' || dev === true || optional === true) continue;
  const name = `${folder.replace(/^.*node_modules\//, '')} ${version} (${license})`;
  const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)(\.|$)/i.test(entry));
  const text = file === undefined ? 'The package comes without the text of its licence.' : readFileSync(join(folder, file), 'utf8').trim();
  byText.set(text, [...(byText.get(text) ?? []), name]);
}
const parts = [...byText].map(([text, names]) => `${names.join('\n')}\n\n${text}\n`);
writeFileSync('dist/THIRD-PARTY-NOTICES.txt', `The program contains code of these packages.\n\n${parts.join(`\n${'-'.repeat(80)}\n\n`)}`);
