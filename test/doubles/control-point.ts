// The control-point harness: plays a client's profile against a gateway, over real or simulated sockets, and reports for
// each step what was sent, what came back, and whether this client could have gone on with it.

import type { Host } from '../../src/base/host.ts';
import { endpointText, type IpAddress } from '../../src/base/ip-address.ts';
import { type Result, unreachable } from '../../src/base/result.ts';
import type { Again, CallStep, ClientProfile, Step } from './clients/client-profile.ts';
import { actionsIn } from './control-point-description.ts';
import { describe, type Found, locationsFrom } from './control-point-discovery.ts';
import { ControlPointEvents } from './control-point-events.ts';
import type { ControlPointHttp, Place } from './control-point-http.ts';
import { answerText, type Blanks, fill, problemWith } from './control-point-need.ts';
import { queryAsk, readSoapAnswer, type SoapAnswer, type SoapAsk, soapAsk } from './control-point-soap.ts';

export interface ControlPointOptions {
  readonly host: Pick<Host, 'udp' | 'clock' | 'random'>;
  readonly http: ControlPointHttp;
  /** Our own address: the internal client of every mapping. */
  readonly own: IpAddress;
  readonly externalPort: number;
  readonly internalPort: number;
  /** Where the description is; left out: found by the client's own searches. */
  readonly location?: string;
  /** For unicast searches; without it they are left out. */
  readonly gateway?: IpAddress;
  /** Deletes at the end what the client itself leaves open, also when it gave up on the way. */
  readonly tidiesUp?: boolean;
  /** Asked between two steps; true: no further ones. */
  readonly isStopped?: () => boolean;
  /** For carriers with made-up addresses: any address but 0.0.0.0 counts as public. */
  readonly takesAnyAddress?: boolean;
}

export interface PlayedStep {
  readonly what: string;
  readonly sent: string;
  readonly got: string;
  /** Why this client cannot go on. */
  readonly problem: string | undefined;
}

export interface PlayReport {
  readonly client: ClientProfile;
  readonly steps: readonly PlayedStep[];
  /** Every step gave this client what it needs. */
  readonly isContent: boolean;
  /** What the blanks came to: which external port it ended with. */
  readonly blanks: Blanks;
  /** With `tidiesUp`: what could not be deleted, and why. */
  readonly leftOpen: readonly string[];
  /** Where it found its gateway. */
  readonly location: string | undefined;
  readonly connectionType: string | undefined;
}

/** Ends at the first step that leaves the client without what it needs: there the client gives up, too. */
export async function play(client: ClientProfile, options: ControlPointOptions): Promise<PlayReport> {
  const performance = new Performance(client, options);
  const isContent = await performance.run();
  return { client, isContent, ...performance.report() };
}

const RANDOM_PORTS = { first: 40_000, count: 10_000 };
/** What a broken gateway could make the harness do, at most. */
const MAX_CALLS_PER_STEP = 64;

/** A port that the gateway opened for us, or may have opened. */
interface OpenPort {
  readonly service: string;
  readonly control: Place;
  readonly protocol: string;
  readonly external: string;
  readonly remoteHost: string;
}

type OpenPlace = Pick<OpenPort, 'service' | 'control'>;

class Performance {
  readonly #client: ClientProfile;
  readonly #options: ControlPointOptions;
  readonly #events: ControlPointEvents;
  readonly #steps: PlayedStep[] = [];
  readonly #open = new Map<string, OpenPort>();
  readonly #leftOpen: string[] = [];
  #blanks: Blanks;
  #found: Found | undefined;

  constructor(client: ClientProfile, options: ControlPointOptions) {
    this.#client = client;
    this.#options = options;
    this.#events = new ControlPointEvents(options.http, options.own, options.host);
    this.#blanks = {
      external: String(options.externalPort),
      internal: String(options.internalPort),
      client: options.own.text,
    };
  }

  report(): Omit<PlayReport, 'client' | 'isContent'> {
    const found = this.#found;
    return {
      steps: this.#steps,
      leftOpen: this.#leftOpen,
      blanks: this.#blanks,
      location: found && `http://${endpointText(found.location.endpoint)}${found.location.path}`,
      connectionType: found?.connection.type,
    };
  }

  async run(): Promise<boolean> {
    const found = await this.#find();
    if (found === undefined) return false;
    this.#found = found;
    try {
      for (const step of this.#client.steps) {
        if (this.#options.isStopped?.() === true || !(await this.#play(step, found))) return false;
      }
      return true;
    } finally {
      if (this.#options.tidiesUp === true) await this.#tidyUp();
      await this.#events.close();
    }
  }

  /** An answer that was lost may have been a success. */
  #track(action: string, given: readonly (readonly [string, string])[], answer: SoapAnswer, place: OpenPlace): void {
    const told = new Map(given);
    const external = told.get('NewExternalPort') ?? '';
    const protocol = told.get('NewProtocol') ?? '';
    const remoteHost = told.get('NewRemoteHost') ?? '';
    if (action.startsWith('Add') && answer.kind !== 'fault') {
      const reserved = answer.kind === 'success' ? answer.out.get('NewReservedPort') : undefined;
      const port = { ...place, protocol, remoteHost, external: reserved ?? external };
      this.#open.set(`${port.protocol} ${port.external} ${remoteHost}`, port);
    }
    if (action === 'DeletePortMapping' && answer.kind === 'success')
      this.#open.delete(`${protocol} ${external} ${remoteHost}`);
  }

  async #tidyUp(): Promise<void> {
    for (const { service, control, protocol, external, remoteHost } of this.#open.values()) {
      const given = [
        ['NewRemoteHost', remoteHost],
        ['NewExternalPort', external],
        ['NewProtocol', protocol],
      ] as const;
      const answer = await this.#ask(soapAsk(service, 'DeletePortMapping', given, {}), 'DeletePortMapping', control);
      // 714: it is gone already.
      const isGone = answer.kind === 'success' || (answer.kind === 'fault' && answer.code === 714);
      if (!isGone) this.#leftOpen.push(`${protocol} ${external}: ${answerText(answer)}`);
    }
    this.#open.clear();
  }

  async #find(): Promise<Found | undefined> {
    const { location, http } = this.#options;
    if (location !== undefined) return this.#tryLocations([location]);
    for (const one of this.#client.searches) {
      const locations = await locationsFrom(one, { ...this.#options, http, gateway: this.#options.gateway });
      const where = one.isUnicast === true ? 'the gateway' : 'the group';
      // A search without an answer is no end: the client has others.
      this.#note(
        `search ${one.target}`,
        `M-SEARCH to ${where}`,
        locations.ok ? locations.value.join(' ') : locations.error,
      );
      const found = locations.ok ? await this.#tryLocations(locations.value) : undefined;
      if (found !== undefined) return found;
    }
    this.#note('find a gateway', 'all its searches', 'nothing it can use', 'it sees no gateway');
    return undefined;
  }

  /** A client with a liking reads all the descriptions it was shown; any other is content with the first it can use. */
  async #tryLocations(locations: readonly string[]): Promise<Found | undefined> {
    const { accepts } = this.#client;
    const usable: Found[] = [];
    for (const location of locations) {
      const found = await describe(location, this.#client, this.#options.http);
      const got = found.ok ? `${found.value.gateway.rootType} with ${found.value.connection.type}` : found.error;
      this.#note('read the description', `GET ${location}`, got, found.ok || locations.length > 1 ? undefined : got);
      if (!found.ok) continue;
      if (accepts.chooses === 'first described') return found.value;
      usable.push(found.value);
    }
    const liking = ({ connection }: Found): number => accepts.services.indexOf(connection.type);
    return usable.sort((a, b) => liking(a) - liking(b))[0];
  }

  async #play(step: Step, found: Found): Promise<boolean> {
    switch (step.kind) {
      case 'fetch-scpd':
        return this.#fetchScpds(step, found);
      case 'call':
        return this.#playCall(step, found);
      case 'list-entries':
        return this.#listEntries(step, found);
      case 'query': {
        const answer = await this.#ask(queryAsk(step.variable), 'QueryStateVariable', found.connection.control);
        return this.#judge(`query ${step.variable}`, step.variable, answer, step.needs);
      }
      case 'subscribe':
        return this.#outcome(
          'subscribe',
          step.timeout,
          await this.#events.subscribe(found.connection.event, step.timeout),
        );
      case 'renew':
        return this.#outcome('renew the subscription', step.timeout, await this.#events.renew(step.timeout));
      case 'await-event':
        return this.#outcome('wait for an event', step.variable, await this.#events.await(step.variable, step.within));
      case 'unsubscribe':
        return this.#outcome('unsubscribe', '', await this.#events.unsubscribe());
      default:
        return unreachable(step);
    }
  }

  async #fetchScpds(step: Step & { readonly kind: 'fetch-scpd' }, found: Found): Promise<boolean> {
    const services = step.which === 'all' ? found.gateway.services : [found.connection];
    for (const { scpd, type } of services) {
      const headers = this.#client.userAgent === undefined ? [] : [['User-Agent', this.#client.userAgent] as const];
      const got = await this.#options.http.ask({
        method: 'GET',
        place: scpd,
        headers,
        body: '',
        within: this.#client.patience,
      });
      const actions = got.ok && got.value.status === 200 ? actionsIn(got.value.body) : undefined;
      const unwanted = actions?.ok ? actions.value.filter((name) => step.mustNotList?.includes(name)) : [];
      const problem =
        actions?.ok !== true
          ? 'it needs every SCPD'
          : unwanted.length > 0
            ? `it stops at ${unwanted.join(', ')}`
            : undefined;
      const count = actions?.ok ? `${actions.value.length} actions of ${type}` : 'no SCPD';
      if (!this.#note('read an SCPD', `GET ${scpd.path}`, count, problem)) return false;
    }
    return true;
  }

  async #playCall(step: CallStep, found: Found): Promise<boolean> {
    const { connection, gateway } = found;
    if (step.onlyVersion !== undefined && !connection.type.endsWith(`:${step.onlyVersion}`)) return true;
    const common = gateway.services.find(({ type }) => type.includes(':WANCommonInterfaceConfig:'));
    const service = step.service === 'common' ? common : connection;
    if (service === undefined) return this.#note(step.action, '', 'no such service', 'it needs that service');
    const used = new Map<Again, number>();
    let isWithoutLease = false;
    for (let call = 1; ; call += 1) {
      const given = (step.arguments ?? []).map(
        ([name, value]) =>
          [name, isWithoutLease && name === 'NewLeaseDuration' ? '0' : fill(value, this.#blanks)] as const,
      );
      const ask = soapAsk(service.type, step.action, given, this.#client.soap ?? {}, this.#client.userAgent);
      const answer = await this.#ask(ask, step.action, service.control);
      this.#track(step.action, given, answer, { service: service.type, control: service.control });
      const sent = given.map(([name, value]) => `${name}=${value}`).join(' ');
      const again = step.again?.find((rule) => applies(rule, answer) && (used.get(rule) ?? 0) < rule.atMost);
      if (again === undefined || call === MAX_CALLS_PER_STEP) {
        this.#keep(step, answer);
        return this.#judge(step.action, sent, answer, step.needs);
      }
      used.set(again, (used.get(again) ?? 0) + 1);
      this.#note(step.action, sent, `${answerText(answer)}; again with ${again.with}`);
      if (again.with === 'no lease') isWithoutLease = true;
      else this.#changePort(again.with);
    }
  }

  async #listEntries(step: Step & { readonly kind: 'list-entries' }, { connection }: Found): Promise<boolean> {
    const action = 'GetGenericPortMappingEntry';
    for (let index = 0; index < step.atMost; index += 1) {
      const given = [['NewPortMappingIndex', String(index)]] as const;
      const ask = soapAsk(connection.type, action, given, this.#client.soap ?? {}, this.#client.userAgent);
      const answer = await this.#ask(ask, action, connection.control);
      if (answer.kind === 'success') continue;
      return this.#judge(`${action} until refused`, `index 0 to ${index}`, answer, {
        result: 'error',
        codes: step.endsWith,
      });
    }
    return this.#note(action, `index 0 to ${step.atMost}`, 'no end in sight', 'it needs an end of the list');
  }

  async #ask(ask: SoapAsk, action: string, place: Place): Promise<SoapAnswer> {
    const { headers, body } = ask;
    const got = await this.#options.http.ask({ method: 'POST', place, headers, body, within: this.#client.patience });
    return got.ok ? readSoapAnswer(got.value, action, ask.serviceType) : { kind: 'broken', why: got.error };
  }

  #judge(what: string, sent: string, answer: SoapAnswer, needs: CallStep['needs']): boolean {
    const judge = { blanks: this.#blanks, takesAnyAddress: this.#options.takesAnyAddress === true };
    return this.#note(what, sent, answerText(answer), problemWith(answer, needs, judge));
  }

  #outcome(what: string, sent: string, result: Result<string, string>): boolean {
    return this.#note(
      what,
      sent,
      result.ok ? result.value : result.error,
      result.ok ? undefined : `it needs to ${what}`,
    );
  }

  #keep(step: CallStep, answer: SoapAnswer): void {
    if (answer.kind !== 'success') return;
    for (const [name, blank] of Object.entries(step.keeps ?? {})) {
      this.#blanks = { ...this.#blanks, [blank]: answer.out.get(name) ?? '' };
    }
  }

  #changePort(how: 'the same' | 'the next port' | 'a random port'): void {
    if (how === 'the same') return;
    const random = RANDOM_PORTS.first + Math.floor(this.#options.host.random.unit() * RANDOM_PORTS.count);
    const port = how === 'the next port' ? Number(this.#blanks.external) + 1 : random;
    this.#blanks = { ...this.#blanks, external: String(port) };
  }

  #note(what: string, sent: string, got: string, problem?: string): boolean {
    this.#steps.push({ what, sent, got, problem });
    return problem === undefined;
  }
}

function applies(rule: Again, answer: SoapAnswer): boolean {
  if (rule.after === 'success') return answer.kind === 'success';
  if (rule.after === 'any error') return answer.kind !== 'success';
  return answer.kind === 'fault' && rule.after.includes(answer.code);
}
