/** Is it the name of a host? Letters, digits, hyphens and underscores in labels (RFC 952, RFC 1123 §2.1, RFC 2181 §11): safe to show as it is. */
const HOST_NAME = /^(?=.{1,253}$)[a-z\d_](?:[a-z\d_-]{0,62})(?:\.[a-z\d_](?:[a-z\d_-]{0,62}))*$/;
/** An address is none, though it looks like one. */
const ADDRESS = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/** In lower case, without a dot at its end; null: it is none. */
export function hostName(text: string): string | null {
  const name = text.toLowerCase().replace(/\.$/, '');
  return HOST_NAME.test(name) && !ADDRESS.test(name) ? name : null;
}
