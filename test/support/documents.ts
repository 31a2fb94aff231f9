/** What tests of the incident documents share. */
import { pcapFile } from './capture-bytes.ts';

/** A header and no packet. */
export const emptyPcap = pcapFile({}, []);
