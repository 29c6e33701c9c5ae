// The SSDP messages a root device sends, header by header (UDA 1.1 §1.2.2, §1.2.3, §1.3.2, §1.3.3).
// Values come from our own tables only, so nothing here can carry a line break.

import { SSDP_GROUP, SSDP_PORT, type SsdpMessage } from '../../base/ssdp-socket.ts';
import { inSeconds, seconds } from '../../base/time.ts';
import type { AdvertisedRoot, Advertisement } from './advertised-root.ts';

/** Who speaks, on one LAN address. */
export interface SsdpSpeaker {
  /** "http://192.168.1.1:5000": each LAN hears of the address it can reach. */
  readonly baseUrl: string;
  /** "OS/version UPnP/1.1 product/version" (UDA 1.1 §1.2.2). */
  readonly server: string;
  /** Grows whenever the device joins the network anew (UDA 1.1 §1.2.2). */
  readonly bootId: number;
  /** Changes whenever a description does. */
  readonly configId: number;
}

/** UDA 1.1 §1.2.2: not less than 1800 s. */
export const MAX_AGE = seconds(1800);

const HOST = `${SSDP_GROUP.text}:${SSDP_PORT}`;
const CACHE_CONTROL = `max-age=${inSeconds(MAX_AGE)}`;

export function aliveMessage(speaker: SsdpSpeaker, root: AdvertisedRoot, advertisement: Advertisement): SsdpMessage {
  return {
    startLine: 'NOTIFY * HTTP/1.1',
    headers: [
      ['HOST', HOST],
      ['CACHE-CONTROL', CACHE_CONTROL],
      ['LOCATION', `${speaker.baseUrl}${root.descriptionPath}`],
      ['NT', advertisement.type],
      ['NTS', 'ssdp:alive'],
      ['SERVER', speaker.server],
      ['USN', advertisement.usn],
      ...identifiers(speaker),
    ],
  };
}

export function byebyeMessage(speaker: SsdpSpeaker, advertisement: Advertisement): SsdpMessage {
  return {
    startLine: 'NOTIFY * HTTP/1.1',
    headers: [
      ['HOST', HOST],
      ['NT', advertisement.type],
      ['NTS', 'ssdp:byebye'],
      ['USN', advertisement.usn],
      ...identifiers(speaker),
    ],
  };
}

/** DATE is left to whoever has a calendar. */
export function searchResponse(speaker: SsdpSpeaker, root: AdvertisedRoot, advertisement: Advertisement): SsdpMessage {
  return {
    startLine: 'HTTP/1.1 200 OK',
    headers: [
      ['CACHE-CONTROL', CACHE_CONTROL],
      ['EXT', ''],
      ['LOCATION', `${speaker.baseUrl}${root.descriptionPath}`],
      ['SERVER', speaker.server],
      ['ST', advertisement.type],
      ['USN', advertisement.usn],
      ...identifiers(speaker),
    ],
  };
}

export function searchMessage(target: string, maxDelaySeconds: number): SsdpMessage {
  return {
    startLine: 'M-SEARCH * HTTP/1.1',
    headers: [
      ['HOST', HOST],
      ['MAN', '"ssdp:discover"'],
      ['MX', String(maxDelaySeconds)],
      ['ST', target],
    ],
  };
}

/** The value of a header, without the blanks around it; names are compared in any case. */
export function headerOf(message: SsdpMessage, name: string): string | undefined {
  return message.headers.find(([key]) => key.toUpperCase() === name)?.[1].trim();
}

const identifiers = (speaker: SsdpSpeaker): readonly (readonly [string, string])[] => [
  ['BOOTID.UPNP.ORG', String(speaker.bootId)],
  ['CONFIGID.UPNP.ORG', String(speaker.configId)],
];
