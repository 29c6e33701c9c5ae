import { describe, expect, it } from 'vitest';
import { IpAddress } from '../../src/base/ip-address.ts';
import { instant } from '../../src/base/time.ts';
import { TokenGuesses } from '../../src/operator/admin-guard.ts';

const NOW = instant(1000);
const TOKEN = 'correct-horse-battery-staple';

describe('wrong tokens', () => {
  it('lock nobody out but who shows them, however many peers guess', () => {
    const guesses = new TokenGuesses();
    for (let host = 0; host < 5000; host += 1) {
      const address = host % 2 === 0 ? `10.0.${host >> 8}.${host & 255}` : `fd00:0:0:${host.toString(16)}::1`;
      for (let i = 0; i < 6; i += 1) guesses.judge(IpAddress.of(address), 'guess', TOKEN, NOW);
    }
    expect(guesses.judge(IpAddress.of('192.168.1.20'), TOKEN, TOKEN, NOW)).toBe('right');
  });

  it('are counted for all addresses of one IPv6 network together', () => {
    const guesses = new TokenGuesses();
    const guess = (last: number) => guesses.judge(IpAddress.of(`fd00::${last}`), 'guess', TOKEN, NOW);
    expect([1, 2, 3, 4, 5, 6].map(guess)).toEqual([...Array<string>(5).fill('wrong'), 'too many tries']);
    expect(guesses.judge(IpAddress.of('fd00:0:0:1::1'), 'guess', TOKEN, NOW)).toBe('wrong');
  });
});
