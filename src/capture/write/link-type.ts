/** The link types that files have: LINKTYPE numbers, of 16 bits. */
import { UsageError } from '../../model/errors.ts';
import { linkTypeName, SNOOP_LINK_TYPES } from '../link-types.ts';

/** @throws UsageError for what only snoop has a number for */
export function writtenLinkType(linkType: number): number {
  if (linkType < SNOOP_LINK_TYPES) return linkType;
  throw new UsageError(`a packet has snoop's link type ${linkTypeName(linkType)}, which pcap and pcapng have no number for.`);
}
