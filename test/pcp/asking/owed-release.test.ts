import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../../src/base/ip-address.ts';
import { portNumber } from '../../../src/base/port-number.ts';
import { after, hours, seconds } from '../../../src/base/time.ts';
import { type ServerId, serverId } from '../../../src/pcp/asking/map-outcome.ts';
import { OTHER_NONCE, WAN } from '../wire/values.ts';
import { ANY_REQUEST, ClientDesk, candidate, EXACT_REQUEST, MAIN, SERVER, within } from './client-desk.ts';

const SPARE = { address: IpAddress.of('100.64.0.9'), port: 5351 };
const twoServers = () => new ClientDesk({ servers: [candidate('main', SERVER), candidate('spare', SPARE)] });

const withdrawals = (desk: ClientDesk) =>
  desk.has('withdrawal').map(({ withdrawal }) => `${withdrawal.state} ${withdrawal.server} ${withdrawal.internalPort}`);

function releaseOwed(desk: ClientDesk, id: number, server: ServerId, request = ANY_REQUEST): void {
  const { protocol, internalPort, thirdParty, nonce } = request;
  const key = { protocol, internalPort, thirdParty, nonce };
  desk.do((client, now) => client.release(id, { key, until: after(now, hours(1)), owedTo: server }, now));
}

describe('what the client withdraws by itself is told (RFC 6887 §15, IWF-40)', () => {
  it('when a request is given up, with all that is needed to delete it, and when the server has answered', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST, within(4));
    desk.advanceTo(5);
    expect(desk.has('withdrawal')).toMatchObject([
      {
        withdrawal: {
          state: 'owed',
          server: MAIN,
          protocol: 'TCP',
          internalPort: 40080,
          internalAddress: WAN,
          isThirdParty: false,
          nonce: ANY_REQUEST.nonce,
          lifetime: seconds(3600),
        },
      },
    ]);
    // Heard again: the deletion goes out and is answered.
    desk.announce();
    expect(desk.lastMap().lifetimeSeconds).toBe(0);
    desk.grant({ lifetimeSeconds: 0 });
    expect(withdrawals(desk)).toEqual(['owed main 40080', 'answered main 40080']);
  });

  it('when a mapping came that cannot be used (RFC 6887 §13.2)', () => {
    const desk = new ClientDesk({ settings: { emulatePreferFailure: true } });
    desk.map(EXACT_REQUEST);
    desk.refuse(5, 0);
    desk.grant({ externalPort: portNumber(8081) });
    expect(withdrawals(desk)).toEqual(['owed main 40080']);
  });

  it('when the process ends with a request under way', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST, within(4));
    desk.do((client, now) => client.close(now));
    expect(withdrawals(desk)).toEqual(['owed main 40080']);
  });

  it('when our address changes with a request under way: under the old one it may be there (RFC 6887 §11.3, P-55)', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST, within(4));
    const moved = { id: MAIN, addresses: [{ endpoint: SERVER, source: IpAddress.of('100.64.1.7') }] };
    desk.do((client, now) => client.setServers([moved], now));
    expect(desk.has('withdrawal')).toMatchObject([{ withdrawal: { state: 'owed', internalAddress: WAN } }]);
    desk.grant();
    expect(withdrawals(desk)).toEqual(['owed main 40080']);
  });

  it('when our address goes and a recovery is under way: nobody hears its answer (RFC 6887 §11.3, P-55)', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST, { kind: 'keep trying', until: desk.instant(600) });
    desk.do((client, now) => client.setServers([], now));
    expect(desk.has('withdrawal')).toMatchObject([{ withdrawal: { state: 'owed', internalAddress: WAN } }]);
  });

  it('of another host, too, when the server is there no more', () => {
    const desk = new ClientDesk();
    const thirdParty = IpAddress.of('192.168.1.20');
    desk.map({ ...ANY_REQUEST, thirdParty }, { kind: 'keep trying', until: desk.instant(600) });
    desk.do((client, now) => client.setServers([candidate('spare', SPARE)], now));
    const owed = { state: 'owed', server: MAIN, internalAddress: thirdParty, isThirdParty: true };
    expect(desk.has('withdrawal')).toMatchObject([{ withdrawal: owed }]);
  });

  it('of an endless request no longer than is believed of any grant (P-45)', () => {
    const desk = new ClientDesk();
    desk.map({ ...ANY_REQUEST, lifetimeSeconds: 0xffff_ffff }, within(4));
    desk.advanceTo(5);
    expect(desk.has('withdrawal')[0]?.withdrawal.lifetime).toBe(hours(24));
  });

  it('never of a mapping that is wanted, nor of one that was granted', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST);
    desk.grant();
    desk.map(ANY_REQUEST, within(4));
    desk.advance(5);
    expect(withdrawals(desk)).toEqual([]);
  });
});

describe('a release owed from before (RFC 6887 §15)', () => {
  it('goes to the server it is owed to, which need not be the one in use (RFC 7488 §4)', () => {
    const desk = twoServers();
    releaseOwed(desk, 77, serverId('spare'));
    expect(desk.maps().map(({ to }) => to)).toEqual(['100.64.0.9:5351']);
    desk.grant({ lifetimeSeconds: 0 }, SPARE);
    expect(desk.outcome(77)).toMatchObject({ kind: 'released', server: 'spare' });
  });

  it('goes nowhere when that server is not there', () => {
    const desk = twoServers();
    releaseOwed(desk, 77, serverId('long gone'));
    expect(desk.outcome(77)).toEqual({ kind: 'unanswered', why: 'no server' });
    expect(desk.maps()).toEqual([]);
  });

  it('gives way to a request for the same mapping that is under way, whatever its nonce (RFC 6887 §11.3)', () => {
    const desk = new ClientDesk();
    const id = desk.map(ANY_REQUEST, within(4));
    releaseOwed(desk, 77, MAIN, { ...ANY_REQUEST, nonce: OTHER_NONCE });
    expect(desk.outcome(77)).toMatchObject({ kind: 'unanswered' });
    desk.grant();
    expect(desk.outcome(id)).toMatchObject({ kind: 'granted' });
    expect(desk.maps()).toHaveLength(1);
  });

  it('is replaced by a request for the same mapping that comes later (P-73)', () => {
    const desk = new ClientDesk();
    releaseOwed(desk, 77, MAIN);
    const id = desk.map(ANY_REQUEST, within(4));
    expect(desk.outcome(77)).toMatchObject({ kind: 'unanswered' });
    desk.grant();
    expect(desk.outcome(id)).toMatchObject({ kind: 'granted' });
  });

  it('waits behind renewals that end sooner; a fresh deletion does not (RFC 6887 §14.1.3)', () => {
    const pacing = { packetsPerSecond: 10, burst: 1, inFlight: 50 };
    const desk = new ClientDesk({ settings: { pacing } });
    const port = (internalPort: number) => ({ ...ANY_REQUEST, internalPort: portNumber(internalPort) });
    desk.map(port(1), { kind: 'keep trying', until: desk.instant(60) });
    releaseOwed(desk, 77, MAIN, port(2));
    desk.map(port(3), { kind: 'keep trying', until: desk.instant(60) });
    desk.release(port(4));
    desk.advance(1);
    const order = desk.maps().map(({ request }) => (request?.kind === 'map' ? request.internalPort : 0));
    expect(order).toEqual([1, 4, 3, 2]);
  });
});
