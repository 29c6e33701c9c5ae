import { expect, it } from 'vitest';
import { IpAddress } from '../../../src/base/ip-address.ts';
import { inOrder } from '../../../src/pcp/asking/address-order.ts';

const way = (to: string, from: string) => ({
  endpoint: { address: IpAddress.of(to), port: 5351 },
  source: IpAddress.of(from),
});
const orderOf = (...ways: readonly ReturnType<typeof way>[]): readonly string[] =>
  inOrder(ways).map(({ endpoint }) => endpoint.address.text);

it('the order given counts where both ways are alike, whatever the family (RFC 6724 §6 rule 10)', () => {
  const ipv4 = way('192.0.2.1', '192.168.1.2');
  const ipv6 = way('2001:db8::1', '2001:db8::2');
  expect(orderOf(ipv4, ipv6)).toEqual(['192.0.2.1', '2001:db8::1']);
  expect(orderOf(ipv6, ipv4)).toEqual(['2001:db8::1', '192.0.2.1']);
});

it('a global address that only a unique local one leads to comes behind (RFC 6724 §6 rule 5)', () => {
  expect(orderOf(way('2001:db8::1', 'fd00::2'), way('fd00::1', 'fd00::2'))).toEqual(['fd00::1', '2001:db8::1']);
});

it('a link-local router is not put back for being asked from a global address (RFC 6887 §8.1)', () => {
  expect(orderOf(way('fe80::1', '2001:db8::2'), way('192.0.2.1', '192.0.2.2'))).toEqual(['fe80::1', '192.0.2.1']);
});

it('and one of another scope last (RFC 6724 §6 rule 2)', () => {
  const ways = [way('2001:db8::1', 'fe80::2'), way('2001:db8::3', 'fd00::2'), way('192.0.2.1', '192.0.2.2')];
  expect(orderOf(...ways)).toEqual(['192.0.2.1', '2001:db8::3', '2001:db8::1']);
});
