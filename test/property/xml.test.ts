// XML from strangers and XML we write.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeXml, parseXml, type XmlElement } from '../../src/base/xml.ts';
import { ownTime } from '../doubles/own-time.ts';
import { corpus, damaged, FUZZ_TIMEOUT_MS, fuzz } from './fuzzing.ts';

const LIMITS = { characters: 16_384, tags: 200 };
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

const everything = (element: XmlElement): readonly XmlElement[] => [element, ...element.children.flatMap(everything)];
const bodies = (): readonly string[] =>
  corpus('lan-requests')
    .map((request) => request.slice(request.indexOf('\r\n\r\n') + 4))
    .filter((body) => body !== '');

describe('XML of strangers, damaged', () => {
  it(
    'is a tree within the limits, or a problem in words',
    async () => {
      await fuzz(damaged(bodies()), 1500, (text) => {
        const parsed = parseXml(text, LIMITS);
        if (!parsed.ok) {
          expect(parsed.error).not.toBe('');
          return;
        }
        const elements = everything(parsed.value);
        expect(elements.length).toBeLessThanOrEqual(LIMITS.tags);
        expect(elements.filter(({ text }) => FORBIDDEN.test(text))).toEqual([]);
      });
    },
    FUZZ_TIMEOUT_MS,
  );

  it(
    'takes time in proportion to its length, not more: no input of 16 KB takes a second',
    async () => {
      const repeated = fc.tuple(
        fc.constantFrom('<a>', '<a ', '&amp;', '&#x41;', '<!-- ', ']]>', '<![CDATA[', 'a="', '</a', '\n', '<?a '),
        fc.string({ maxLength: 8 }),
      );
      await fuzz(repeated, 150, ([part, more]) => {
        const text = `<r>${(part + more).repeat(16_000 / (part.length + more.length))}</r>`;
        const began = ownTime();
        parseXml(text, LIMITS);
        expect(ownTime() - began).toBeLessThan(1000);
      });
    },
    FUZZ_TIMEOUT_MS,
  );
});

describe('text we put into XML', () => {
  it(
    'is read back, without what XML forbids, and never opens a tag',
    async () => {
      const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), damaged(bodies()));
      await fuzz(texts, 1500, (text) => {
        const parsed = parseXml(`<r a="${escapeXml(text)}">${escapeXml(text)}</r>`, {
          characters: 1_000_000,
          tags: 10,
        });
        expect(parsed.ok).toBe(true);
        if (!parsed.ok) return;
        expect(parsed.value.children).toEqual([]);
        expect(FORBIDDEN.test(parsed.value.text)).toBe(false);
      });
    },
    FUZZ_TIMEOUT_MS,
  );
});
