/** `explain`: everything a rule says about itself, on a page. */
import { hang, paint, textWidth, type Page } from './layout.ts';

export interface RulePage {
  readonly rule: string;
  readonly title: string;
  /** Its usual severity and where it belongs, in words. */
  readonly about: string;
  /** Each line of a text is a paragraph or a list item of its own; one that begins with `$ ` is a command, which is never wrapped. */
  readonly sections: readonly { readonly heading: string; readonly text: string }[];
}

export function* explanationText({ rule, title, about, sections }: RulePage, page: Page): Generator<string> {
  const width = textWidth(page.width);
  yield `${paint(page, rule, 'bold')}: ${title}\n${about}\n`;
  for (const { heading, text } of sections) {
    const lines = text
      .trim()
      .split('\n')
      .flatMap((line) => (line.startsWith('$ ') ? [`      ${line}`] : hang('  ', line.trim(), width)));
    yield `\n${paint(page, heading, 'bold')}\n${lines.map((l) => `${l.trimEnd()}\n`).join('')}`;
  }
}
