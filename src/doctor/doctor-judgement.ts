// From findings to sentences: what each means for whoever wants ports opened, and what to do about it.
// Every silent or refusing case has a sentence of its own.

import { endpointText } from '../base/ip-address.ts';
import { isPublicIPv4 } from '../base/ip-prefix.ts';
import { unreachable } from '../base/result.ts';
import { durationInWords, seconds } from '../base/time.ts';
import {
  ADDRESS_MISMATCH,
  NO_RESOURCES,
  NOT_AUTHORIZED,
  type ResultCode,
  resultName,
  UNSUPP_OPCODE,
  USER_EX_QUOTA,
} from '../pcp/asking/result-code.ts';
import type {
  DoctorFindings,
  DoctorNeeds,
  MapFinding,
  OptionFinding,
  ProbedOption,
  ServerFinding,
} from './doctor-findings.ts';
import { LONGEST_ASKED_SECONDS, PROBED_OPTIONS } from './doctor-findings.ts';

export interface Remark {
  /** `bad`: something will not work. `warning`: something works less well. */
  readonly level: 'good' | 'warning' | 'bad';
  readonly text: string;
  /** What to do about it. */
  readonly advice?: string;
}

const good = (text: string): Remark => ({ level: 'good', text });
const warning = (text: string, advice?: string): Remark => ({
  level: 'warning',
  text,
  ...(advice === undefined ? {} : { advice }),
});
const bad = (text: string, advice: string): Remark => ({ level: 'bad', text, advice });

/** One clause for all candidates, when there is no server at all. */
export function noCandidateRemark(findings: DoctorFindings): Remark {
  const whys = findings.candidates.flatMap(({ outcome }) => (outcome.kind === 'none' ? [outcome.why] : []));
  return bad(
    `no PCP server candidate: ${whys.join('; ') || 'nothing names one'}`,
    'name the server with --pcp-server ADDRESS; the Internet provider knows its address',
  );
}

export function serverRemarks(server: ServerFinding, needs: DoctorNeeds): readonly Remark[] {
  const { speech } = server;
  const name = endpointText(server.endpoint);
  switch (speech.kind) {
    case 'PCP': {
      const speed = `answers PCP version 2 in ${Math.max(1, Math.round(speech.roundTrip))} ms`;
      return [good(`${speed}, epoch ${speech.epoch}`), ...mapRemarks(speech.map, server, needs)];
    }
    case 'NAT-PMP':
      return natPmpRemarks(speech.externalAddress?.text, needs);
    case 'another version':
      return [
        bad(
          `${name} speaks version ${speech.version} of the protocol, and neither version 2 nor NAT-PMP`,
          'the router needs newer firmware',
        ),
      ];
    case 'silent':
      return [
        bad(
          `${name} does not answer: nothing came back within the time, not even a refusal`,
          `a firewall drops UDP port ${server.endpoint.port}, or the router has no PCP server: switch PCP on there, or name another server`,
        ),
      ];
    case 'port closed':
      return [
        bad(
          `${name} is there, but nothing listens on UDP port ${server.endpoint.port}`,
          'switch on PCP (or NAT-PMP) on that machine, or name another server with --pcp-server',
        ),
      ];
    case 'cannot send':
      return [bad(`nothing can be sent to ${name}: ${speech.why}`, 'check the address and the route to it')];
    default:
      return unreachable(speech);
  }
}

function natPmpRemarks(externalAddress: string | undefined, needs: DoctorNeeds): readonly Remark[] {
  const address = externalAddress === undefined ? 'no external address' : `external address ${externalAddress}`;
  if (!needs.speaksNatPmp) return [bad(`speaks NAT-PMP only, and that is switched off (${address})`, 'set --nat-pmp')];
  if (needs.thirdParty) {
    return [
      bad(
        `speaks NAT-PMP only (${address}), which cannot map for other hosts`,
        'let this box translate: --nat nftables; then NAT-PMP is enough',
      ),
    ];
  }
  const head = warning(`speaks NAT-PMP only (${address}): no exact ports, no filters`, 'a PCP server would do more');
  return needs.emulatesPreferFailure
    ? [head]
    : [head, bad('AddPortMapping needs exact ports, which NAT-PMP cannot promise', 'set --emulate-prefer-failure')];
}

function mapRemarks(map: MapFinding, server: ServerFinding, needs: DoctorNeeds): readonly Remark[] {
  switch (map.kind) {
    case 'silent':
      return [
        bad(
          'answers ANNOUNCE but no MAP: its mapping function seems to be off or overloaded',
          'look at the log of the PCP server',
        ),
      ];
    case 'refused':
      return [refusalRemark(map.code, map.lifetimeSeconds, server)];
    case 'granted':
      return [
        addressRemark(map.externalAddress.text, isPublicIPv4(map.externalAddress) || !map.externalAddress.isIPv4),
        ...PROBED_OPTIONS.map((option) => optionRemark(option, map.options[option], needs)),
        lifetimeRemark(map.shortestSeconds, map.longestSeconds),
        ...(map.isRemoved
          ? []
          : [warning('the trial mapping could not be removed again', 'it ends by itself when its lifetime is over')]),
      ];
    default:
      return unreachable(map);
  }
}

const addressRemark = (address: string, isPublic: boolean): Remark =>
  isPublic
    ? good(`external address ${address}, public`)
    : bad(
        `external address ${address} is not public: there is another NAT between the PCP server and the Internet`,
        'nobody outside reaches these mappings, and control points may call the gateway unusable; ask the provider for PCP at the outermost NAT',
      );

const REFUSALS: ReadonlyMap<ResultCode, readonly [text: string, advice: string]> = new Map([
  [
    ADDRESS_MISMATCH,
    [
      'an unknown NAT sits between this box and the PCP server',
      'remove that NAT, or ask the PCP server in front of it',
    ],
  ],
  [UNSUPP_OPCODE, ['the server has MAP switched off: no port can be opened', 'ask the provider to allow MAP']],
  [NOT_AUTHORIZED, ['the server does not allow this box to map', 'ask the provider to allow PCP for this line']],
  [NO_RESOURCES, ['the server has no ports or memory left', 'try again later']],
  [USER_EX_QUOTA, ['the quota of this line is used up', 'delete mappings that are not needed (igd2pcp list)']],
]);

function refusalRemark(code: ResultCode, lifetimeSeconds: number, server: ServerFinding): Remark {
  const [text, advice] = REFUSALS.get(code) ?? [
    'the server refuses a plain mapping',
    'look at the log of the PCP server',
  ];
  const own = code === ADDRESS_MISMATCH && server.ownAddress !== undefined ? `, we are ${server.ownAddress.text}` : '';
  return bad(`${text} (${resultName(code)} for ${durationInWords(seconds(lifetimeSeconds))}${own})`, advice);
}

function lifetimeRemark(shortest: number | undefined, longest: number | undefined): Remark {
  const words = (grant: number | undefined): string =>
    grant === undefined ? 'unknown' : durationInWords(seconds(grant));
  const most = longest !== undefined && longest >= LONGEST_ASKED_SECONDS ? 'a day or more' : words(longest);
  return good(`grants lifetimes from ${words(shortest)} to ${most}`);
}

interface OptionMeaning {
  /** What is lost without it. */
  readonly loss: string;
  readonly advice: string;
  isNeeded(needs: DoctorNeeds): boolean;
}

const OPTION_MEANINGS: Readonly<Record<ProbedOption, OptionMeaning>> = {
  PREFER_FAILURE: {
    loss: 'AddPortMapping, which wants one port and no other, is refused',
    advice: 'set --emulate-prefer-failure',
    isNeeded: (needs) => !needs.emulatesPreferFailure,
  },
  FILTER: {
    loss: 'mappings for one remote host only cannot be made upstream',
    advice: 'let this box filter: --nat nftables',
    isNeeded: () => false,
  },
  THIRD_PARTY: {
    loss: 'with --nat none no LAN host can be mapped',
    advice: 'have the server allow THIRD_PARTY, or let this box translate: --nat nftables',
    isNeeded: (needs) => needs.thirdParty,
  },
  DESCRIPTION: {
    loss: 'every mapping with a description fails',
    advice: 'set --no-descriptions',
    isNeeded: (needs) => needs.descriptions,
  },
};

function optionRemark(option: ProbedOption, finding: OptionFinding, needs: DoctorNeeds): Remark {
  const { loss, advice, isNeeded } = OPTION_MEANINGS[option];
  // A server may skip a DESCRIPTION (RFC 7220 §3), but not choke on it when we send one.
  const isUnused = (option === 'DESCRIPTION' || option === 'THIRD_PARTY') && !isNeeded(needs);
  const isHarmless = isUnused || (option === 'DESCRIPTION' && finding.kind === 'unsupported');
  const lacking = (text: string): Remark => {
    if (isHarmless) return good(text);
    const full = `${text}: ${loss}`;
    return isNeeded(needs) ? bad(full, advice) : warning(full, advice);
  };
  switch (finding.kind) {
    case 'works':
      return good(`${option} works`);
    case 'unsupported':
      return lacking(`${option} is not supported`);
    case 'refused':
      return lacking(`${option} is refused with ${resultName(finding.code)}`);
    case 'silent':
      return lacking(`a request with ${option} gets no answer`);
    case 'not kept':
      return warning(
        `${option} is accepted but not kept: a taken port was granted as another one (the daemon takes such grants back)`,
      );
    case 'not tried':
      // For THIRD_PARTY alone: whether it works is then a matter of luck.
      return isNeeded(needs) && option === 'THIRD_PARTY'
        ? warning(
            `${option} was not tried, though it is needed: ${finding.why}`,
            'name the LAN interface: --lan INTERFACE',
          )
        : good(`${option} was not tried: ${finding.why}`);
    default:
      return unreachable(finding);
  }
}
