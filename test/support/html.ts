/**
 * Reads our HTML as strictly as it is written: tags that we use, with attributes that we use, in double quotes; everything else must be text. What
 * a browser makes of it is in test/report/html.test.ts.
 */

const TAGS = new Set(
  'html head meta title style body main header section article h1 h2 h3 h4 p dl dt dd div table caption thead tbody tr th td ul ol li a code pre span figure figcaption details summary svg desc g path rect text'.split(
    ' ',
  ),
);
const ATTRIBUTES = new Set(
  'lang charset http-equiv content name class id href scope colspan role aria-labelledby aria-hidden viewBox d x y width height rx'.split(
    ' ',
  ),
);
const VOID = new Set(['meta']);

export function htmlComplaints(html: string): string[] {
  const body = html.replace(/^<!DOCTYPE html>\n/, '').replace(/<style>[^<]*<\/style>/, '');
  const complaints: string[] = body.length === html.length ? ['it does not begin as ours'] : [];
  const open: string[] = [];
  const text = body.replace(
    /<(\/?)([A-Za-z0-9]+)((?: [A-Za-z-]+="[^"<>]*")*)(\/?)>/g,
    (tag, end: string, name: string, attributes: string, self: string) => {
      if (!TAGS.has(name)) complaints.push(`${tag.slice(0, 100)} is no tag of ours`);
      for (const [, key = '', value = ''] of attributes.matchAll(/ ([A-Za-z-]+)="([^"]*)"/g)) {
        if (!ATTRIBUTES.has(key)) complaints.push(`${key} is no attribute of ours`);
        if (key === 'href' && !/^#finding-\d+$/.test(value)) complaints.push(`a link to ${value}`);
      }
      if (end === '/') {
        const last = open.pop();
        if (last !== name) complaints.push(`</${name}> ends ${String(last)}`);
      } else if (self === '' && !VOID.has(name)) open.push(name);
      return '';
    },
  );
  if (open.length > 0) complaints.push(`${open.join(', ')} not closed`);
  const alive = /[<>]|&(?!(?:amp|lt|gt|quot|#39);)/.exec(text);
  if (alive !== null) complaints.push(`${JSON.stringify(text.slice(Math.max(0, alive.index - 40), alive.index + 40))} is not text`);
  return complaints;
}
