// HTML in template strings: whatever is put in is escaped, unless it is HTML already. Control points choose descriptions
// and user agents, so nothing reaches a page any other way.

import { UNPRINTABLE } from '../base/texts.ts';

export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = string | number | Html | undefined | readonly Part[];

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
  ["'", '&#39;'],
]);

const escaped = (text: string): string =>
  text.replace(UNPRINTABLE, '\ufffd').replace(/[&<>"']/g, (letter) => ENTITIES.get(letter) ?? letter);

function textOf(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'string' || typeof part === 'number') return escaped(String(part));
  return part.map(textOf).join('');
}

export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(strings.map((text, index) => text + textOf(parts[index])).join(''));

export interface PageFrame {
  readonly title: string;
  /** Fresh for each answer: only the style and script that carry it are honoured. */
  readonly nonce: string;
  readonly style: string;
  readonly script: string | undefined;
}

export function page(frame: PageFrame, body: Html): string {
  const script = frame.script === undefined ? '' : `<script nonce="${frame.nonce}">${frame.script}</script>\n`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(frame.title)}</title>
<link rel="icon" href="data:,">
<style nonce="${frame.nonce}">${frame.style}</style>
</head>
<body>
${body.text}
${script}</body>
</html>
`;
}

/** What goes beside a page: it may load nothing, talk only to its own origin, and be framed by nobody. */
export const pageHeaders = (nonce: string): Readonly<Record<string, string>> => ({
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'nonce-${nonce}'`,
    `script-src 'nonce-${nonce}'`,
    'img-src data:',
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cache-control': 'no-store',
  // "no-referrer" would make browsers send "Origin: null" with our own forms.
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'cross-origin-opener-policy': 'same-origin',
});
