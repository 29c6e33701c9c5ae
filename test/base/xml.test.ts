import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cdataXml, childNamed, childText, escapeXml, parseXml, type XmlElement } from '../../src/base/xml.ts';

const LIMITS = { characters: 16_384, tags: 512 };

function parsed(source: string): XmlElement {
  const result = parseXml(source, LIMITS);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

const problemOf = (source: string): string => {
  const result = parseXml(source, LIMITS);
  return result.ok ? 'accepted' : result.error;
};

describe('reading', () => {
  it('resolves prefixes and default namespaces, nearest declaration first', () => {
    const root = parsed('<a:x xmlns:a="one"><y xmlns="two"><a:z xmlns:a="three"/></y><w/></a:x>');
    expect(root).toMatchObject({ name: 'x', namespace: 'one' });
    expect(childNamed(root, 'y')).toMatchObject({ namespace: 'two', children: [{ name: 'z', namespace: 'three' }] });
    expect(childNamed(root, 'w')).toMatchObject({ namespace: '' });
  });

  it('keeps an element whose prefix was never declared, in no namespace', () => {
    expect(parsed('<u:Action/>')).toMatchObject({ name: 'Action', namespace: '' });
  });

  it('keeps attributes such as dt:dt beside the text', () => {
    const root = parsed('<a><b dt:dt="ui2" xmlns:dt="urn:x">80</b></a>');
    expect(childNamed(root, 'b')?.attributes).toEqual(new Map([['dt:dt', 'ui2']]));
    expect(childText(root, 'b')).toBe('80');
  });

  it('never turns text into numbers', () => {
    expect(parsed('<a>080</a>').text).toBe('080');
    expect(parsed('<a>0x50</a>').text).toBe('0x50');
    expect(parsed('<a>1e3</a>').text).toBe('1e3');
  });

  it('decodes the five predefined entities and character references', () => {
    expect(parsed('<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x42;</a>').text).toBe('<&>"\'AB');
  });

  it('leaves CDATA as it stands and joins it with the text around it', () => {
    expect(parsed('<a>x<![CDATA[<b>&amp;</b>]]>y</a>').text).toBe('x<b>&amp;</b>y');
  });

  it('keeps every one of repeated elements', () => {
    expect(parsed('<a><b>1</b><b>2</b></a>').children.map((child) => child.text)).toEqual(['1', '2']);
  });

  it('accepts a byte order mark, an empty line before the declaration and NULs after the end', () => {
    expect(parsed('\ufeff\r\n<?xml version="1.0"?><a/>\r\n\0\0').name).toBe('a');
  });

  it('drops control characters, also those written as references', () => {
    expect(parsed('<a>one\u0001&#2;\u007f\u0085two</a>').text).toBe('onetwo');
  });

  it('answers undefined for a child that is not there', () => {
    expect(childText(parsed('<a/>'), 'b')).toBeUndefined();
  });
});

describe('refusing', () => {
  it.each([
    ['a document type', '<!DOCTYPE a><a/>', 'document type'],
    ['an external entity', '<!DOCTYPE a SYSTEM "http://192.0.2.1/x"><a/>', 'document type'],
    ['an internal entity', '<!DOCTYPE a [<!ENTITY b "boom">]><a>&b;</a>', 'document type'],
    ['a lower-case document type', '<!doctype a><a/>', 'document type'],
    ['a document type after the declaration', '<?xml version="1.0"?><!DOCTYPE a><a/>', 'document type'],
    ['an unclosed element', '<a><b></a>', 'b'],
    ['two roots', '<a/><b/>', 'more than one root'],
    ['text after the end', '<a></a>x', 'end with a tag'],
    ['text after a root of one tag', '<a/>x', 'end with a tag'],
    ['a bare ampersand', '<a>1 & 2</a>', '&'],
    ['an attribute given twice', '<a b="1" b="2"/>', 'repeated'],
    ['an attribute without quotes', '<a b=1/>', 'without value'],
    ['a reserved JavaScript name', '<a><__proto__>1</__proto__></a>', '__proto__'],
    ['a reserved JavaScript name as an attribute', '<a __proto__="1"/>', '__proto__'],
    ['seventeen levels', `${'<a>'.repeat(18)}${'</a>'.repeat(18)}`, 'nested'],
    ['too many tags', `<a>${'<b/>'.repeat(600)}</a>`, 'more than 512 tags'],
    ['too many characters', `<a>${' '.repeat(17_000)}</a>`, 'longer than 16384'],
    ['nothing at all', '', 'end with a tag'],
    ['no XML', 'GET / HTTP/1.1', 'end with a tag'],
    ['no tag at the start', 'GET />', 'G'],
  ])('%s', (_what, source, why) => {
    expect(problemOf(source)).toContain(why);
  });

  it('never pollutes the prototype of objects', () => {
    parseXml('<a><constructor><prototype><polluted>1</polluted></prototype></constructor></a>', LIMITS);
    expect('polluted' in {}).toBe(false);
  });
});

describe('writing', () => {
  it('escapes the five characters that mean something to XML', () => {
    expect(escapeXml(`<a b="1">&'`)).toBe('&lt;a b=&quot;1&quot;&gt;&amp;&apos;');
  });

  it('drops control characters and lone surrogates', () => {
    expect(escapeXml('a\u0000b\u001fc\u007fd\u009fe\ud800f\uffffg')).toBe('abcdefg');
  });

  it('keeps white space, accents and characters beyond the basic plane', () => {
    expect(escapeXml('a\tb\nc é 日 😀')).toBe('a\tb\nc é 日 😀');
  });

  it('splits the end of a CDATA section that stands in the text', () => {
    expect(parsed(`<a>${cdataXml('x]]>y<b>&amp;')}</a>`).text).toBe('x]]>y<b>&amp;');
  });
});

describe('for every text', () => {
  const anyText = fc.string({ unit: 'binary', maxLength: 200 });
  const readable = (text: string): string =>
    text.replace(/[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '');

  it('what was escaped is read back, less what XML forbids', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(parsed(`<a>${escapeXml(text)}</a>`).text).toBe(readable(text).replace(/\r\n?/g, '\n'));
        expect(parsed(`<a>${cdataXml(text)}</a>`).text).toBe(readable(text).replace(/\r\n?/g, '\n'));
      }),
      { numRuns: 500 },
    );
  });

  it('reading never throws', () => {
    const fragments = fc.array(
      fc.constantFrom(
        '<a>',
        '</a>',
        '<b ',
        'x="1"',
        '>',
        '/>',
        '<![CDATA[',
        ']]>',
        '<!--',
        '-->',
        '&#0;',
        '&',
        '<?',
        '\0',
      ),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          anyText,
          fragments.map((parts) => parts.join('')),
          fragments.map((parts) => `<a>${parts.join('')}</a>`),
        ),
        (source) => {
          expect(typeof parseXml(source, LIMITS).ok).toBe('boolean');
        },
      ),
      { numRuns: 2000 },
    );
  });
});
