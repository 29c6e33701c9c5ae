// What is wrong with a configuration, where, and what would be right.

export interface ConfigProblem {
  /** "/etc/igd2pcp.toml:12", "--http-port" or "IGD2PCP_HTTP_PORT". */
  readonly where: string;
  /** "lan.http_port"; undefined when the file as a whole cannot be read. */
  readonly key: string | undefined;
  /** Completes the sentence "KEY ...". */
  readonly message: string;
}

export const configProblemText = ({ where, key, message }: ConfigProblem): string =>
  key === undefined ? `${where}: ${message}` : `${where}: ${key} ${message}`;

/** The name nearest to a mistyped one, when it is near enough to be meant. */
export function nearestName(given: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(given.length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(given, name);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replace = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replace, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
