/** Assigned numbers that decoders dispatch on. Names as in the IANA registries. */

/** IEEE 802 numbers, "EtherType" registry. */
export const EtherType = {
  IPV4: 0x0800,
  ARP: 0x0806,
  /** IEEE 802.1Q C-tag. */
  VLAN: 0x8100,
  /** IEEE 802.1ad S-tag. */
  QINQ: 0x88a8,
  /** Tags outside a second one, before 802.1ad. */
  OLD_QINQ: 0x9100,
  IPV6: 0x86dd,
  MPLS: 0x8847,
  PPPOE_SESSION: 0x8864,
  /** Cisco VN-Tag, the forerunner of IEEE 802.1BR. */
  VN_TAG: 0x8926,
  /** IEEE 802.1BR E-tag. */
  E_TAG: 0x893f,
  /** IEEE 802.1ah I-tag: a customer's frame inside a provider's. */
  I_TAG: 0x88e7,
  /** GRE only: ERSPAN types I and II. */
  ERSPAN: 0x88be,
  /** GRE only: ERSPAN type III. */
  ERSPAN_3: 0x22eb,
  /** RFC 1701 "Transparent Ethernet Bridging": a whole Ethernet frame inside GRE. */
  BRIDGED_ETHERNET: 0x6558,
} as const;

/** Values below are an IEEE 802.3 length, not a type. */
export const FIRST_ETHERTYPE = 0x0600;

/** "Assigned Internet Protocol Numbers" registry. */
export const IpProtocol = {
  HOP_BY_HOP: 0,
  ICMP: 1,
  IPV4: 4,
  TCP: 6,
  UDP: 17,
  IPV6: 41,
  ROUTING: 43,
  FRAGMENT: 44,
  GRE: 47,
  ESP: 50,
  AH: 51,
  ICMPV6: 58,
  NO_NEXT_HEADER: 59,
  DESTINATION_OPTIONS: 60,
} as const;
