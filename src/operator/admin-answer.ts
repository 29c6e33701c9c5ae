// The shapes of the admin listener's answers.

import type { HttpResponse } from '../base/http.ts';
import type { FaultJson } from './api-schema.ts';
import type { OrderRefusal } from './operator-source.ts';

const PLAIN = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const;

export const jsonAnswer = (value: unknown, status = 200): HttpResponse => ({
  status,
  headers: { ...PLAIN, 'content-type': 'application/json; charset=utf-8' },
  body: `${JSON.stringify(value)}\n`,
});

export const textAnswer = (text: string, status = 200, contentType = 'text/plain; charset=utf-8'): HttpResponse => ({
  status,
  headers: { ...PLAIN, 'content-type': contentType },
  body: text,
});

export function faultAnswer(status: number, error: string, upnpErrorCode?: number): HttpResponse {
  const fault: FaultJson = upnpErrorCode === undefined ? { error } : { error, upnpErrorCode };
  return jsonAnswer(fault, status);
}

const NO_SUCH_ENTRY = 714;

export const refusalAnswer = ({ code, message }: OrderRefusal): HttpResponse =>
  faultAnswer(code === NO_SUCH_ENTRY ? 404 : 409, message, code);

/** See other: a form was acted upon, and the page that shows the result is fetched with GET. */
export const seeOther = (headers: Readonly<Record<string, string>> = {}): HttpResponse => ({
  status: 303,
  headers: { ...PLAIN, ...headers, location: './' },
  body: '',
});
