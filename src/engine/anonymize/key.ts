/** Octets of a key for addresses: 16 for AES, 16 for the padding of its blocks. */
export const KEY_OCTETS = 32;
