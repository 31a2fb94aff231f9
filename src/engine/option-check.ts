/** Do the options of an analysis name rules, parameters, fields and kernels that exist? Asked before a byte of the capture is read. */
import type { Detector } from '../detect/detector.ts';
import { UsageError } from '../model/errors.ts';
import { didYouMean } from '../model/nearest.ts';
import { sanitise } from '../model/sanitise.ts';
import { parseWhere } from '../model/where/parse.ts';
import { parseHostProfiles } from '../track/host-profiles.ts';
import type { AnalysisOptions } from './analysis.ts';

/** For callers that no compiler and no command line stops. @throws UsageError with the nearest word that exists */
export function checkOptions(options: AnalysisOptions, rules: readonly Detector[]): void {
  const ids = rules.map(({ id }) => id);
  for (const id of [...(options.only ?? []), ...(options.skip ?? [])]) ruleNamed(id, rules);
  for (const [name, value] of Object.entries(options.set ?? {})) checkSetting(name, value, rules);
  if (options.where !== undefined) parseWhere(options.where, ids);
  parseHostProfiles(options.profile);
  const { count } = options;
  if (count !== undefined && !(Number.isSafeInteger(count) && count > 0)) throw new UsageError('count is a number of packets from 1 on');
  for (const key of ['from', 'to', 'capturedUntil'] as const) {
    if (options[key] !== undefined && typeof options[key] !== 'object')
      throw new UsageError(`${key} is no time`, { hint: "parseTimeArgument('+12.5') makes one." });
  }
}

export function ruleNamed(id: string, rules: readonly Detector[]): Detector {
  const rule = rules.find((r) => r.id === id);
  if (rule !== undefined) return rule;
  const near = didYouMean(
    id,
    rules.map((r) => r.id),
  );
  throw new UsageError(`there is no rule ${quoted(id)}${near === '' ? '; tcpdiag rules lists them.' : near}`);
}

/** @param name `rule.parameter` */
export function checkSetting(name: string, value: unknown, rules: readonly Detector[]): void {
  const [, id = '', param = ''] = /^([^.=]+)\.([^.=]+)$/.exec(name) ?? [];
  if (param === '') throw new UsageError(`${quoted(name)} is not RULE.PARAM, as in close-wait-stuck.minSeconds.`);
  const rule = ruleNamed(id, rules);
  const params = Object.keys(rule.params);
  if (!params.includes(param)) {
    const known = params.length === 0 ? 'it has none' : `it has ${params.join(', ')}`;
    const near = didYouMean(param, params);
    throw new UsageError(`the rule ${rule.id} has no parameter ${quoted(param)}${near === '' ? `; ${known}.` : near}`);
  }
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new UsageError(`${name} takes a number, not ${quoted(String(value))}.`);
  // Thresholds are counts, times, shares and scores; below 0 each is one that everything passes.
  if (value < 0) throw new UsageError(`${name} takes a number from 0 on, not ${quoted(String(value))}.`);
}

const quoted = (word: string): string => `"${sanitise(word, 200)}"`;
