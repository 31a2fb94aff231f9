/** The words that incident documents share, whatever they are written in. */
import type { CaptureFacts, CaptureFile } from '../model/report.ts';
import { sanitise } from '../model/sanitise.ts';
import type { IncidentDocument } from './incident.ts';
import { plural } from './narrate.ts';

/** File names in a title before it only counts them. */
const FILES_NAMED = 3;

const baseName = ({ path }: CaptureFile): string => (path === '-' ? 'standard input' : sanitise(path.replace(/^.*\//, '')));

export function documentTitle({ files }: CaptureFacts): string {
  const names = files.map(baseName);
  const said = names.length <= FILES_NAMED ? names.join(', ') : `${names[0] ?? ''} and ${plural(names.length - 1, 'more file')}`;
  return `TCP diagnosis: ${said}`;
}

/** `2026-11-20 09:13:09.192`; milliseconds, cut. */
export const momentText = (time: string): string => sanitise(time.replace(/^(.*)T(.*\.\d{3})\d{6}Z$/, '$1 $2'));

/** `+16.028 s`; empty where it is not known. */
export const relativeText = (seconds: number | null): string => (seconds === null ? '' : `+${seconds.toFixed(3)} s`);

/** In the place of a SHA-256. Files are summed up; a stream only when it was read to its end. */
export const unsummedText = ({ anonymous }: Pick<IncidentDocument, 'anonymous'>): string =>
  anonymous ? 'not told, since it says which capture this is' : 'not known, since the stream was not read to its end';

/** As a sentence of its own begins; names of options and calls keep their case. */
export const sentence = (text: string): string =>
  text.replace(/^[a-z]+(?=[\s,;:.]|$)/, (word) => word.charAt(0).toUpperCase() + word.slice(1));
