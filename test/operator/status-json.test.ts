import { describe, expect, it } from 'vitest';
import { seconds } from '../../src/base/time.ts';
import { API_SCHEMAS, parseJson } from '../../src/operator/api-schema.ts';
import { eventsJson, mappingsJson, statusJson } from '../../src/operator/status-json.ts';
import { tr181Of } from '../../src/operator/tr181.ts';
import { SampleSource, sampleMapping, sampleServer, sampleSnapshot } from './sample-source.ts';

const again = (value: unknown): string => JSON.stringify(value);

describe('the JSON of the API', () => {
  const awkward = sampleSnapshot({
    externalAddress: undefined,
    servers: [
      sampleServer({ health: 'unknown', version: undefined, roundTrip: undefined, abilities: {} }),
      sampleServer({ isCurrent: false, lastRefusal: { code: 10, ago: seconds(3) } }),
    ],
    mappings: [sampleMapping({ leaseLeft: undefined, hostName: undefined, nat1Port: 40_000, state: 'deleting' })],
    wakes: [],
  });

  it.each([sampleSnapshot(), awkward])('fits its schema, field by field', (snapshot) => {
    expect(parseJson('status', again(statusJson(snapshot)))).toEqual({ ok: true, value: statusJson(snapshot) });
    expect(parseJson('mappings', again(mappingsJson(snapshot)))).toEqual({ ok: true, value: mappingsJson(snapshot) });
    const day = new SampleSource(snapshot).lastDay();
    expect(parseJson('events', again(eventsJson(day)))).toEqual({ ok: true, value: eventsJson(day) });
  });

  it('says schema 1 everywhere, spans in seconds, times in UTC', () => {
    expect(statusJson(sampleSnapshot())).toMatchObject({
      schema: 1,
      takenAt: '2026-11-20T10:00:00.000Z',
      mappings: { total: 3, degraded: 1 },
    });
    expect(mappingsJson(sampleSnapshot()).mappings[0]).toMatchObject({ renewInSeconds: 1740, leaseSecondsLeft: 2820 });
  });

  it('carries the words for a refusal', () => {
    expect(statusJson(awkward).servers[1]?.lastRefusal).toEqual({
      code: 10,
      name: 'USER_EX_QUOTA',
      words: 'your share of ports at the carrier is used up: close some (USER_EX_QUOTA)',
      secondsAgo: 3,
    });
  });

  it('names the field that does not fit', () => {
    expect(parseJson('order', '{"protocol":"SCTP"}')).toMatchObject({ ok: false });
    expect(parseJson('name', '{"protocol":"TCP","externalPort":70000}')).toMatchObject({
      ok: false,
      error: expect.stringContaining('externalPort'),
    });
    expect(parseJson('name', 'not JSON')).toEqual({ ok: false, error: 'it is not JSON' });
  });

  it('has a schema for everything it answers', () => {
    expect(Object.keys(API_SCHEMAS)).toEqual([
      'status',
      'mapping',
      'mappings',
      'event',
      'events',
      'fault',
      'added',
      'order',
      'name',
      'emptied',
    ]);
  });
});

describe('tr181Of', () => {
  it('shows client, interworking, servers and inbound mappings under their TR-181 names', () => {
    const view = tr181Of(sampleSnapshot());
    expect(view).toMatchObject({
      'Device.PCP.Client.1.UPnPIWF.Enable': true,
      'Device.PCP.Client.1.UPnPIWF.Status': 'Enabled',
      'Device.PCP.Client.1.Server.1.ServerAddressInUse': '192.0.2.1',
      'Device.PCP.Client.1.Server.1.CurrentVersion': 2,
      'Device.PCP.Client.1.Server.1.InboundMappingNumberOfEntries': 3,
      'Device.PCP.Client.1.Server.1.InboundMapping.1.Origin': 'UPnP_IWF',
      'Device.PCP.Client.1.Server.1.InboundMapping.1.ProtocolNumber': 6,
      'Device.PCP.Client.1.Server.1.InboundMapping.3.Origin': 'Static',
      'Device.PCP.Client.1.Server.1.InboundMapping.3.AssignedExternalPort': 40122,
    });
  });

  it('says Error where the LAN is not served or the server is silent', () => {
    expect(tr181Of(sampleSnapshot({ lan: [] }))['Device.PCP.Client.1.UPnPIWF.Status']).toBe('Error');
    const silent = tr181Of(sampleSnapshot({ servers: [sampleServer({ health: 'down' })] }));
    expect(silent['Device.PCP.Client.1.Status']).toBe('Error');
    expect(tr181Of(sampleSnapshot({ servers: [] }))['Device.PCP.Client.1.Status']).toBe('Error_Misconfigured');
  });
});
