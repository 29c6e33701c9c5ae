// Whether an answer is what a client needs, and what its blanks stand for.

import { IpAddress } from '../../src/base/ip-address.ts';
import { isPublicIPv4 } from '../../src/base/ip-prefix.ts';
import { unreachable } from '../../src/base/result.ts';
import type { Blank, Need, OutNeed } from './clients/client-profile.ts';
import type { SoapAnswer } from './control-point-soap.ts';

export type Blanks = Readonly<Record<Blank, string>>;

export interface Judge {
  readonly blanks: Blanks;
  readonly takesAnyAddress: boolean;
}

export const fill = (template: string, blanks: Blanks): string =>
  template.replace(/\{(external|internal|client)\}/g, (_whole, blank: Blank) => blanks[blank]);

/** What is missing; undefined when the client is content. */
export function problemWith(answer: SoapAnswer, need: Need, judge: Judge): string | undefined {
  if (need.result === 'whatever') return undefined;
  if (answer.kind === 'broken') return answer.why;
  switch (need.result) {
    case 'success':
      if (answer.kind === 'fault') return 'it needs success';
      return outProblem(answer.out, need.out ?? {}, judge);
    case 'success or':
      return answer.kind === 'success' || need.codes.includes(answer.code)
        ? undefined
        : `it needs success or ${need.codes.join(', ')}`;
    case 'error':
      return answer.kind === 'fault' && need.codes.includes(answer.code)
        ? undefined
        : `it needs error ${need.codes.join(' or ')}`;
    default:
      return unreachable(need);
  }
}

function outProblem(
  out: ReadonlyMap<string, string>,
  needs: Readonly<Record<string, OutNeed>>,
  judge: Judge,
): string | undefined {
  for (const [name, need] of Object.entries(needs)) {
    const value = out.get(name);
    if (value === undefined) return `${name} is missing`;
    if (need === 'present') continue;
    if (need === 'public address') {
      const address = IpAddress.parse(value);
      const isGood = address !== undefined && (judge.takesAnyAddress ? !address.isUnspecified : isPublicIPv4(address));
      if (!isGood) return `${name} must be a public address`;
    } else if (!need.some((text) => fill(text, judge.blanks) === value)) {
      return `${name} must be ${need.map((text) => fill(text, judge.blanks)).join(' or ')}`;
    }
  }
  return undefined;
}

export function answerText(answer: SoapAnswer): string {
  switch (answer.kind) {
    case 'success':
      return ['OK', ...[...answer.out].map(([name, value]) => `${name}=${value.slice(0, 60)}`)].join(' ');
    case 'fault':
      return `${answer.code} ${answer.text}`;
    case 'broken':
      return answer.why;
    default:
      return unreachable(answer);
  }
}
