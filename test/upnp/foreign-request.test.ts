import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { foreignRequestProblem } from '../../src/upnp/foreign-request.ts';
import { httpRequest } from '../doubles/igd-under-test.ts';

const problem = (headers: Record<string, string>, address = '192.168.1.1') =>
  foreignRequestProblem(httpRequest({ headers, local: { address: IpAddress.of(address), port: 5000 } }));

describe('requests that are meant for us', () => {
  it.each(['192.168.1.1', '192.168.1.1:5000', '192.168.1.1:80', ' 192.168.1.1:5000 ', ''])('Host "%s"', (host) => {
    expect(problem({ host })).toBeUndefined();
  });

  it('no Host at all: HTTP/1.0 and careless clients', () => {
    expect(problem({})).toBeUndefined();
  });

  it.each(['[fd00::1]', '[fd00::1]:5000', '[FD00:0:0::1]:5000', '[fd00::1%25br-lan]'])('Host "%s" on IPv6', (host) => {
    expect(problem({ host }, 'fd00::1')).toBeUndefined();
  });
});

describe('requests that are not', () => {
  it.each([
    'evil.example',
    'evil.example:5000',
    'localhost',
    '192.168.1.2',
    '192.168.1.1.evil.example',
    '192.168.1.1@evil.example',
    '0xc0a80101',
    '3232235777',
    '192.168.1.1, evil.example',
    '[::1]',
  ])('DNS rebinding: Host "%s"', (host) => {
    expect(problem({ host })).toContain('Host');
  });

  it.each(['http://evil.example', 'null', ''])('a web page with Origin "%s"', (origin) => {
    expect(problem({ host: '192.168.1.1', origin })).toContain('web page');
  });
});
