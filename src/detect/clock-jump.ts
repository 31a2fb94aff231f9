/** Times of the capture that run backwards or jump: a clock that was set, or records out of order. */
import type { CaptureView } from '../model/capture-view.ts';
import type { Cause, Remedy } from '../model/finding.ts';
import type { ClockStep } from '../model/recording.ts';
import { countText, durationText, plural } from '../model/wording.ts';
import { captureDraft, framesFilter } from './capture-finding.ts';
import { defineDetector, type Draft, found } from './detector.ts';
import { clock } from './evidence.ts';

/** Places told in the summary. */
const TOLD = 3;
/** No clock is set by so much while a capture runs: other files begin there. */
const OTHER_FILE_SECONDS = 3_600;

export const clockJump = defineDetector({
  id: 'clock-jump',
  title: 'Times jump or run backwards',
  severity: 'info',
  category: 'capture',
  params: {
    minSeconds: {
      default: 0.1,
      text: 'how far times must fall back, or the clock be set, to be reported (0.1 s is the least that is looked for)',
    },
  },
  docs: {
    what: 'The time of a record lies before that of the record before it, or the clock that stamped the records was set on or back while the capture ran.',
    why: 'Durations across that place are wrong: idle times, timeouts, retry schedules, how long a state lasted. Kernel timers that the states rest on (TIME_WAIT, the last retry) fire too early or too late there.',
    how: 'TCP timestamps are a second clock: they count in the sending host, and nobody sets them. Where record times fall back by minSeconds, or stand still for a second, the timestamps of connections that go on across that place are compared: if they went on while the time fell back, the clock was set; if they went back with it, the records are not in the order of capture. A step on is reported only if two hosts agree on it.',
    never:
      'Records that fall back by less: several queues or interfaces of one capture do that. A silence that the timestamps confirm, or across which no connection with timestamps goes on.',
    limits:
      'Of a step back without timestamps the kind stays open. Steps on below a second, and slow drift, are not seen. Files of machines whose clocks differ, merged in time order, do not show a jump. A host that was suspended looks as if the clock had been set on; that the other host saw no such thing keeps it out.',
    references: [
      'RFC 7323 §5.4 (timestamp clock)',
      'ntpd(8): steps above 0.128 s',
      'chrony.conf(5) makestep',
      'reordercap(1), mergecap(1)',
    ],
  },
  detect: (capture, params) => {
    const { clock: facts } = capture.quality.recording;
    if (capture.packets === 0) return { verdict: 'not-applicable', because: 'the capture holds no packet' };
    const steps = facts.steps.filter((s) => Math.abs(s.seconds) >= params.minSeconds);
    return steps.length === 0 ? { verdict: 'clear' } : found([draft(capture, steps)]);
  },
});

function draft(capture: CaptureView, steps: readonly ClockStep[]): Draft {
  const { reversals, largestReversalSeconds } = capture.quality.recording.clock;
  const set = steps.filter((s) => s.kind === 'set');
  const largest = (set.length > 0 ? set : steps).reduce((a, b) => (Math.abs(b.seconds) > Math.abs(a.seconds) ? b : a));
  const more = steps.length > TOLD ? `; and ${plural(steps.length - TOLD, 'more place')}` : '';
  const connections = [...new Set(steps.flatMap((s) => s.connection ?? []))].sort((a, b) => a - b);
  return captureDraft(capture, {
    confidence: largest.kind === 'unknown' ? 'medium' : 'high',
    title: titleOf(capture, largest),
    summary: `${steps
      .slice(0, TOLD)
      .map((s) => stepText(capture, s))
      .join('; ')}${more}. Durations across such a place, and states that end by a timer, are not to be believed.`,
    count: steps.length,
    connections,
    evidence: steps.map((s) => ({ connection: null, frame: s.frame, time: s.time, note: stepText(capture, s) })),
    displayFilter: framesFilter(steps.flatMap((s) => [s.frame - 1, s.frame])),
    metrics: {
      places: steps.length,
      clockSet: set.length,
      outOfOrder: steps.filter((s) => s.kind === 'unsorted').length,
      largestSeconds: largest.seconds,
      reversals,
      largestReversalSeconds,
    },
    causes: causesOf(largest),
    remedies: remediesOf(largest),
    doubtsOf: (_rule, other) => {
      if (other.since === null) return null;
      const { since } = other;
      const until = other.until ?? capture.end;
      const hit = steps.find((s) => since <= Math.max(s.time, s.before) && until >= Math.min(s.time, s.before));
      return hit === undefined ? null : `Times are not even here: ${stepText(capture, hit)}.`;
    },
  });
}

function titleOf(capture: CaptureView, s: ClockStep): string {
  const by = durationText(Math.abs(s.seconds));
  if (s.kind === 'set') return `The capture's clock was set ${s.seconds < 0 ? 'back' : 'on'} by ${by} at ${clock(capture, s.before)}`;
  return s.kind === 'unsorted' ? `Records are not in the order of capture: times fall back by up to ${by}` : `Times fall back by ${by}`;
}

function stepText(capture: CaptureView, s: ClockStep): string {
  const by = durationText(Math.abs(s.seconds));
  const at = `at frame ${countText(s.frame)} (${clock(capture, s.before)}, then ${clock(capture, s.time)})`;
  const witnesses = plural(s.witnesses, 'end of a connection', 'ends of connections');
  switch (s.kind) {
    case 'set':
      return `the clock was set ${s.seconds < 0 ? 'back' : 'on'} by ${by} ${at}: the TCP timestamps of ${witnesses} went on evenly`;
    case 'unsorted':
      return `times fall back by ${by} ${at}, and so do the TCP timestamps of ${witnesses}: the records are not in the order of capture`;
    case 'unknown':
      return `times fall back by ${by} ${at}; no connection with timestamps goes on across it to say why`;
  }
}

function causesOf(s: ClockStep): Cause[] {
  const set: Cause = {
    text: 'The clock of the capturing host was set: an NTP step, a virtual machine that was resumed, an administrator',
    likelihood: s.kind === 'set' ? 'high' : 'medium',
    because:
      s.kind === 'set' ? 'TCP timestamps, which no clock setting touches, went on evenly' : 'no TCP timestamp speaks for or against it',
  };
  const far = Math.abs(s.seconds) >= OTHER_FILE_SECONDS;
  const order: Cause = {
    text: 'Files put behind one another (mergecap -a, cat), or records of several interfaces written block by block',
    likelihood: s.kind === 'unsorted' || far ? 'high' : 'medium',
    because:
      s.kind === 'unsorted'
        ? 'TCP timestamps fall back with the time'
        : far
          ? `times fall back by ${durationText(Math.abs(s.seconds))}, and no connection with timestamps goes on across it`
          : 'no TCP timestamp speaks for or against it',
  };
  if (s.kind === 'set') return [set];
  return s.kind === 'unsorted' ? [order] : [order, set];
}

function remediesOf(s: ClockStep): Remedy[] {
  const sort: Remedy = {
    text: 'Put the records in order of time, or give the single files to this tool, which merges them by time.',
    command: 'reordercap in.pcap out.pcap',
    appliesTo: 'Wireshark; only where the clock itself ran evenly',
  };
  const slew: Remedy = {
    text: 'Let the clock be slewed and not stepped while a capture runs.',
    command: 'chronyc tracking; timedatectl',
    appliesTo: 'the capturing host (makestep in chrony.conf)',
  };
  if (s.kind === 'set') return [slew];
  return s.kind === 'unsorted' ? [sort] : [sort, slew];
}
