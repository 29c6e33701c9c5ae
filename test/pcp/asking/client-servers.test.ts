import { describe, expect, it } from 'vitest';
import { type Endpoint, IpAddress } from '../../../src/base/ip-address.ts';
import { portNumber } from '../../../src/base/port-number.ts';
import { EXTERNAL, LAN_HOST, OTHER_NONCE } from '../wire/values.ts';
import { ANY_REQUEST, ClientDesk, candidate, MAIN, SECOND_ADDRESS, SERVER, within } from './client-desk.ts';

const OTHER: Endpoint = { address: IpAddress.of('100.64.0.9'), port: 5351 };

const refuseIcmp = (desk: ClientDesk, endpoint: Endpoint): void => {
  desk.do((client, now) => client.handleUnreachable(endpoint, now));
};

describe('one server with several addresses (RFC 7488 §3)', () => {
  const twoAddresses = (): ClientDesk =>
    new ClientDesk({ servers: [candidate('main', SERVER, SECOND_ADDRESS)], silent: true });

  it('P-37: four tries at the first address, then the next', () => {
    const desk = twoAddresses();
    desk.advanceTo(60);
    expect(desk.sent.filter(({ to }) => to === '100.64.0.1:5351').map(({ at }) => at)).toEqual([0, 3, 9, 21]);
    expect(desk.sent.filter(({ to }) => to === '100.64.0.2:5351').map(({ at }) => at)).toEqual([45, 48, 54]);
  });

  it('P-37: a request that goes unanswered four times moves on as well', () => {
    const desk = new ClientDesk({ servers: [candidate('main', SERVER, SECOND_ADDRESS)] });
    desk.map(ANY_REQUEST);
    desk.advanceTo(46);
    expect(desk.maps().map(({ at, to }) => [at, to])).toEqual([
      [0, '100.64.0.1:5351'],
      [3, '100.64.0.1:5351'],
      [9, '100.64.0.1:5351'],
      [21, '100.64.0.1:5351'],
      [45, '100.64.0.2:5351'],
    ]);
  });

  it('P-31: every address of a server gets the same nonce', () => {
    const desk = twoAddresses();
    desk.map(ANY_REQUEST);
    refuseIcmp(desk, SERVER);
    const nonces = desk.maps().map(({ request }) => (request?.kind === 'map' ? request.nonce : ''));
    expect(nonces).toEqual([ANY_REQUEST.nonce, ANY_REQUEST.nonce]);
  });

  it('5.3-15: a hard ICMP error of an address that never answered moves on at once', () => {
    const desk = twoAddresses();
    const id = desk.map(ANY_REQUEST);
    desk.forget();
    refuseIcmp(desk, SERVER);
    expect(desk.maps().map(({ to }) => to)).toEqual(['100.64.0.2:5351']);
    desk.grant({}, SECOND_ADDRESS);
    expect(desk.outcome(id)?.kind).toBe('granted');
  });

  it('P-37: late answers of an address that was given up are ignored', () => {
    const desk = twoAddresses();
    const id = desk.map(ANY_REQUEST);
    refuseIcmp(desk, SERVER);
    desk.grant({}, SERVER);
    expect(desk.ignoredBecause()).toEqual(['server address not in use']);
    expect(desk.outcome(id)).toBeUndefined();
  });

  it('keeps to the address that works', () => {
    const desk = twoAddresses();
    refuseIcmp(desk, SERVER);
    desk.announce(desk.epoch, SECOND_ADDRESS);
    desk.forget();
    desk.advanceTo(3000);
    for (const { to } of desk.sent.slice(0, 4)) expect(to).toBe('100.64.0.2:5351');
    expect(desk.view().address).toBeDefined();
  });

  it('P-37: silent everywhere, the server is down, and the round is repeated every 15 minutes', () => {
    const desk = twoAddresses();
    desk.advanceTo(90);
    expect(desk.client.health()).toBe('down');
    desk.forget();
    desk.advanceTo(989);
    expect(desk.sent).toEqual([]);
    desk.advanceTo(990 + 90);
    expect(desk.sent.map(({ at }) => at - 990)).toEqual([0, 3, 9, 21, 45, 48, 54, 66]);
  });
});

describe('a server that is down', () => {
  const down = (): ClientDesk => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST);
    desk.grant();
    desk.becomeSilent();
    desk.forget();
    return desk;
  };

  it('IWF-41 Q-12: a control point is told at once', () => {
    const desk = down();
    expect(desk.outcome(desk.map(ANY_REQUEST, within(4)))).toEqual({
      kind: 'unanswered',
      why: 'server known to be down',
    });
    expect(desk.maps()).toEqual([]);
  });

  it('is looked for by single packets while mappings depend on it, less and less often', () => {
    const desk = down();
    const start = desk.now;
    desk.advanceTo(start + 200);
    const gaps = desk.announces().map(({ at }, index, all) => at - (all[index - 1]?.at ?? at));
    expect(gaps).toEqual([0, 10, 20, 40, 45, 45]);
  });

  it('is looked for when a control point asks, at most every ten seconds', () => {
    const desk = new ClientDesk({ silent: true });
    refuseIcmp(desk, SERVER);
    desk.advanceTo(60).forget();
    for (let i = 0; i < 5; i += 1) desk.map({ ...ANY_REQUEST, internalPort: portNumber(i + 1) }, within(4));
    expect(desk.announces()).toHaveLength(1);
    desk.advanceTo(71);
    desk.map(ANY_REQUEST, within(4));
    expect(desk.announces()).toHaveLength(2);
  });

  it('that was never heard at all gets the request itself now and then: some servers answer nothing but MAP', () => {
    const desk = new ClientDesk({ silent: true });
    desk.advanceTo(60).forget();
    expect(desk.client.health()).toBe('down');
    const tried = desk.map(ANY_REQUEST, within(4));
    const refused = desk.map({ ...ANY_REQUEST, internalPort: portNumber(2) }, within(4));
    expect(desk.maps()).toHaveLength(1);
    expect(desk.outcome(refused)).toEqual({ kind: 'unanswered', why: 'server known to be down' });
    desk.grant();
    expect(desk.outcome(tried)?.kind).toBe('granted');
    expect(desk.client.health()).toBe('up');
  });

  it('a request on trial ends at once when the port turns out to be closed', () => {
    const desk = new ClientDesk({ silent: true });
    desk.advanceTo(60);
    const tried = desk.map(ANY_REQUEST, within(4));
    refuseIcmp(desk, SERVER);
    expect(desk.outcome(tried)).toEqual({ kind: 'unanswered', why: 'server known to be down' });
  });

  it('patient requests wait for it and go out when it is heard', () => {
    const desk = down();
    const restoring = desk.map(ANY_REQUEST, { kind: 'keep trying', until: desk.instant(600) });
    const releasing = desk.release({ ...ANY_REQUEST, internalPort: portNumber(9) }, 600);
    desk.advance(30);
    expect(desk.maps()).toEqual([]);
    desk.announce();
    expect(desk.maps()).toHaveLength(2);
    expect([desk.outcome(restoring), desk.outcome(releasing)]).toEqual([undefined, undefined]);
    desk.advanceTo(601);
    expect(desk.outcome(restoring)).toEqual({ kind: 'unanswered', why: 'no answer in time' });
  });

  it('an announcement makes it be asked at once', () => {
    const desk = down();
    desk.advance(2);
    desk.announce(0, SERVER, 'multicast');
    expect(desk.announces()).toHaveLength(1);
    desk.announce(0);
    expect(desk.client.health()).toBe('up');
    desk.answerProof({ epoch: 0 });
    expect(desk.has('server lost state')).toHaveLength(1);
  });
});

describe('several servers (RFC 7488 §4)', () => {
  const both = (): ClientDesk => new ClientDesk({ servers: [candidate('main', SERVER), candidate('other', OTHER)] });

  it('P-37: all are greeted in parallel, requests go to the first', () => {
    const desk = new ClientDesk({ servers: [candidate('main', SERVER), candidate('other', OTHER)], silent: true });
    expect(desk.announces().map(({ to }) => to)).toEqual(['100.64.0.1:5351', '100.64.0.9:5351']);
    desk.map(ANY_REQUEST);
    expect(desk.maps().map(({ to }) => to)).toEqual(['100.64.0.1:5351']);
    expect(desk.client.currentServer()).toBe('main');
  });

  it('the next one takes over when the first is down, and gives back when it returns', () => {
    const desk = both();
    desk.becomeSilent();
    expect(desk.has('server changed')).toEqual([{ kind: 'server changed', server: 'other' }]);
    desk.announce(desk.epoch, SERVER, 'multicast');
    desk.announce();
    expect(desk.has('server changed').at(-1)).toEqual({ kind: 'server changed', server: 'main' });
  });

  it('P-31: each has its own epoch: what one shows says nothing about the other', () => {
    const desk = both();
    desk.advanceTo(20).announce(0, OTHER);
    desk.answerProof({ epoch: 0 }, OTHER);
    expect(desk.has('server lost state')).toEqual([{ kind: 'server lost state', server: 'other' }]);
  });

  it('a mapping that moved to the preferred server is released at the other one', () => {
    const desk = both();
    desk.becomeSilent();
    desk.map(ANY_REQUEST);
    desk.grant({}, OTHER);
    desk.announce(desk.epoch, SERVER, 'multicast');
    desk.announce();
    desk.forget();
    desk.map({ ...ANY_REQUEST, nonce: OTHER_NONCE });
    desk.grant({}, SERVER);
    const release = desk.maps().find(({ request }) => request?.lifetimeSeconds === 0);
    expect(release).toMatchObject({ to: '100.64.0.9:5351', request: { nonce: ANY_REQUEST.nonce } });
  });

  it('P-70: a release goes to the server that has the mapping', () => {
    const desk = both();
    desk.becomeSilent();
    desk.map(ANY_REQUEST);
    desk.grant({}, OTHER);
    desk.announce();
    desk.release(ANY_REQUEST);
    expect(desk.maps().at(-1)?.to).toBe('100.64.0.9:5351');
  });

  it('a server that goes with a request under way and comes back is told to release what it may have made (RFC 6887 §15)', () => {
    const desk = new ClientDesk();
    const id = desk.map(ANY_REQUEST, within(4));
    desk.do((client, now) => client.setServers([], now));
    expect(desk.outcome(id)).toMatchObject({ kind: 'unanswered', why: 'no server' });
    desk.advance(600).forget();
    desk.do((client, now) => client.setServers([candidate('main', SERVER)], now));
    expect(desk.maps()).toEqual([]);
    desk.announce();
    expect(desk.maps().map(({ request }) => request)).toMatchObject([
      { kind: 'map', internalPort: 40080, nonce: ANY_REQUEST.nonce, lifetimeSeconds: 0 },
    ]);
  });

  it('a server that is no longer listed has its requests settled', () => {
    const desk = both();
    const id = desk.map(ANY_REQUEST);
    desk.do((client, now) => client.setServers([candidate('other', OTHER)], now));
    expect(desk.outcome(id)).toEqual({ kind: 'unanswered', why: 'no server' });
    expect(desk.client.currentServer()).toBe('other');
  });
});

describe('P-55: our own address changed (RFC 6970 §5.10)', () => {
  const NEW_SOURCE = IpAddress.of('100.64.7.7');
  const moved = [{ id: MAIN, addresses: [{ endpoint: SERVER, source: NEW_SOURCE }] }];

  it('is told, and open requests go out anew from the new address', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST);
    desk.forget();
    desk.do((client, now) => client.setServers(moved, now));
    expect(desk.has('source address changed').map(({ address }) => address?.text)).toEqual(['100.64.7.7']);
    expect(desk.lastMap().clientAddress.text).toBe('100.64.7.7');
    expect(desk.announces()).toHaveLength(1);
  });

  it('P-55: mappings of the old address are no longer ours to update; those of third parties are', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST);
    desk.grant();
    desk.map({ ...ANY_REQUEST, thirdParty: LAN_HOST });
    desk.grant();
    desk.do((client, now) => client.setServers(moved, now));
    expect(desk.view().held).toBe(1);
    expect(EXTERNAL.isIPv4).toBe(true);
  });

  it('what was refused to the old address is asked anew: ADDRESS_MISMATCH above all', () => {
    const desk = new ClientDesk();
    desk.map(ANY_REQUEST);
    desk.refuse(12, 1800);
    desk.do((client, now) => client.setServers(moved, now));
    desk.forget();
    desk.map(ANY_REQUEST);
    expect(desk.maps()).toHaveLength(1);
    expect(desk.client.health()).not.toBe('down');
  });

  it('the same list again changes nothing', () => {
    const desk = new ClientDesk();
    desk.do((client, now) => client.setServers([candidate('main', SERVER)], now));
    expect(desk.outputs).toEqual([]);
  });
});
