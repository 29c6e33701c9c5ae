import { describe, expect, it } from 'vitest';
import { descriptionOption } from '../../../src/pcp/asking/dialect.ts';

const sent = (text: string): string | undefined => {
  const option = descriptionOption(text);
  return option.kind === 'description' ? option.text : undefined;
};

describe('a description on its way to the server (RFC 7220 §3)', () => {
  it.each([
    ['', ''],
    ['Cam', 'Cam '],
    ['Tür', 'Tür'],
    ['door', 'door'],
    ['doors', 'doors   '],
  ])('"%s" is filled up to a multiple of four octets, which miniupnpd insists on', (text, filled) => {
    expect(sent(text)).toBe(filled);
    expect(new TextEncoder().encode(sent(text)).length % 4).toBe(0);
  });

  it('is cut at 128 octets, never inside a character', () => {
    expect(sent(`${'x'.repeat(127)}ü and more`)).toBe(`${'x'.repeat(127)} `);
    expect(sent(`${'x'.repeat(126)}ü and more`)).toBe(`${'x'.repeat(126)}ü`);
    expect(sent('🎮'.repeat(33))).toBe('🎮'.repeat(32));
  });

  it('keeps what the text begins with, even a byte order mark', () => {
    expect(sent('\ufeffa')).toBe('\ufeffa');
  });
});
