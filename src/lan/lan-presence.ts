// One LAN address in SSDP: its socket, the machines that speak and answer through it, and its coming and going with the
// interface. Rules live in the machines of upnp/ssdp/.

import type { Driven, Driver } from '../base/drive.ts';
import type { Host, UdpSocket } from '../base/host.ts';
import { type Endpoint, endpointText, type IpAddress } from '../base/ip-address.ts';
import type { IpPrefix } from '../base/ip-prefix.ts';
import { OccasionalWarning } from '../base/occasional-warning.ts';
import { unreachable } from '../base/result.ts';
import { SSDP_GROUP, SSDP_PORT, type SsdpMessage, type SsdpSocket, ssdpText } from '../base/ssdp-socket.ts';
import type { AdvertisedRoot } from '../upnp/ssdp/advertised-root.ts';
import { Announcer } from '../upnp/ssdp/announcer.ts';
import { InterfaceWatch } from '../upnp/ssdp/interface-watch.ts';
import { type SearchIgnored, SearchResponder, type SearchResponderOutput } from '../upnp/ssdp/search-responder.ts';
import { SearchWatchdog, type SearchWatchdogOutput } from '../upnp/ssdp/search-watchdog.ts';
import { type SsdpSpeaker, searchMessage } from '../upnp/ssdp/ssdp-messages.ts';
import { httpDate } from '../upnp/upnp-headers.ts';

export interface SsdpLan {
  readonly interfaceName: string;
  readonly address: IpAddress;
  readonly prefix: IpPrefix;
  /** Where descriptions are served. */
  readonly port: number;
}

export interface LanPresenceOptions {
  readonly host: Host;
  readonly driver: Driver;
  readonly roots: readonly AdvertisedRoot[];
  /** Greater than in any earlier run; each return of an interface counts on from here. */
  readonly bootId: number;
  readonly configId: number;
  readonly server: string;
}

export interface SsdpLanStatus {
  readonly lan: SsdpLan;
  readonly isAttached: boolean;
  /** Why the gateway is not announced there, in a sentence. */
  readonly problem: string | undefined;
  readonly searchesAnswered: number;
  readonly searchesIgnored: Readonly<Record<SearchIgnored, number>>;
}

/** What exists while the socket of a LAN address is open. */
interface Attachment {
  readonly socket: SsdpSocket;
  readonly announcer: Driven<Announcer, { readonly kind: 'multicast'; readonly message: SsdpMessage }>;
  readonly responder: Driven<SearchResponder, SearchResponderOutput>;
  readonly watchdog: Driven<SearchWatchdog, SearchWatchdogOutput>;
  readonly ownSearch: OwnSearch;
}

export class LanPresence {
  readonly #options: LanPresenceOptions;
  readonly #lan: SsdpLan;
  readonly #watch: Driven<InterfaceWatch, { readonly kind: 'look' }>;
  readonly #warning: OccasionalWarning;
  readonly #ignored: Record<SearchIgnored, number> = {
    'not from this LAN': 0,
    malformed: 0,
    'not ours': 0,
    'already pending': 0,
    'too many searches': 0,
  };
  #answered = 0;
  #attachments = 0;
  #attachment: Attachment | undefined;
  #changing: Promise<void> = Promise.resolve();
  #problem: string | undefined;
  #isClosed = false;

  constructor(options: LanPresenceOptions, lan: SsdpLan) {
    this.#options = options;
    this.#lan = lan;
    this.#warning = new OccasionalWarning(options.host);
    this.#watch = options.driver.add(`SSDP watch ${lan.interfaceName}`, new InterfaceWatch(), () => {
      this.#inTurn(() => this.#look());
    });
  }

  /** Greater than all that were announced there. */
  get nextBootId(): number {
    return this.#options.bootId + this.#attachments;
  }

  start(): void {
    this.#watch.run((machine, now) => machine.handleStart(now));
  }

  status(): SsdpLanStatus {
    return {
      lan: this.#lan,
      isAttached: this.#attachment !== undefined,
      problem: this.#problem,
      searchesAnswered: this.#answered,
      searchesIgnored: { ...this.#ignored },
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#watch.remove();
    await this.#changing;
    this.#attachment?.announcer.run((machine, now) => machine.handleStop(now));
    await this.#detach();
  }

  /** Opening and closing take their time: one at a time, and `close` after all of them. */
  #inTurn(work: () => Promise<void>): void {
    this.#changing = this.#changing.then(work);
  }

  async #look(): Promise<void> {
    const isThere = this.#isAddressThere();
    if (!isThere && this.#attachment !== undefined) await this.#lose('the address is gone from the interface');
    if (isThere && this.#attachment === undefined) await this.#attach();
    if (!this.#isClosed) this.#watch.run((machine, now) => machine.handleLooked(this.#attachment !== undefined, now));
  }

  #isAddressThere(): boolean {
    // All of 127.0.0.0/8 is there, though only one address of it is listed.
    if (this.#lan.address.isLoopback) return true;
    const rows = this.#options.host.network.interfaces();
    return rows.some((row) => row.name === this.#lan.interfaceName && row.address.equals(this.#lan.address));
  }

  async #attach(): Promise<void> {
    const opened = await this.#options.host.ssdp.open(this.#lan, {
      message: (message, from) => {
        const attachment = this.#attachment;
        if (attachment === undefined) return;
        if (message.startLine.startsWith('M-SEARCH') && !from.address.equals(this.#lan.address)) {
          if (this.#lan.prefix.contains(from.address))
            attachment.watchdog.run((machine, now) => machine.handleOthersSearch(now));
        }
        attachment.responder.run((machine, now) => machine.handleMessage(message, from, now));
      },
      failed: (why) => {
        this.#inTurn(() => this.#lose(why));
      },
    });
    if (!opened.ok) {
      // Said once, not every five seconds.
      const problem = `cannot announce the gateway: ${opened.error}`;
      if (this.#problem !== problem) this.#options.host.log.warn(problem);
      this.#problem = problem;
      return;
    }
    this.#problem = undefined;
    this.#attachment = this.#build(opened.value);
    this.#attachment.announcer.run((machine, now) => machine.handleStart(now));
    this.#attachment.watchdog.run((machine, now) => machine.handleStart(now));
    this.#options.host.log.info(`gateway announced on ${this.#lan.interfaceName} (${this.#lan.address.text})`);
  }

  #build(socket: SsdpSocket): Attachment {
    const { host, driver, roots, configId, server } = this.#options;
    const baseUrl = `http://${endpointText(this.#lan)}`;
    const speaker: SsdpSpeaker = { baseUrl, server, configId, bootId: this.nextBootId };
    this.#attachments += 1;
    const name = this.#lan.interfaceName;
    const ownSearch = new OwnSearch(host, this.#lan.address, roots, () =>
      this.#attachment?.watchdog.run((machine, now) => machine.handleAnswer(now)),
    );
    return {
      socket,
      ownSearch,
      announcer: driver.add(`SSDP announcements ${name}`, new Announcer(speaker, roots, host.random), (output) =>
        socket.multicast(output.message),
      ),
      responder: driver.add(
        `SSDP answers ${name}`,
        new SearchResponder(speaker, roots, this.#lan.prefix, host.random),
        (output) => this.#performAnswer(socket, output),
      ),
      watchdog: driver.add(`SSDP watchdog ${name}`, new SearchWatchdog(), (output) =>
        this.#performWatch(socket, ownSearch, output),
      ),
    };
  }

  #performAnswer(socket: SsdpSocket, output: SearchResponderOutput): void {
    switch (output.kind) {
      case 'unicast':
        this.#answered += 1;
        socket.unicast(this.#dated(output.message), output.to);
        return;
      case 'ignored':
        this.#ignored[output.why] += 1;
        if (output.why === 'too many searches')
          this.#warning.say(`searches on ${this.#lan.interfaceName} come faster than answers may leave`);
        return;
      default:
        unreachable(output);
    }
  }

  #performWatch(socket: SsdpSocket, ownSearch: OwnSearch, output: SearchWatchdogOutput): void {
    const where = this.#lan.interfaceName;
    switch (output.kind) {
      case 'ask':
        void ownSearch.ask();
        return;
      case 'rejoin':
        if (output.why === 'unanswered')
          this.#warning.say(`searches no longer reach us on ${where}: joining the group again`);
        socket.rejoin();
        return;
      case 'answered again':
        this.#options.host.log.info(`searches reach us again on ${where}`);
        return;
      default:
        unreachable(output);
    }
  }

  /** UDA 1.1 §1.3.3: DATE is recommended. */
  #dated(message: SsdpMessage): SsdpMessage {
    const date = httpDate(this.#options.host.clock.wallTime());
    return { ...message, headers: [...message.headers, ['DATE', date]] };
  }

  async #lose(why: string): Promise<void> {
    if (this.#attachment === undefined) return;
    this.#options.host.log.warn(`gateway no longer announced on ${this.#lan.interfaceName}: ${why}`);
    this.#problem = why;
    await this.#detach();
    if (!this.#isClosed) this.#watch.run((machine, now) => machine.handleLooked(false, now));
  }

  async #detach(): Promise<void> {
    const attachment = this.#attachment;
    if (attachment === undefined) return;
    this.#attachment = undefined;
    attachment.announcer.remove();
    attachment.responder.remove();
    attachment.watchdog.remove();
    attachment.ownSearch.end();
    await attachment.socket.close();
  }
}

// Searches for our own root the way a control point does: from a port of its own, over the interface of one LAN address,
// through the kernel and back to our own SSDP socket. Whether and when is the SearchWatchdog's business.

const GROUP: Endpoint = { address: SSDP_GROUP, port: SSDP_PORT };
const MAX_DELAY_SECONDS = 1;

class OwnSearch {
  readonly #host: Host;
  readonly #from: IpAddress;
  readonly #roots: readonly AdvertisedRoot[];
  readonly #answered: () => void;
  #socket: UdpSocket | undefined;
  #isEnded = false;

  constructor(host: Host, from: IpAddress, roots: readonly AdvertisedRoot[], answered: () => void) {
    this.#host = host;
    this.#from = from;
    this.#roots = roots;
    this.#answered = answered;
  }

  async ask(): Promise<void> {
    const udn = this.#roots[0]?.root.udn;
    if (udn === undefined) return;
    if (this.#socket === undefined) await this.#open(udn);
    this.#socket?.send(new TextEncoder().encode(ssdpText(searchMessage(udn, MAX_DELAY_SECONDS))), GROUP);
  }

  end(): void {
    this.#isEnded = true;
    this.#shut();
  }

  async #open(udn: string): Promise<void> {
    const opened = await this.#host.udp.open(
      { address: this.#from },
      {
        datagram: (bytes) => {
          const text = new TextDecoder().decode(bytes);
          if (!text.startsWith('HTTP/1.1 200') || !text.includes(udn)) return;
          this.#shut();
          this.#answered();
        },
      },
    );
    if (!opened.ok) return;
    if (this.#isEnded) opened.value.close();
    else this.#socket = opened.value;
  }

  #shut(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}
