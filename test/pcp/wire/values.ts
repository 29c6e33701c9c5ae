// The values behind the vectors, and generators of arbitrary messages for the codec laws.

import fc from 'fast-check';
import { ANY_IPV4, ANY_IPV6, IpAddress } from '../../../src/base/ip-address.ts';
import { ANY_PORT, type PortNumber, portNumber } from '../../../src/base/port-number.ts';
import type { TransportProtocol } from '../../../src/base/transport-protocol.ts';
import { type MappingNonce, nonceFromBytes } from '../../../src/pcp/asking/mapping-nonce.ts';
import type { NatPmpRequest } from '../../../src/pcp/wire/nat-pmp-request.ts';
import type { NatPmpResponse } from '../../../src/pcp/wire/nat-pmp-response.ts';
import type { Option } from '../../../src/pcp/wire/option.ts';
import type { MapWireRequest, PcpRequest } from '../../../src/pcp/wire/pcp-request.ts';
import type { MapResponse, PcpResponse } from '../../../src/pcp/wire/pcp-response.ts';

export const WAN = IpAddress.of('100.64.1.2');
export const WAN_IPV6 = IpAddress.of('2001:db8:b4::1');
export const EXTERNAL = IpAddress.of('203.0.113.7');
export const LAN_HOST = IpAddress.of('192.168.1.10');
export const PEER = IpAddress.of('198.51.100.9');
export const NONCE = '101112131415161718191a1b' as MappingNonce;
export const OTHER_NONCE = 'a0a1a2a3a4a5a6a7a8a9aaab' as MappingNonce;

export const PREFER_FAILURE: Option = { kind: 'prefer failure' };
export const THIRD_PARTY: Option = { kind: 'third party', internalAddress: LAN_HOST };
export const FILTER_ONE: Option = { kind: 'filter', prefixBits: 128, remotePort: ANY_PORT, remoteAddress: PEER };
export const FILTER_CLEAR: Option = { kind: 'filter', prefixBits: 0, remotePort: ANY_PORT, remoteAddress: ANY_IPV6 };

const baseRequest: MapWireRequest = {
  kind: 'map',
  clientAddress: WAN,
  lifetimeSeconds: 3600,
  nonce: NONCE,
  protocol: 6,
  internalPort: portNumber(40080),
  externalPort: portNumber(8080),
  externalAddress: ANY_IPV4,
  options: [],
};

const mapRequest = (change: Partial<MapWireRequest>): MapWireRequest => ({ ...baseRequest, ...change });

const mapResponse = (change: Partial<MapResponse>): MapResponse => ({
  kind: 'map',
  code: 0,
  lifetimeSeconds: 3600,
  epoch: 1003,
  nonce: NONCE,
  protocol: 6,
  internalPort: portNumber(40080),
  externalPort: portNumber(8080),
  externalAddress: ANY_IPV4,
  options: [],
  ...change,
});

const udpFiltered = { protocol: 17, internalPort: portNumber(40053), externalPort: portNumber(5353) } as const;
const plainMode = {
  clientAddress: WAN_IPV6,
  internalPort: portNumber(8080),
  options: [THIRD_PARTY, PREFER_FAILURE],
} as const;
const deletion = { lifetimeSeconds: 0, externalPort: ANY_PORT } as const;

export const REQUESTS: Readonly<Record<string, PcpRequest>> = {
  V01: mapRequest({}),
  V03: mapRequest({ options: [PREFER_FAILURE] }),
  V07: mapRequest({
    ...udpFiltered,
    internalPort: portNumber(0x9c75),
    externalPort: portNumber(0x14e9),
    options: [PREFER_FAILURE, FILTER_ONE],
  }),
  V08: mapRequest({
    ...udpFiltered,
    internalPort: portNumber(0x9c75),
    externalPort: portNumber(0x14e9),
    externalAddress: EXTERNAL,
    options: [FILTER_CLEAR, FILTER_ONE],
  }),
  V09: mapRequest(plainMode),
  V11: mapRequest(deletion),
  V13: mapRequest({ ...plainMode, ...deletion, options: [THIRD_PARTY] }),
  V14: mapRequest({ lifetimeSeconds: 0xffff_ffff, options: [PREFER_FAILURE] }),
  V15: mapRequest({ externalAddress: EXTERNAL, options: [PREFER_FAILURE] }),
  V18: { kind: 'announce', clientAddress: WAN, lifetimeSeconds: 0, options: [] },
  V26: {
    ...baseRequest,
    kind: 'peer',
    lifetimeSeconds: 900,
    nonce: OTHER_NONCE,
    externalPort: ANY_PORT,
    remotePort: portNumber(443),
    remoteAddress: PEER,
  },
  V27: mapRequest({ options: [PREFER_FAILURE, { kind: 'description', text: 'Camera' }] }),
  V28: mapRequest({
    protocol: 17,
    internalPort: portNumber(50000),
    externalPort: ANY_PORT,
    options: [{ kind: 'port set', size: 100, firstPort: portNumber(50000), parity: false }],
  }),
  V29: mapRequest({
    internalPort: portNumber(8080),
    options: [THIRD_PARTY, { kind: 'third party id', id: Uint8Array.of(0, 0, 0xab, 0xcd) }],
  }),
  V30: {
    kind: 'announce',
    clientAddress: WAN_IPV6,
    lifetimeSeconds: 0,
    options: [{ kind: 'prefix64', prefixLength: 12, prefixAndSuffix: new Uint8Array(12), ipv4Prefixes: [] }],
  },
  V31: mapRequest({ protocol: 0, internalPort: ANY_PORT, externalPort: ANY_PORT }),
};

const granted = { externalAddress: EXTERNAL } as const;
const announce = { kind: 'announce', code: 0, lifetimeSeconds: 0, options: [] } as const;

export const RESPONSES: Readonly<Record<string, PcpResponse>> = {
  V02: mapResponse({ ...granted, lifetimeSeconds: 1800, epoch: 1000, externalPort: portNumber(6598) }),
  V04: mapResponse({ ...granted, epoch: 1001, options: [PREFER_FAILURE] }),
  V05: mapResponse({ code: 11, lifetimeSeconds: 30, epoch: 1002, options: [PREFER_FAILURE] }),
  V06: mapResponse({ code: 11, lifetimeSeconds: 1800, epoch: 1002, options: [PREFER_FAILURE] }),
  V10: mapResponse({
    ...granted,
    epoch: 77,
    internalPort: portNumber(8080),
    options: [THIRD_PARTY, PREFER_FAILURE],
  }),
  V12: mapResponse({ ...deletion, epoch: 1010 }),
  V16: mapResponse({
    lifetimeSeconds: 1700,
    epoch: 2000,
    externalPort: portNumber(12345),
    externalAddress: IpAddress.of('203.0.113.99'),
  }),
  V17: mapResponse({ ...granted, code: 11, lifetimeSeconds: 1800, epoch: 2000, options: [PREFER_FAILURE] }),
  V19: { ...announce, epoch: 5000 },
  V20: { ...announce, epoch: 0 },
  V21: mapResponse({ code: 12, lifetimeSeconds: 1800 }),
  V22: mapResponse({ code: 5, lifetimeSeconds: 1800, options: [PREFER_FAILURE] }),
  V23: mapResponse({ code: 2, lifetimeSeconds: 1234 }),
  V24: mapResponse({ code: 10, lifetimeSeconds: 30 }),
  V32: mapResponse({
    ...granted,
    epoch: 1001,
    options: [{ kind: 'unknown', code: 0xfe, data: Uint8Array.of(0x61, 0x62, 0x63) }],
  }),
};

export const NAT_PMP_REQUESTS: Readonly<Record<string, NatPmpRequest>> = {
  N03: { kind: 'external address' },
  N05: {
    kind: 'map',
    protocol: 'TCP',
    internalPort: portNumber(40080),
    suggestedPort: portNumber(8080),
    lifetimeSeconds: 7200,
  },
  N07: { kind: 'map', protocol: 'TCP', internalPort: portNumber(40080), suggestedPort: ANY_PORT, lifetimeSeconds: 0 },
};

export const NAT_PMP_RESPONSES: Readonly<Record<string, NatPmpResponse>> = {
  N01: { kind: 'version refused', secondOctet: 0, epoch: 4321 },
  N02: { kind: 'version refused', secondOctet: 0x81, epoch: 4321 },
  N04: { kind: 'external address', code: 0, epoch: 4322, address: EXTERNAL },
  N06: {
    kind: 'map',
    code: 0,
    epoch: 4323,
    protocol: 'TCP',
    internalPort: portNumber(40080),
    mappedPort: portNumber(8081),
    lifetimeSeconds: 3600,
  },
  N08: {
    kind: 'map',
    code: 0,
    epoch: 4324,
    protocol: 'TCP',
    internalPort: portNumber(40080),
    mappedPort: ANY_PORT,
    lifetimeSeconds: 0,
  },
};

const octets = (count: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: count, maxLength: count });
const u8 = fc.integer({ min: 0, max: 0xff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const port: fc.Arbitrary<PortNumber> = fc.integer({ min: 0, max: 0xffff }).map(portNumber);
const ipv4 = octets(4).map((bytes) => IpAddress.fromIPv4Bytes(bytes));
const address = fc.oneof(
  ipv4,
  octets(16).map((bytes) => IpAddress.fromBytes(bytes)),
);
const nonce = octets(12).map(nonceFromBytes);

const option: fc.Arbitrary<Option> = fc.oneof(
  address.map((internalAddress) => ({ kind: 'third party', internalAddress }) as const),
  fc.constant(PREFER_FAILURE),
  fc.record({
    kind: fc.constant('filter' as const),
    prefixBits: fc.integer({ min: 0, max: 128 }),
    remotePort: port,
    remoteAddress: address,
  }),
  fc.record({ kind: fc.constant('third party id' as const), id: fc.uint8Array({ maxLength: 40 }) }),
  fc.record({
    kind: fc.constant('description' as const),
    text: fc.string({ maxLength: 40, unit: 'grapheme' }),
  }),
  fc.record({
    kind: fc.constant('prefix64' as const),
    prefixLength: fc.constantFrom(4, 5, 6, 7, 8, 12),
    prefixAndSuffix: octets(12),
    ipv4Prefixes: fc.array(fc.record({ bits: fc.integer({ min: 0, max: 32 }), address: ipv4 }), { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant('port set' as const),
    size: fc.integer({ min: 0, max: 0xffff }),
    firstPort: port,
    parity: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('unknown' as const),
    code: fc.constantFrom(0, 4, 12, 64, 127, 131, 200, 254, 255),
    data: fc.uint8Array({ maxLength: 40 }),
  }),
);

const options = fc.array(option, { maxLength: 4 });
const mapFields = {
  nonce,
  protocol: u8,
  internalPort: port,
  externalPort: port,
  externalAddress: address,
};
const peerFields = { ...mapFields, remotePort: port, remoteAddress: address };
const requestHead = { clientAddress: address, lifetimeSeconds: u32, options };
/** UNSUPP_VERSION reads as another message by design. */
const responseHead = { code: u8.filter((code) => code !== 1), lifetimeSeconds: u32, epoch: u32, options };

export const anyRequest: fc.Arbitrary<PcpRequest> = fc.oneof(
  fc.record({ kind: fc.constant('announce' as const), ...requestHead }),
  fc.record({ kind: fc.constant('map' as const), ...requestHead, ...mapFields }),
  fc.record({ kind: fc.constant('peer' as const), ...requestHead, ...peerFields }),
);

export const anyResponse: fc.Arbitrary<PcpResponse> = fc.oneof(
  fc.record({ kind: fc.constant('announce' as const), ...responseHead }),
  fc.record({ kind: fc.constant('map' as const), ...responseHead, ...mapFields }),
  fc.record({ kind: fc.constant('peer' as const), ...responseHead, ...peerFields }),
);

const transport = fc.constantFrom<TransportProtocol>('TCP', 'UDP');

export const anyNatPmpRequest: fc.Arbitrary<NatPmpRequest> = fc.oneof(
  fc.constant<NatPmpRequest>({ kind: 'external address' }),
  fc.record({
    kind: fc.constant('map' as const),
    protocol: transport,
    internalPort: port,
    suggestedPort: port,
    lifetimeSeconds: u32,
  }),
);

export const anyNatPmpResponse: fc.Arbitrary<NatPmpResponse> = fc.oneof(
  fc.record({ kind: fc.constant('version refused' as const), secondOctet: u8, epoch: u32 }),
  fc.record({ kind: fc.constant('external address' as const), code: fc.constant(0), epoch: u32, address: ipv4 }),
  fc.record({
    kind: fc.constant('map' as const),
    code: fc.integer({ min: 0, max: 0xffff }).filter((code) => code !== 1),
    epoch: u32,
    protocol: transport,
    internalPort: port,
    mappedPort: port,
    lifetimeSeconds: u32,
  }),
);
