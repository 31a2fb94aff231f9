/**
 * A rule's own documentation as sections, in the order in which an engineer asks, and what it said of a capture of ours: an example with its
 * causes and remedies. The examples are made with the pages of docs/rules (`npm run docs`), and loaded where one is asked for.
 */
import type { Detector } from '../detect/detector.ts';
import { UsageError } from '../model/errors.ts';
import { sanitise } from '../model/sanitise.ts';
import type { Explanation } from './protocol.ts';

/** The weightiest finding of a rule in `fixtures/`. */
export interface RuleExample {
  readonly fixture: string;
  readonly severity: string;
  readonly title: string;
  readonly summary: string;
  readonly causes: readonly { readonly text: string; readonly likelihood: string; readonly because: string }[];
  readonly remedies: readonly { readonly text: string; readonly command: string | null; readonly appliesTo: string }[];
}

/** A line of a section that begins so is a command, to be copied as it is. */
export const COMMAND_MARK = '$ ';

export async function explainWithExample(detectors: readonly Detector[], rule: string): Promise<Explanation> {
  const explanation = explain(detectors, rule);
  const { default: examples } = await import('./rule-examples.json', { with: { type: 'json' } });
  const all: Readonly<Record<string, RuleExample>> = examples;
  const example = Object.hasOwn(all, rule) ? all[rule] : undefined;
  if (example === undefined) return explanation;
  const before = explanation.sections.filter(({ heading }) => heading !== REFERENCES);
  const after = explanation.sections.filter(({ heading }) => heading === REFERENCES);
  return { ...explanation, sections: [...before, ...exampleSections(example), ...after] };
}

function exampleSections({ fixture, severity, title, summary, causes, remedies }: RuleExample): Explanation['sections'] {
  const cause = ({ text, likelihood, because }: RuleExample['causes'][number]): string => `${text} (${likelihood}: ${because})`;
  const remedy = ({ text, command, appliesTo }: RuleExample['remedies'][number]): string =>
    `${text}${appliesTo === '' ? '' : ` (${appliesTo})`}${command === null ? '' : `\n${COMMAND_MARK}${command.replaceAll('\n', `\n${COMMAND_MARK}`)}`}`;
  const sections = [
    { heading: `Example: ${fixture}`, text: `${title} (${severity})\n${summary}` },
    { heading: 'Causes that it names there', text: causes.map(cause).join('\n') },
    { heading: 'What it says to do there', text: remedies.map(remedy).join('\n') },
  ];
  return sections.filter(({ text }) => text !== '');
}

const REFERENCES = 'References';

export function explain(detectors: readonly Detector[], rule: string): Explanation {
  const detector = detectors.find(({ id }) => id === rule);
  if (!detector) throw new UsageError(`there is no rule "${sanitise(rule, 100)}"`);
  const { docs, params } = detector;
  const parameters = Object.entries(params).map(([name, { default: value, text }]) => `${name} = ${String(value)}: ${text}`);
  const sections = [
    { heading: 'What', text: docs.what },
    { heading: 'Why it matters', text: docs.why },
    { heading: 'How it is decided', text: docs.how },
    { heading: 'When it stays silent', text: docs.never },
    { heading: 'What it cannot know', text: docs.limits },
    { heading: 'Parameters', text: parameters.join('\n') },
    { heading: REFERENCES, text: docs.references.join('\n') },
  ];
  return { rule, title: detector.title, sections: sections.filter(({ text }) => text !== '') };
}
