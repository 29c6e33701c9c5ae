// What a real control point does, as data: how it searches, which gateway it accepts, what it calls in which order, and
// what it must get back to be content. The control-point harness plays it.

import type { Duration } from '../../../src/base/time.ts';

export interface ClientProfile {
  /** For the command line. */
  readonly key: string;
  readonly title: string;
  /** Where its behaviour is known from, and what about it is a guess. */
  readonly source: string;
  readonly userAgent?: string;
  readonly searches: readonly ClientSearch[];
  readonly accepts: Acceptance;
  readonly soap?: SoapHabits;
  /** How long it waits for the answer to an action before it gives up. */
  readonly patience: Duration;
  readonly steps: readonly Step[];
}

/** Tried in order until one brings an acceptable answer. */
export interface ClientSearch {
  readonly target: string;
  readonly mx: number;
  /** To the gateway's own address instead of the group. */
  readonly isUnicast?: boolean;
  /** The header lines as this client spells them; `{target}` and `{mx}` are filled in. */
  readonly lines?: readonly string[];
}

export interface Acceptance {
  /** The root's type must be one of these. */
  readonly rootTypes?: readonly string[];
  /** Of the services it can use, the first in the description, or the one it likes best. */
  readonly services: readonly string[];
  readonly chooses: 'first described' | 'best liked';
  /** Must be described somewhere, or the device is no gateway to it. */
  readonly alsoNeeds?: readonly string[];
  /** Compares by what the service id contains instead of the type. */
  readonly serviceIdContains?: string;
}

export interface SoapHabits {
  /** Spelling of the SOAPACTION field's name. */
  readonly field?: string;
  readonly quotes?: '"' | "'" | '';
  /** Written instead of the service's real type. */
  readonly serviceType?: string;
  readonly contentType?: string;
  readonly prefix?: string;
}

/** In the order they are written. `{external}`, `{internal}`, `{client}` are filled in. */
export type Arguments = readonly (readonly [name: string, value: string])[];

export type Step =
  | { readonly kind: 'fetch-scpd'; readonly which: 'all' | 'connection'; readonly mustNotList?: readonly string[] }
  | CallStep
  | {
      /** Index 0 and on until the gateway refuses. */
      readonly kind: 'list-entries';
      readonly endsWith: readonly number[];
      readonly atMost: number;
    }
  | { readonly kind: 'query'; readonly variable: string; readonly needs: Need }
  | { readonly kind: 'subscribe'; readonly timeout: string }
  | { readonly kind: 'await-event'; readonly variable: string; readonly within: Duration }
  | { readonly kind: 'renew'; readonly timeout: string }
  | { readonly kind: 'unsubscribe' };

export interface CallStep {
  readonly kind: 'call';
  readonly action: string;
  readonly arguments?: Arguments;
  /** Left out: the connection service. */
  readonly service?: 'common' | 'connection';
  readonly needs: Need;
  readonly again?: readonly Again[];
  /** Out argument → blank that takes its value. */
  readonly keeps?: Readonly<Record<string, Blank>>;
  /** Only done with a WANIPConnection of this version. */
  readonly onlyVersion?: 1 | 2;
}

export type Blank = 'external' | 'internal' | 'client';

/** What makes it call again, how the next call differs, and how often it does that. */
export interface Again {
  readonly after: 'success' | 'any error' | readonly number[];
  readonly with: 'the same' | 'the next port' | 'a random port' | 'no lease';
  readonly atMost: number;
}

export type Need =
  | { readonly result: 'success'; readonly out?: Readonly<Record<string, OutNeed>> }
  | { readonly result: 'error'; readonly codes: readonly number[] }
  | { readonly result: 'success or'; readonly codes: readonly number[] }
  /** It does not look. */
  | { readonly result: 'whatever' };

/** One of these texts (blanks filled in), or of this kind. */
export type OutNeed = 'present' | 'public address' | readonly string[];
