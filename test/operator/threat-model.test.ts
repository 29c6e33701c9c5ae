import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

const [, cases = ''] = read('src/operator/threat-model.md').split('**Case by case.**');
const rows = [...cases.matchAll(/^\| ([^|]+) \| ([^|]+) \| (\S+) \| ([^|]+) \|$/gm)]
  .map(([, what = '', limit = '', file = '', name = '']) => ({ what, limit, file, name }))
  .filter(({ file }) => file.includes('/'));

describe('the threat model', () => {
  it('lists every hostile case that was thought of', () => {
    const wanted = [
      ...[
        'slowloris',
        'connections',
        'SUBSCRIBEs',
        'callbacks that hang',
        'forged',
        'SOAP bombs',
        'floods Adds',
        'WAN',
      ],
      ...[
        'forged PCP responses',
        'forged ANNOUNCEs',
        'nonce guesses',
        'DNS rebinding',
        'cross-site',
        'file descriptor',
        'places held from several addresses',
        'second daemon with the same state',
        'second daemon with nftables',
        'state that the daemon may not read',
        'led to another file by a link',
        'into the log',
        'sent ahead',
        'M-POST',
        'token guesses',
        'alias addresses',
        'ICMP',
        'version refusals',
        'routed network',
        "state's disk is full",
        "log's disk is full",
      ],
    ];
    const all = rows.map(({ what }) => what).join('\n');
    expect(wanted.filter((word) => !all.includes(word))).toEqual([]);
  });

  it.each(rows)('$what: has a limit, and a test of that name in $file', ({ limit, file, name }) => {
    expect(limit.length).toBeGreaterThan(3);
    expect(read(`test/${file}.test.ts`)).toContain(name);
  });
});
