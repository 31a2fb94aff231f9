/**
 * Is it a rule, and is what it returned a detection? Ours are held to that by the compiler and by tests; rules of the user's own come
 * from JavaScript that nobody checked, and a sentence that names the key is worth more there than a failure further on.
 */
import type { Category, Detection, Detector, Draft, Neighbours } from '../detect/detector.ts';
import type { CaptureView } from '../model/capture-view.ts';
import { SEVERITIES } from '../model/finding.ts';
import type { SaidBefore } from '../model/said.ts';
import { sanitise } from '../model/sanitise.ts';

const LEVELS = ['high', 'medium', 'low'];
const CATEGORIES: readonly Category[] = ['close', 'time-wait', 'open', 'flood', 'reset', 'path', 'capture'];
const SAID: readonly SaidBefore[] = ['silence', 'end', 'answer'];
const NEIGHBOURS: readonly Neighbours[] = ['service', 'hosts'];
const DOCS = ['what', 'why', 'how', 'never', 'limits'];
const VERDICTS = ['found', 'clear', 'inconclusive', 'not-applicable'];
const SUBJECT_TEXTS = ['host', 'peer', 'subnet'];
const SUBJECT_PORTS = ['port', 'peerPort'];

/** @throws Error whose message goes on after the rule's name: `severity must be one of …` */
export function checkDetector(value: unknown): asserts value is Detector {
  const { id, title, severity, category, docs, params, detect, said, neighbours } = objectAt(value, 'it');
  if (typeof id !== 'string' || !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(id))
    throw new Error('id must be a text of lower-case words with hyphens');
  textAt(title, 'title');
  oneOf(severity, SEVERITIES, 'severity');
  oneOf(category, CATEGORIES, 'category');
  if (said !== undefined) oneOf(said, SAID, 'said');
  if (neighbours !== undefined) oneOf(neighbours, NEIGHBOURS, 'neighbours');
  const { references, ...texts } = objectAt(docs, 'docs');
  for (const key of DOCS) textAt(texts[key], `docs.${key}`);
  listAt(references, 'docs.references').forEach((text, i) => textAt(text, `docs.references[${String(i)}]`));
  for (const [name, parameter] of Object.entries(objectAt(params, 'params'))) {
    const { default: standard, text } = objectAt(parameter, `params.${name}`);
    if (!Number.isFinite(standard)) throw new Error(`params.${name}.default must be a number`);
    textAt(text, `params.${name}.text`);
  }
  if (typeof detect !== 'function') throw new Error('detect must be a function');
}

/** @throws Error with what is wrong */
export function checkDetection(value: unknown, capture: CaptureView): asserts value is Detection {
  if (value instanceof Promise) throw new Error('detect must answer at once, and returned a promise');
  const { verdict, findings, because } = objectAt(value, 'what detect returns');
  oneOf(verdict, VERDICTS, 'verdict');
  if (verdict === 'found') {
    const drafts = listAt(findings, 'findings');
    if (drafts.length === 0) throw new Error('findings must not be empty where the verdict is found');
    drafts.forEach((draft, i) => checkDraft(draft, `findings[${String(i)}]`, capture));
  } else if (verdict !== 'clear') textAt(because, 'because');
}

function checkDraft(value: unknown, at: string, capture: CaptureView): asserts value is Draft {
  const draft = objectAt(value, at);
  const {
    severity,
    confidence,
    count,
    connections,
    evidence,
    metrics,
    causes,
    remedies,
    displayFilter,
    explainedByRules,
    caveats,
    subject,
  } = draft;
  oneOf(severity, SEVERITIES, `${at}.severity`);
  oneOf(confidence, LEVELS, `${at}.confidence`);
  for (const key of ['title', 'summary']) textAt(draft[key], `${at}.${key}`);
  for (const key of ['atFault', 'faultBecause']) if (draft[key] !== null) textAt(draft[key], `${at}.${key}`);
  for (const key of ['since', 'until']) if (draft[key] !== null) numberAt(draft[key], `${at}.${key}`);
  numberAt(count, `${at}.count`);
  const { role, ...about } = objectAt(subject, `${at}.subject`);
  for (const key of SUBJECT_TEXTS) if (about[key] !== undefined) textAt(about[key], `${at}.subject.${key}`);
  for (const key of SUBJECT_PORTS) if (about[key] !== undefined) numberAt(about[key], `${at}.subject.${key}`);
  if (role !== undefined) oneOf(role, ['client', 'server'], `${at}.subject.role`);
  listAt(connections, `${at}.connections`).forEach((id, i) => idAt(id, `${at}.connections[${String(i)}]`, capture));
  listAt(evidence, `${at}.evidence`).forEach((proof, i) => {
    const where = `${at}.evidence[${String(i)}]`;
    const { connection, frame, time, note } = objectAt(proof, where);
    if (connection !== null) idAt(connection, `${where}.connection`, capture);
    numberAt(frame, `${where}.frame`);
    numberAt(time, `${where}.time`);
    textAt(note, `${where}.note`);
  });
  for (const [name, metric] of Object.entries(objectAt(metrics, `${at}.metrics`)))
    if (metric !== null && typeof metric !== 'string') numberAt(metric, `${at}.metrics.${name}`);
  listAt(causes, `${at}.causes`).forEach((cause, i) => {
    const where = `${at}.causes[${String(i)}]`;
    const { text, likelihood, because } = objectAt(cause, where);
    textAt(text, `${where}.text`);
    oneOf(likelihood, LEVELS, `${where}.likelihood`);
    textAt(because, `${where}.because`);
  });
  listAt(remedies, `${at}.remedies`).forEach((remedy, i) => {
    const where = `${at}.remedies[${String(i)}]`;
    const { text, command, appliesTo } = objectAt(remedy, where);
    textAt(text, `${where}.text`);
    if (command !== null) textAt(command, `${where}.command`);
    if (typeof appliesTo !== 'string') throw new Error(`${where}.appliesTo must be a text`);
  });
  if (displayFilter !== undefined) textAt(displayFilter, `${at}.displayFilter`);
  if (explainedByRules !== undefined)
    listAt(explainedByRules, `${at}.explainedByRules`).forEach((explanation, i) => {
      const where = `${at}.explainedByRules[${String(i)}]`;
      if (typeof explanation === 'string') {
        textAt(explanation, where);
        return;
      }
      const { rule, atFault } = objectAt(explanation, where);
      textAt(rule, `${where}.rule`);
      textAt(atFault, `${where}.atFault`);
    });
  if (caveats !== undefined)
    listAt(caveats, `${at}.caveats`).forEach((caveat, i) => {
      const where = `${at}.caveats[${String(i)}]`;
      const { code, text, count: times } = objectAt(caveat, where);
      textAt(code, `${where}.code`);
      textAt(text, `${where}.text`);
      numberAt(times, `${where}.count`);
    });
}

function objectAt(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${at} must be an object`);
  return value as Readonly<Record<string, unknown>>;
}

function listAt(value: unknown, at: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${at} must be a list`);
  return value;
}

function textAt(value: unknown, at: string): void {
  if (typeof value !== 'string' || value === '') throw new Error(`${at} must be a text`);
}

function numberAt(value: unknown, at: string): void {
  if (!Number.isFinite(value)) throw new Error(`${at} must be a number`);
}

function idAt(value: unknown, at: string, capture: CaptureView): void {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) >= capture.connections)
    throw new Error(`${at} must be the id of a connection, from 0 to ${String(capture.connections - 1)}`);
}

function oneOf(value: unknown, list: readonly string[], at: string): void {
  if (typeof value === 'string' && list.includes(value)) return;
  throw new Error(`${at} must be one of ${list.join(', ')}${typeof value === 'string' ? `, not "${sanitise(value, 60)}"` : ''}`);
}
