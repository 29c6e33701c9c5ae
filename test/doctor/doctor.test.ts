import { describe, expect, it } from 'vitest';
import { type Endpoint, IpAddress } from '../../src/base/ip-address.ts';
import { milliseconds } from '../../src/base/time.ts';
import { diagnose, doctorJson, doctorText } from '../../src/doctor/doctor.ts';
import type {
  CandidateFinding,
  DoctorFindings,
  DoctorNeeds,
  MapFinding,
  OptionFinding,
  ProbedOption,
  ServerSpeech,
} from '../../src/doctor/doctor-findings.ts';

const SERVER: Endpoint = { address: IpAddress.of('192.168.1.1'), port: 5351 };
const NEEDS: DoctorNeeds = { thirdParty: false, emulatesPreferFailure: false, speaksNatPmp: true, descriptions: false };
const ROUTE: CandidateFinding = { source: 'IPv4 default route', outcome: { kind: 'servers', endpoints: [SERVER] } };
const WORKS: OptionFinding = { kind: 'works' };

const findings = (speech: ServerSpeech, needs: Partial<DoctorNeeds> = {}): DoctorFindings => ({
  candidates: [ROUTE],
  servers: [{ endpoint: SERVER, source: 'IPv4 default route', ownAddress: IpAddress.of('192.168.1.10'), speech }],
  needs: { ...NEEDS, ...needs },
});

const pcp = (map: MapFinding): ServerSpeech => ({ kind: 'PCP', roundTrip: milliseconds(3), epoch: 9, map });

const granted = (
  options: Partial<Record<ProbedOption, OptionFinding>> = {},
  more: { readonly externalAddress?: IpAddress; readonly isRemoved?: boolean } = {},
): ServerSpeech =>
  pcp({
    kind: 'granted',
    externalAddress: IpAddress.of('1.2.3.4'),
    externalPort: 40_000,
    shortestSeconds: 120,
    longestSeconds: 86_400,
    isRemoved: true,
    options: { PREFER_FAILURE: WORKS, FILTER: WORKS, THIRD_PARTY: WORKS, DESCRIPTION: WORKS, ...options },
    ...more,
  });

describe('a healthy network', () => {
  it('is said to be one, server by server', () => {
    const report = diagnose(findings(granted()));
    expect(report.isHealthy).toBe(true);
    expect(doctorText(report)).toBe(
      [
        'Candidates',
        '  IPv4 default route: 192.168.1.1:5351',
        '',
        'Server 192.168.1.1:5351 (IPv4 default route)',
        '  ok    answers PCP version 2 in 3 ms, epoch 9',
        '  ok    external address 1.2.3.4, public',
        '  ok    PREFER_FAILURE works',
        '  ok    FILTER works',
        '  ok    THIRD_PARTY works',
        '  ok    DESCRIPTION works',
        '  ok    grants lifetimes from 2 min to a day or more',
        '',
        'Verdict: everything that is needed works with 192.168.1.1:5351',
        '',
      ].join('\n'),
    );
  });

  it('is shown to scripts with stable names', () => {
    expect(JSON.parse(JSON.stringify(doctorJson(diagnose(findings(granted())))))).toMatchObject({
      healthy: true,
      candidates: [{ source: 'IPv4 default route', servers: ['192.168.1.1:5351'] }],
      servers: [
        {
          server: '192.168.1.1:5351',
          speaks: 'PCP',
          version: 2,
          roundTripMs: 3,
          externalAddress: '1.2.3.4',
          shortestSeconds: 120,
          longestSeconds: 86_400,
          options: { PREFER_FAILURE: 'works' },
        },
      ],
    });
  });
});

describe('no candidate', () => {
  const none = (source: string, why: string): CandidateFinding => ({ source, outcome: { kind: 'none', why } });

  it('says why at once', () => {
    const candidates = [none('IPv4 default route', 'the default route has no next hop')];
    const report = diagnose({ candidates, servers: [], needs: NEEDS });
    expect(report.isHealthy).toBe(false);
    expect(report.verdict).toBe('it will not work: no PCP server candidate: the default route has no next hop');
    expect(report.advice).toEqual([expect.stringContaining('--pcp-server')]);
  });
});

const REFUSED = (code: number): ServerSpeech => pcp({ kind: 'refused', code, lifetimeSeconds: 30 });
const UNSUPPORTED: OptionFinding = { kind: 'unsupported' };

describe('every case has its own sentence and says what to do', () => {
  const cases: readonly (readonly [string, ServerSpeech, Partial<DoctorNeeds>])[] = [
    ['does not answer', { kind: 'silent' }, {}],
    ['nothing listens on UDP port 5351', { kind: 'port closed' }, {}],
    ['nothing can be sent to', { kind: 'cannot send', why: 'no route' }, {}],
    ['speaks version 1', { kind: 'another version', version: 1 }, {}],
    ['no MAP', pcp({ kind: 'silent' }), {}],
    ['an unknown NAT sits between', REFUSED(12), {}],
    ['MAP switched off', REFUSED(4), {}],
    ['does not allow this box', REFUSED(2), {}],
    ['no ports or memory left', REFUSED(8), {}],
    ['quota of this line', REFUSED(10), {}],
    ['refuses a plain mapping (result 99', REFUSED(99), {}],
    ['is not public', granted({}, { externalAddress: IpAddress.of('100.64.7.7') }), {}],
    ['PREFER_FAILURE is not supported: AddPortMapping', granted({ PREFER_FAILURE: UNSUPPORTED }), {}],
    ['THIRD_PARTY is not supported: with --nat none', granted({ THIRD_PARTY: UNSUPPORTED }), { thirdParty: true }],
    [
      'THIRD_PARTY is refused with NOT_AUTHORIZED',
      granted({ THIRD_PARTY: { kind: 'refused', code: 2 } }),
      { thirdParty: true },
    ],
    ['a request with PREFER_FAILURE gets no answer', granted({ PREFER_FAILURE: { kind: 'silent' } }), {}],
    [
      'DESCRIPTION is refused with MALFORMED_OPTION: every mapping',
      granted({ DESCRIPTION: { kind: 'refused', code: 6 } }),
      { descriptions: true },
    ],
    ['NAT-PMP only, and that is switched off', natPmp(), { speaksNatPmp: false }],
    ['cannot map for other hosts', natPmp(), { thirdParty: true }],
    ['AddPortMapping needs exact ports', natPmp(), {}],
  ];

  it.each(cases)('%s', (sentence, speech, needs) => {
    const report = diagnose(findings(speech, needs));
    expect(report.isHealthy).toBe(false);
    expect(report.verdict).toContain(sentence);
    expect(report.advice[0]).toMatch(/\w{3}/);
    expect(doctorText(report)).toContain('FAIL');
    expect(doctorJson(report)).toMatchObject({ healthy: false });
  });

  it('has as many sentences as cases', () => {
    const verdicts = cases.map(([, speech, needs]) => diagnose(findings(speech, needs)).verdict);
    expect(new Set(verdicts).size).toBe(cases.length);
  });
});

describe('limits that can be lived with', () => {
  const limited: readonly (readonly [string, ServerSpeech, Partial<DoctorNeeds>])[] = [
    ['FILTER is not supported', granted({ FILTER: UNSUPPORTED }), {}],
    ['accepted but not kept', granted({ PREFER_FAILURE: { kind: 'not kept' } }), {}],
    ['PREFER_FAILURE is not supported', granted({ PREFER_FAILURE: UNSUPPORTED }), { emulatesPreferFailure: true }],
    [
      'THIRD_PARTY was not tried, though it is needed',
      granted({ THIRD_PARTY: { kind: 'not tried', why: 'no LAN' } }),
      { thirdParty: true },
    ],
    ['could not be removed', granted({}, { isRemoved: false }), {}],
    ['no exact ports', natPmp(), { emulatesPreferFailure: true }],
  ];

  it.each(limited)('%s', (sentence, speech, needs) => {
    const report = diagnose(findings(speech, needs));
    expect(report.isHealthy).toBe(true);
    expect(report.verdict).toBe('it works with 192.168.1.1:5351, with limits');
    expect(doctorText(report)).toMatch(new RegExp(`warn +.*${sentence}`));
  });

  it('does not complain of an option nobody needs', () => {
    const report = diagnose(findings(granted({ THIRD_PARTY: UNSUPPORTED, DESCRIPTION: { kind: 'refused', code: 6 } })));
    expect(report.verdict).toContain('everything that is needed works');
  });

  it('is content with one good server among silent ones', () => {
    const good = findings(granted());
    const [first] = findings({ kind: 'silent' }).servers;
    const servers = first === undefined ? good.servers : [first, ...good.servers];
    expect(diagnose({ ...good, servers }).isHealthy).toBe(true);
  });
});

function natPmp(): ServerSpeech {
  return { kind: 'NAT-PMP', roundTrip: milliseconds(2), externalAddress: IpAddress.of('1.2.3.4') };
}
