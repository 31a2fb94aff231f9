/**
 * What `--where` and `--from` leave of an analysis: connections and findings to report. Nothing before it changes by them: ids, states,
 * counts and verdicts are those of the whole capture.
 */
import { type Clock, resolveTime } from '../model/clock.ts';
import type { ConnectionView } from '../model/connection.ts';
import type { Caveat, Finding, RuleVerdict } from '../model/finding.ts';
import { sanitise } from '../model/sanitise.ts';
import { State } from '../model/state.ts';
import type { Nanos } from '../model/units.ts';
import type { RowFacts } from '../model/where/fields.ts';
import { type ConnectionTest, matcher } from '../model/where/match.ts';
import { parseWhere, type Where } from '../model/where/parse.ts';
import { countText, plural } from '../model/wording.ts';
import type { AnalysisOptions } from './analysis.ts';
import type { Diagnosis, Placed } from './detect-pass.ts';

export interface Reported {
  readonly findings: readonly Finding[];
  readonly verdicts: readonly RuleVerdict[];
  /** What was left out; empty when nothing could be. */
  readonly caveats: readonly Caveat[];
  /** null: every connection. */
  readonly shows: ((id: number) => boolean) | null;
  /** Sockets are listed from then on. */
  readonly from: Nanos;
}

export class ReportFilter {
  readonly #options: Pick<AnalysisOptions, 'where' | 'from'>;
  readonly #where: Where | null;

  /** @throws WhereError */
  constructor(options: Pick<AnalysisOptions, 'where' | 'from'>, rules: readonly string[]) {
    this.#options = options;
    this.#where = options.where === undefined ? null : parseWhere(options.where, rules);
  }

  apply(diagnosis: Diagnosis, connections: number, view: (id: number) => ConnectionView, facts: RowFacts): Reported {
    const { from: moment } = this.#options;
    const { findings, verdicts } = diagnosis;
    if (this.#where === null && moment === undefined)
      return { findings: findings.map((f) => f.finding), verdicts, caveats: [], shows: null, from: 0 as Nanos };
    const from = moment === undefined ? (0 as Nanos) : resolveTime(moment, facts.clock);
    const chosen = choose(connections, view, this.#tests(from, facts));
    const shows = (id: number): boolean => chosen[id] === 1;
    const kept = findings.filter((f) => (f.until ?? Infinity) >= from && this.#concerns(f, shows));
    const rules = new Set(kept.map((f) => f.finding.rule));
    return {
      findings: kept.map((f) => f.finding),
      verdicts: verdicts.map((v) => (v.verdict === 'found' && !rules.has(v.id) ? { ...v, because: this.#leftOut } : v)),
      caveats: [this.#caveat(facts.clock, from, chosen, findings.length, kept.length)],
      shows,
      from,
    };
  }

  #tests(from: Nanos, facts: RowFacts): readonly ConnectionTest[] {
    return [
      ...(this.#options.from === undefined ? [] : [(c: ConnectionView) => isAliveAfter(c, from)]),
      ...(this.#where === null ? [] : [matcher(this.#where, facts)]),
    ];
  }

  /** A finding about the capture itself concerns whatever is asked of it; one without connections (DNS) no connection. */
  #concerns({ finding: { subject }, members }: Placed, shows: (id: number) => boolean): boolean {
    if (members.size > 0) return members.some(shows);
    return this.#where === null || (subject.host === undefined && subject.subnet === undefined);
  }

  get #leftOut(): string {
    return `its findings are left out by ${this.#words}`;
  }

  get #words(): string {
    const { where, from } = this.#options;
    return [where === undefined ? [] : ['--where'], from === undefined ? [] : ['--from']].flat().join(' and ');
  }

  #caveat(clock: Clock, from: Nanos, chosen: Uint8Array, found: number, kept: number): Caveat {
    const { where, from: moment } = this.#options;
    const asked = [
      ...(where === undefined ? [] : [`--where "${sanitise(where, 200)}"`]),
      ...(moment === undefined ? [] : [`--from ${clock.text(from)}`]),
    ].join(' and ');
    const selected = chosen.reduce((sum, one) => sum + one, 0);
    const left = found - kept;
    const out =
      left === 0 ? 'no finding is left out' : `${countText(left)} of ${plural(found, 'finding')} ${left === 1 ? 'is' : 'are'} left out`;
    return {
      code: 'report-filtered',
      text: `${asked} selects ${countText(selected)} of ${plural(chosen.length, 'connection')}: ${out}. Every count is that of the whole capture`,
      count: left,
    };
  }
}

/** By id: 1 where all tests pass. */
function choose(connections: number, view: (id: number) => ConnectionView, tests: readonly ConnectionTest[]): Uint8Array {
  const chosen = new Uint8Array(connections);
  for (let id = 0; id < connections; id++) {
    const c = view(id);
    if (tests.every((test) => test(c))) chosen[id] = 1;
  }
  return chosen;
}

/** A segment came then or later, or one end had a socket then. */
function isAliveAfter(c: ConnectionView, from: Nanos): boolean {
  if (c.end >= from || c.ends.some(({ state }) => state !== State.CLOSED && state !== State.LISTEN)) return true;
  return c.transitions.some(({ time }) => time > from);
}
