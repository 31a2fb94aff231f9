/** A rule's own documentation as sections, in the order in which an engineer asks. */
import type { Detector } from '../detect/detector.ts';
import { UsageError } from '../model/errors.ts';
import { sanitise } from '../model/sanitise.ts';
import type { Explanation } from './protocol.ts';

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
    { heading: 'References', text: docs.references.join('\n') },
  ];
  return { rule, title: detector.title, sections: sections.filter(({ text }) => text !== '') };
}
