/** `check`: can this capture be believed? Its files, what reading them showed, and what the rules about the capture itself concluded. */
import type { Finding, RuleVerdict } from '../model/finding.ts';
import type { CaptureFacts, CaptureFile, Report } from '../model/report.ts';
import { NO_KERNEL } from '../model/profiles.ts';
import { sanitise } from '../model/sanitise.ts';
import type { Vantage } from '../model/vantage.ts';
import { orderedCapture, orderedFinding } from './json.ts';
import { hang, paint, textWidth, wrap, type Page } from './layout.ts';
import { bytesText, captureLine, plural, vantageText } from './narrate.ts';
import { safeJson } from './safe-json.ts';
import { findingBlocks, fileName, silenceLines } from './text.ts';

export interface CaptureCheck {
  readonly schemaVersion: number;
  readonly tool: Report['tool'];
  readonly capture: CaptureFacts;
  /** Only those of rules about the capture itself. */
  readonly findings: readonly Finding[];
  readonly rules: readonly RuleVerdict[];
  /** Hosts by the kernel that their SYNs show (a name in model/profiles.ts, or `none`), most first. */
  readonly stacks: readonly { readonly profile: string; readonly hosts: number }[];
  /** What another reader made of the same files; empty when it was not asked. */
  readonly crossReadings: readonly {
    readonly path: string;
    readonly verdict: 'agrees' | 'differs' | 'not-comparable';
    readonly text: string;
  }[];
}

/** Caveats that findings of these rules tell in full. */
const TOLD_BY: Readonly<Record<string, readonly string[]>> = {
  'truncated-file': ['truncated-file'],
  'cut-headers': ['tiny-snaplen'],
  'duplicate-packets': ['duplicate-packets', 'duplicate-capture'],
  'one-sided': ['one-way-capture'],
};

export function* checkText(check: CaptureCheck, page: Page): Generator<string> {
  const width = textWidth(page.width);
  const { capture } = check;
  for (const file of capture.files) yield `${hang('', fileText(file), width).join('\n')}\n`;
  yield `${wrap(captureLine(capture), width).join('\n')}\n\n`;
  if (capture.packets > 0) yield `${vantageLines(capture.vantage, width).join('\n')}\n\n`;

  yield `${hang('', paint(page, beliefText(check), 'bold'), width).join('\n')}\n`;
  for (const c of untold(check)) yield `${hang('  - ', sanitise(c.text), width).join('\n')}\n`;
  yield '\n';
  yield* findingBlocks(check.findings, capture, page, width);
  if (check.stacks.length > 0) yield `${hang('', stacksText(check.stacks), width).join('\n')}\n`;
  for (const { path, verdict, text } of check.crossReadings) {
    yield `${hang('Cross-read: ', sanitise(`${fileName(path)}: ${verdict.replace('-', ' ')}: ${text}`), width).join('\n')}\n`;
  }
  const quiet = silenceLines({ capture, rules: check.rules }, width);
  if (quiet.length > 0) yield `${quiet.join('\n')}\n`;
}

export function* checkJson(check: CaptureCheck): Generator<string> {
  yield `${safeJson({ ...check, capture: orderedCapture(check.capture), findings: check.findings.map(orderedFinding) })}\n`;
}

/** `Kernels by their SYNs: 12 hosts linux, 1 host windows; 3 addresses sent SYNs that no kernel sends.` */
function stacksText(stacks: CaptureCheck['stacks']): string {
  const known = stacks.filter((s) => s.profile !== NO_KERNEL).map((s) => `${plural(s.hosts, 'host')} ${s.profile}`);
  const forged = stacks.find((s) => s.profile === NO_KERNEL)?.hosts ?? 0;
  const kernels = known.length === 0 ? [] : [`Kernels by their SYNs: ${known.join(', ')}`];
  const tools = forged === 0 ? [] : [`${plural(forged, 'address', 'addresses')} sent SYNs that no kernel sends`];
  return sanitise(`${[...kernels, ...tools].join('; ')}.`);
}

/** `a.pcap: pcap, LINUX_SLL2, 91.0 kB, 849 packets, SHA-256 …` */
function fileText(file: CaptureFile): string {
  const facts = [file.format, ...file.linkTypes, bytesText(file.bytes), plural(file.packets, 'packet')];
  if (file.truncated) facts.push('breaks off in the middle');
  if (file.sha256 !== null) facts.push(`SHA-256 ${file.sha256}`);
  return sanitise(`${fileName(file.path)}: ${facts.join(', ')}`, 2_000);
}

/** Where it was taken, and the clues that say so. */
function vantageLines(vantage: Vantage, width: number): string[] {
  const where = vantageText(vantage) ?? 'Where it was taken cannot be told from its packets';
  return [
    ...hang('', `${where}${vantage.evidence.length > 0 ? ':' : '.'}`, width),
    ...vantage.evidence.flatMap((e) => hang('  - ', sanitise(e.text), width)),
  ];
}

/** Caveats that no finding tells. */
const untold = ({ capture, findings }: CaptureCheck): CaptureFacts['caveats'] =>
  capture.caveats.filter(({ code }) => !findings.some((f) => TOLD_BY[code]?.includes(f.rule)));

/** The answer in one sentence, before the reasons. */
function beliefText(check: CaptureCheck): string {
  const { capture, findings, rules, crossReadings } = check;
  if (capture.packets === 0)
    return capture.caveats.some(({ code }) => code === 'reading-ended' || code === 'interrupted')
      ? 'No packet was read.'
      : 'The capture is empty.';
  const damaged = capture.files.filter((f) => f.truncated).length;
  const doubts =
    untold(check).filter(({ code }) => code !== 'report-filtered').length +
    findings.length +
    crossReadings.filter((c) => c.verdict === 'differs').length;
  if (damaged > 0)
    return `${damaged === capture.files.length && damaged === 1 ? 'The file breaks' : `${plural(damaged, 'file')} broke`} off in the middle; what comes before it was read.`;
  if (doubts > 0) return `Believe it with care: ${plural(doubts, 'thing')} to know about this capture.`;
  if (rules.some((r) => r.verdict === 'inconclusive')) return 'Nothing speaks against this capture, as far as it could be checked.';
  return 'Nothing speaks against this capture.';
}
