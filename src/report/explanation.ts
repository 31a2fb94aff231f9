/** `explain`: everything a rule says about itself, on a page. */
import type { Detector } from '../detect/detector.ts';
import { hang, paint, textWidth, wrap, type Page } from './layout.ts';

export function* explanationText(rule: Detector, page: Page): Generator<string> {
  const width = textWidth(page.width);
  yield `${paint(page, rule.id, 'bold')}: ${rule.title}\n`;
  yield `usually ${rule.severity}, category ${rule.category}\n`;
  const sections: readonly (readonly [string, string])[] = [
    ['What it looks for', rule.docs.what],
    ['Why it matters', rule.docs.why],
    ['How it decides', rule.docs.how],
    ['When it stays silent', rule.docs.never],
    ['What it cannot know', rule.docs.limits],
  ];
  for (const [heading, text] of sections) if (text !== '') yield `\n${paint(page, heading, 'bold')}\n${paragraphs(text, width)}`;

  const params = Object.entries(rule.params);
  if (params.length > 0) yield `\n${paint(page, 'Parameters', 'bold')}\n`;
  for (const [name, p] of params) {
    yield `${hang('  ', `--set ${rule.id}.${name}=${String(p.default)}`, width).join('\n')}\n${hang('      ', p.text, width).join('\n')}\n`;
  }
  if (rule.docs.references.length > 0) yield `\n${paint(page, 'References', 'bold')}\n`;
  for (const reference of rule.docs.references) yield `${hang('  - ', reference, width).join('\n')}\n`;
}

/** Each line of the rule's text is a paragraph or a list item of its own. */
const paragraphs = (text: string, width: number): string =>
  text
    .trim()
    .split('\n')
    .flatMap((line) => wrap(line.trim(), width - 2).map((l) => (l === '' ? '' : `  ${l}`)))
    .map((l) => `${l}\n`)
    .join('');
