// The doctor's report: findings judged server by server, a verdict in plain words, as text for people and JSON for scripts.

import { endpointText } from '../base/ip-address.ts';
import type { Duration } from '../base/time.ts';
import type { CandidateFinding, DoctorFindings, ServerFinding } from './doctor-findings.ts';
import { noCandidateRemark, type Remark, serverRemarks } from './doctor-judgement.ts';

export interface DoctorReport {
  readonly findings: DoctorFindings;
  readonly servers: readonly { readonly server: ServerFinding; readonly remarks: readonly Remark[] }[];
  readonly isHealthy: boolean;
  readonly verdict: string;
  /** What to do, the most important first. */
  readonly advice: readonly string[];
}

export function diagnose(findings: DoctorFindings): DoctorReport {
  const servers = findings.servers.map((server) => ({ server, remarks: serverRemarks(server, findings.needs) }));
  // One good server is enough: the daemon goes on to the next candidate by itself.
  const best = servers.find(({ remarks }) => isFree(remarks, 'bad')) ?? servers[0];
  const remarks = best?.remarks ?? [noCandidateRemark(findings)];
  const isHealthy = isFree(remarks, 'bad');
  const advised = [...remarks.filter(({ level }) => level === 'bad'), ...remarks].map((remark) => remark.advice);
  const advice = [...new Set(advised)].filter((text) => text !== undefined);
  return { findings, servers, isHealthy, verdict: verdictOf(remarks, best?.server), advice };
}

const isFree = (remarks: readonly Remark[], level: Remark['level']): boolean =>
  remarks.every((remark) => remark.level !== level);

function verdictOf(remarks: readonly Remark[], server: ServerFinding | undefined): string {
  const worst = remarks.find(({ level }) => level === 'bad');
  if (worst !== undefined) return `it will not work: ${worst.text}`;
  const name = server === undefined ? 'the server' : endpointText(server.endpoint);
  return isFree(remarks, 'warning')
    ? `everything that is needed works with ${name}`
    : `it works with ${name}, with limits`;
}

const SIGNS: Readonly<Record<Remark['level'], string>> = { good: 'ok  ', warning: 'warn', bad: 'FAIL' };

export function doctorText(report: DoctorReport): string {
  const lines = ['Candidates'];
  for (const candidate of report.findings.candidates) lines.push(`  ${candidateInWords(candidate)}`);
  for (const { server, remarks } of report.servers) {
    lines.push('', `Server ${endpointText(server.endpoint)} (${server.source})`);
    for (const { level, text } of remarks) lines.push(`  ${SIGNS[level]}  ${text}`);
  }
  lines.push('', `Verdict: ${report.verdict}`);
  for (const advice of report.advice) lines.push(`  -> ${advice}`);
  return `${lines.join('\n')}\n`;
}

function candidateInWords({ source, outcome }: CandidateFinding): string {
  if (outcome.kind !== 'servers') return `${source}: ${outcome.kind}, ${outcome.why}`;
  return `${source}: ${outcome.endpoints.map(endpointText).join(', ')}`;
}

/** Stable: scripts hold on to these names. */
export function doctorJson(report: DoctorReport): unknown {
  return {
    healthy: report.isHealthy,
    verdict: report.verdict,
    advice: report.advice,
    candidates: report.findings.candidates.map(({ source, outcome }) =>
      outcome.kind === 'servers'
        ? { source, servers: outcome.endpoints.map(endpointText) }
        : { source, servers: [], why: outcome.why },
    ),
    servers: report.servers.map(({ server, remarks }) => ({
      server: endpointText(server.endpoint),
      source: server.source,
      ownAddress: server.ownAddress?.text,
      ...speechAsData(server),
      remarks,
    })),
  };
}

const tenths = (span: Duration): number => Math.round(span * 10) / 10;

function speechAsData({ speech }: ServerFinding): object {
  if (speech.kind === 'NAT-PMP') {
    return { speaks: 'NAT-PMP', roundTripMs: tenths(speech.roundTrip), externalAddress: speech.externalAddress?.text };
  }
  if (speech.kind !== 'PCP') return { speaks: 'nothing we know', why: speech.kind };
  const head = { speaks: 'PCP', version: 2, roundTripMs: tenths(speech.roundTrip), epoch: speech.epoch };
  const { map } = speech;
  if (map.kind !== 'granted') return { ...head, map };
  const options = Object.fromEntries(Object.entries(map.options).map(([name, finding]) => [name, finding.kind]));
  const { externalAddress, shortestSeconds, longestSeconds } = map;
  return { ...head, externalAddress: externalAddress.text, shortestSeconds, longestSeconds, options };
}
