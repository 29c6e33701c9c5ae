// From the configuration to what interworking asks for: the policy of the moment and the gateway's options.

import { DEFAULT_GATEWAY_OPTIONS, type GatewayOptions } from '../interworking/interworking.ts';
import { DEFAULT_POLICY, type Policy } from '../interworking/policy.ts';
import type { Config } from './config.ts';

export function policyOf({ policy }: Config): Policy {
  return {
    ...DEFAULT_POLICY,
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

/** Rules by MAC need the asker's MAC before the request is judged. */
export const judgesByMac = ({ policy }: Config): boolean => policy.rules.some((rule) => rule.client.kind === 'mac');
