import { describe, expect, it } from 'vitest';
import { ByteReader } from '../../src/base/byte-reader.ts';
import { ByteWriter } from '../../src/base/byte-writer.ts';
import { IpAddress } from '../../src/base/ip-address.ts';

describe('ByteWriter and ByteReader', () => {
  it('agree on every kind of field', () => {
    const address = IpAddress.of('2001:db8::7');
    const writer = new ByteWriter().u8(1).u16(0x0203).u32(0xfffefdfc).zeros(2).raw(Uint8Array.of(9, 8));
    const bytes = writer.address(address).ipv4Address(IpAddress.of('192.0.2.1')).bytes();
    const reader = new ByteReader(bytes);
    expect([reader.u8(), reader.u16(), reader.u32()]).toEqual([1, 0x0203, 0xfffefdfc]);
    reader.skip(2);
    expect([...reader.take(2)]).toEqual([9, 8]);
    expect([reader.address().text, reader.ipv4Address().text]).toEqual(['2001:db8::7', '192.0.2.1']);
    expect(reader.remaining).toBe(0);
  });

  it('the writer grows past its first capacity', () => {
    const writer = new ByteWriter();
    for (let i = 0; i < 1000; i += 1) writer.u16(i);
    expect(new ByteReader(writer.bytes().subarray(1998)).u16()).toBe(999);
  });

  it('the reader throws rather than reading past the end', () => {
    expect(() => new ByteReader(Uint8Array.of(1)).u16()).toThrow(RangeError);
    expect(() => new ByteReader(Uint8Array.of(1)).take(2)).toThrow(RangeError);
  });

  it('the writer throws rather than cutting a number short', () => {
    expect(() => new ByteWriter().u8(256)).toThrow(RangeError);
    expect(() => new ByteWriter().u16(-1)).toThrow(RangeError);
    expect(() => new ByteWriter().u32(2 ** 32)).toThrow(RangeError);
    expect(() => new ByteWriter().ipv4Address(IpAddress.of('::1'))).toThrow(RangeError);
  });

  it('what was taken is a copy: the lender may use its buffer again', () => {
    const lent = Uint8Array.of(1, 2, 3);
    const taken = new ByteReader(lent).take(3);
    lent[0] = 99;
    expect([...taken]).toEqual([1, 2, 3]);
  });
});
