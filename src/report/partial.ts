/** What was tracked, as octets for `merge`. */
import type { Formatter } from './index.ts';
import type { IncidentDocument } from './incident.ts';

export const partialReport: Formatter<IncidentDocument, AsyncIterable<Uint8Array>> = ({ partial }) => partial();
