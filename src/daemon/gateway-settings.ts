// From the configuration to what interworking asks for: the policy of the moment and the gateway's options.

import type { Config } from '../config/config.ts';
import { DEFAULT_GATEWAY_OPTIONS, type GatewayOptions } from '../interworking/interworking.ts';
import { DEFAULT_POLICY, type LanNetwork, type Policy } from '../interworking/policy.ts';

/** `lans`: those that are served now. */
export function policyOf({ policy, lan }: Config, lans: readonly LanNetwork[]): Policy {
  return {
    ...DEFAULT_POLICY,
    lans,
    routedPrefixes: lan.routedPrefixes,
    ownAddressOnly: policy.ownAddressOnly,
    minPort: policy.minPort,
    maxMappings: policy.maxMappings,
    maxMappingsPerClient: policy.maxMappingsPerClient,
    requestsPerMinute: policy.requestsPerMinute,
    rules: policy.rules,
  };
}

export function gatewayOptionsOf({ pcp, hosts }: Config, isTrustedNetwork: boolean): GatewayOptions {
  return {
    ...DEFAULT_GATEWAY_OPTIONS,
    answerWithin: pcp.answerWithin,
    isTrustedNetwork,
    probe: pcp.probe,
    sendsDescriptions: pcp.descriptions,
    emulatesPreferFailure: pcp.emulatePreferFailure,
    resendsAfterShortError: pcp.retryShortErrors,
    resendsAfterShortConflict: pcp.retryShortErrors,
    hostGrace: hosts.grace,
  };
}
