// Everything that faces the LAN, put together: the devices, an HTTP listener per LAN address, SSDP, eventing.
// What they say comes from the gateway; who hears it is decided by the addresses they are bound to.

import type { Driver } from '../base/drive.ts';
import type { Host } from '../base/host.ts';
import type { HttpLimits, HttpListener, HttpRequest, HttpResponse } from '../base/http.ts';
import { endpointText, type IpAddress } from '../base/ip-address.ts';
import type { NetworkWatch } from '../base/network-watch.ts';
import { OccasionalWarning } from '../base/occasional-warning.ts';
import { ok, type Result, refused } from '../base/result.ts';
import { seconds } from '../base/time.ts';
import type { Config } from '../config/config.ts';
import type { Gateway } from '../interworking/gateway.ts';
import { ControlEndpoint, type ControlEvent } from '../upnp/control/control-endpoint.ts';
import type { DeviceIdentity } from './device-identity.ts';
import { EventingSession } from './eventing-session.ts';
import { VariableWatch } from './igd/evented-variables.ts';
import type { DescriptorTexts } from './igd/igd-descriptors.ts';
import { createIgdDevices, type IgdDevices } from './igd/igd-devices.ts';
import {
  deviceOf,
  isSameLan,
  type LanAddress,
  type LanObstacle,
  type LanOutlook,
  lookForLans,
} from './lan-addresses.ts';
import { LanRoutes } from './lan-routes.ts';
import { SsdpSession } from './ssdp-session.ts';

export interface LanSideParts {
  readonly host: Host;
  readonly driver: Driver;
  readonly config: Config;
  readonly watch: NetworkWatch;
  readonly identity: DeviceIdentity;
  readonly descriptors: DescriptorTexts;
  readonly gateway: Gateway;
  readonly version: string;
  readonly wanInterface: () => string | undefined;
  /** Then the carrier is on this machine, and no interface of it is external. */
  readonly isDemo: boolean;
  readonly presentation: (request: HttpRequest) => HttpResponse;
  /** Before an action is carried out: what has to be known about the asker first. */
  readonly prepare: (request: HttpRequest) => Promise<void>;
  /** The same text for all addresses of one machine, where that is known. */
  readonly machineOf: (address: IpAddress) => string;
  readonly observe: (event: ControlEvent) => void;
  readonly turnedAway: (why: string) => void;
}

// Real requests have 0.5 to 2 KB; a body of 64 KB costs 0.2 s to parse on a PC and seconds on a router.
const LAN_LIMITS: HttpLimits = {
  bodyBytes: 16 * 1024,
  headBytes: 8 * 1024,
  headWithin: seconds(3),
  requestWithin: seconds(5),
  takenWithin: seconds(10),
  // Below the usual limit of 1024 file descriptors, with room for everything else.
  connections: 512,
  connectionsPerPeer: 96,
};

/** One LAN address, for the person at the box. */
export interface LanView {
  readonly name: string;
  readonly address: string;
  readonly descriptionUrls: readonly string[];
  /** Why it is not served; undefined when it is. */
  readonly problem: string | undefined;
}

/** What came to our doors and left by them since the start, besides UPnP actions. */
export interface LanCounts {
  readonly searchesAnswered: number;
  /** By reason. */
  readonly searchesIgnored: ReadonlyMap<string, number>;
  readonly eventsDelivered: number;
  readonly eventsFailed: number;
  readonly subscriptionsRefused: number;
}

/** Where our own servers are, for the guard of the packet filter. */
export interface LanDoors {
  readonly interfaces: readonly string[];
  /** IPv4 addresses that we listen at. */
  readonly addresses: readonly string[];
  readonly httpPorts: readonly number[];
}

/** Before the doors are open. */
export const NO_LAN_COUNTS: LanCounts = {
  searchesAnswered: 0,
  searchesIgnored: new Map(),
  eventsDelivered: 0,
  eventsFailed: 0,
  subscriptionsRefused: 0,
};

/** UDA 1.1 §1.2.2: "OS/version UPnP/1.1 product/version". */
const serverText = (version: string): string => `Linux/1.0 UPnP/1.1 igd2pcp/${version}`;

interface Listening {
  readonly lan: LanAddress;
  readonly listener: HttpListener;
}

export class LanSide {
  readonly #parts: LanSideParts;
  readonly #devices: IgdDevices;
  readonly #eventing: EventingSession;
  readonly #watch: VariableWatch;
  readonly #ssdp: SsdpSession;
  readonly #warning: OccasionalWarning;
  #wishes: readonly string[];
  #listeners: readonly Listening[] = [];
  #obstacles: readonly LanObstacle[] = [];
  #looking: { remove(): void } | undefined;
  #served: (doors: LanDoors) => void = () => {};
  #following: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(parts: LanSideParts) {
    this.#parts = parts;
    const { config, identity, host } = parts;
    this.#wishes = config.lan.interfaces;
    this.#devices = createIgdDevices({
      serve: config.lan.igd,
      descriptors: parts.descriptors,
      uuids: identity,
      friendlyName: config.lan.friendlyName,
      version: parts.version,
      gateway: parts.gateway,
      linkState: async () => {
        const external = parts.wanInterface();
        return external === undefined ? undefined : host.network.linkState(external);
      },
      resolve: (name) => host.network.resolve(name),
    });
    const services = [...this.#devices.evented.values()];
    this.#eventing = new EventingSession({
      host,
      driver: parts.driver,
      services,
      machineOf: parts.machineOf,
      server: serverText(parts.version),
    });
    this.#watch = new VariableWatch(services);
    this.#warning = new OccasionalWarning(host);
    this.#ssdp = new SsdpSession({
      host,
      driver: parts.driver,
      roots: this.#devices.advertised,
      bootId: identity.bootId,
      configId: this.#devices.configId,
      server: serverText(parts.version),
    });
  }

  /** The error is a sentence for the person who starts the daemon. A LAN that is not there yet is waited for. */
  static async open(parts: LanSideParts): Promise<Result<LanSide, string>> {
    const side = new LanSide(parts);
    await side.#devices.refreshLink();
    for (const lan of side.#outlook().lans) {
      const opened = await side.#listen(lan);
      if (opened.ok) continue;
      await side.close();
      return opened;
    }
    side.#looking = parts.watch.follow(() => side.#look());
    for (const listening of side.#listeners) side.#announce(listening);
    return ok(side);
  }

  /** Serves the addresses that the LAN interfaces have now: who changes the network of a house changes it under us. */
  follow(): Promise<void> {
    this.#following = this.#following.then(() => this.#follow());
    return this.#following;
  }

  /** Told at once, and whenever something else is served. */
  onServed(listener: (doors: LanDoors) => void): void {
    this.#served = listener;
    listener(this.#doors());
  }

  /** From a reloaded configuration. */
  useInterfaces(wishes: readonly string[]): void {
    this.#wishes = wishes;
  }

  /** What each LAN address is given; its first description is for a person to paste. */
  views(): readonly LanView[] {
    const announced = this.#ssdp.status();
    const served = this.#listeners.map(({ lan, listener }) => ({
      name: lan.interfaceName,
      address: lan.address.text,
      problem: announced.find((one) => one.lan.address.equals(lan.address))?.problem,
      descriptionUrls: this.#devices.advertised.map(
        ({ descriptionPath }) => `http://${endpointText(listener.endpoint)}${descriptionPath}`,
      ),
    }));
    const others = this.#obstacles.map(({ wish, why }) => ({
      name: wish,
      address: '',
      problem: why,
      descriptionUrls: [],
    }));
    return [...served, ...others];
  }

  /** The networks that are served. */
  lans(): readonly LanAddress[] {
    return this.#listeners.map(({ lan }) => lan);
  }

  subscribers(): number {
    return this.#eventing.counts().subscriptions;
  }

  counts(): LanCounts {
    const { eventsDelivered, eventsFailed, requestsRefused } = this.#eventing.counts();
    const lans = this.#ssdp.status();
    const searchesIgnored = new Map<string, number>();
    for (const { searchesIgnored: ignored } of lans) {
      for (const [why, count] of Object.entries(ignored))
        searchesIgnored.set(why, (searchesIgnored.get(why) ?? 0) + count);
    }
    const searchesAnswered = lans.reduce((sum, lan) => sum + lan.searchesAnswered, 0);
    return { searchesAnswered, searchesIgnored, eventsDelivered, eventsFailed, subscriptionsRefused: requestsRefused };
  }

  /** Something that is evented may have changed: subscribers hear of what did. */
  publishChanges(): void {
    for (const { service, variables } of this.#watch.look()) this.#eventing.publish(service.key, variables);
  }

  /** Goodbye first, then the doors. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#looking?.remove();
    await this.#following;
    await this.#ssdp.close();
    this.#eventing.close();
    await Promise.all(this.#listeners.map(({ listener }) => listener.close()));
  }

  async #listen(lan: LanAddress): Promise<Result<Listening, string>> {
    const { host, config, presentation, observe, turnedAway, prepare } = this.#parts;
    const control = new ControlEndpoint({
      server: serverText(this.#parts.version),
      knownServiceTypes: this.#devices.serviceTypes,
      clock: () => host.clock.now(),
      observe,
    });
    const routes = new LanRoutes({
      host,
      lan,
      devices: this.#devices,
      control,
      eventing: this.#eventing,
      presentation,
      server: serverText(this.#parts.version),
      turnedAway,
    });
    const endpoint = { address: lan.address, port: config.lan.httpPort };
    const place = { kind: 'tcp', endpoint, onlyFrom: lan.prefix } as const;
    const opened = await host.http.listen(place, LAN_LIMITS, async (request) => {
      await prepare(request);
      return routes.handle(request);
    });
    if (!opened.ok) return refused(`cannot serve the LAN: ${opened.error} (lan.http_port or --http-port)`);
    const listening = { lan, listener: opened.value };
    this.#listeners = [...this.#listeners, listening];
    return ok(listening);
  }

  #announce({ lan, listener }: Listening): void {
    if (this.#parts.config.lan.ssdp) this.#ssdp.add({ ...lan, port: listener.endpoint.port });
  }

  async #follow(): Promise<void> {
    if (this.#isClosed) return;
    const { host } = this.#parts;
    const served = this.#listeners.map(({ lan }) => lan);
    const { lans } = this.#outlook(served);
    for (const listening of this.#listeners) {
      if (!lans.some((lan) => isSameLan(lan, listening.lan))) await this.#leave(listening);
    }
    for (const lan of lans) {
      if (served.some((before) => isSameLan(before, lan))) continue;
      const opened = await this.#listen(lan);
      if (opened.ok) {
        host.log.info(`serving the LAN at ${lan.address.text} (${lan.interfaceName}) from now on`);
        this.#announce(opened.value);
      } else this.#warning.say('a new LAN address cannot be served yet', { why: opened.error });
    }
    this.#served(this.#doors());
  }

  async #leave({ lan, listener }: Listening): Promise<void> {
    this.#parts.host.log.warn(`no longer serving the LAN at ${lan.address.text} (${lan.interfaceName})`);
    this.#listeners = this.#listeners.filter((one) => one.listener !== listener);
    await this.#ssdp.remove(lan.address);
    await listener.close();
  }

  #doors(): LanDoors {
    const doors = this.#listeners.filter(({ lan }) => lan.address.isIPv4 && !lan.address.isLoopback);
    return {
      interfaces: [...new Set(doors.map(({ lan }) => deviceOf(lan.interfaceName)))],
      addresses: doors.map(({ lan }) => lan.address.text),
      httpPorts: [...new Set(doors.map(({ listener }) => listener.endpoint.port))],
    };
  }

  /** What is to be served now. What cannot be is said once, and again when the reason is another one. */
  #outlook(served: readonly LanAddress[] = []): LanOutlook {
    const { host, isDemo, wanInterface } = this.#parts;
    const interfaces = host.network.interfaces();
    const outlook = lookForLans(this.#wishes, interfaces, isDemo ? undefined : wanInterface(), served);
    const known = new Map(this.#obstacles.map(({ wish, isExternal }) => [wish, isExternal]));
    for (const { wish, why, isExternal } of outlook.obstacles) {
      if (known.get(wish) !== isExternal) host.log.warn(`${wish} is not served: ${why}`);
    }
    this.#obstacles = outlook.obstacles;
    return outlook;
  }

  async #look(): Promise<void> {
    await this.follow();
    await this.#devices.refreshLink();
    this.publishChanges();
  }
}
