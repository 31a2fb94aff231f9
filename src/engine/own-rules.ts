/**
 * Rules of the user's own: modules whose default export is one rule or a list of them, made with `defineDetector`. They see what ours
 * see, and are called with the same arguments. What is wrong with them is said before a capture is read; what they return
 * is looked at each time, and a rule that throws becomes a caveat (detect-pass.ts).
 */
import type { Detection, Detector } from '../detect/detector.ts';
import { DETECTORS } from '../detect/index.ts';
import type { CaptureView } from '../model/capture-view.ts';
import { UsageError } from '../model/errors.ts';
import { sanitise } from '../model/sanitise.ts';
import { checkDetection, checkDetector } from './rule-shape.ts';

/** @param modules URLs. Throws UsageError naming the module and the rule. */
export async function withOwnRules(modules: readonly string[] | undefined): Promise<readonly Detector[]> {
  let rules = DETECTORS;
  for (const url of modules ?? []) rules = joined(rules, await loaded(url), fileOf(url));
  return rules;
}

/** @param values rules made elsewhere; `from` says where, for errors. Throws UsageError. */
export function joined(rules: readonly Detector[], values: readonly unknown[], from: string): readonly Detector[] {
  const out = [...rules];
  values.forEach((value, i) => {
    const rule = checked(value, values.length === 1 ? '' : `rule ${String(i + 1)}: `, from);
    if (out.some(({ id }) => id === rule.id))
      throw new UsageError(`${from}: there is a rule "${rule.id}" already; give this one another id.`);
    out.push(rule);
  });
  return out;
}

function checked(value: unknown, which: string, from: string): Detector {
  try {
    checkDetector(value);
  } catch (error) {
    throw new UsageError(`${from}: ${which}${(error as Error).message}.`, { hint: 'docs/own-rules.md shows a rule in full.' });
  }
  return {
    ...value,
    detect: (capture: CaptureView, params): Detection => {
      const detection: unknown = value.detect(capture, params);
      checkDetection(detection, capture);
      return detection;
    },
  };
}

async function loaded(url: string): Promise<readonly unknown[]> {
  let module: { readonly default?: unknown };
  try {
    module = (await import(url)) as typeof module;
  } catch (error) {
    throw new UsageError(`cannot load the rules of ${fileOf(url)}: ${reasonOf(error, url)}`, {
      cause: error,
      ...(isOurName(error)
        ? { hint: 'npm install tcpdiag beside the file, or export the rule as a plain object: defineDetector only adds types.' }
        : {}),
    });
  }
  if (module.default === undefined) throw new UsageError(`${fileOf(url)} has no default export; it must be a rule or a list of rules.`);
  return Array.isArray(module.default) ? (module.default as readonly unknown[]) : [module.default];
}

const isOurName = (error: unknown): boolean => error instanceof Error && error.message.includes("Cannot find package 'tcpdiag'");

function reasonOf(error: unknown, url: string): string {
  if (!(error instanceof Error)) return sanitise(String(error), 200);
  // Node says `Cannot find module '/path' imported from …` of the file itself, too.
  if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND' && error.message.includes(`'${pathOf(url)}'`))
    return 'there is no such file.';
  return `${sanitise(`${error.name}: ${error.message.split('\n', 1)[0] ?? ''}`, 300)}.`;
}

const pathOf = (url: string): string => decodeURIComponent(new URL(url).pathname);
const fileOf = (url: string): string => `"${sanitise(pathOf(url).split('/').at(-1) ?? url)}"`;
