import fc from 'fast-check';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { describe, expect, it } from 'vitest';
import { milliseconds, minutes, wallTime } from '../../src/base/time.ts';
import { html } from '../../src/operator/html.ts';
import { chartSvg, statusPage } from '../../src/operator/page.ts';
import { presentationPage } from '../../src/operator/presentation-page.ts';
import { SampleSource, sampleMapping, sampleSnapshot, TEN_OCLOCK } from './sample-source.ts';

const READER = { nonce: 'n0nce', access: { kind: 'reader' }, notice: undefined } as const;

describe('html', () => {
  it('lets nothing that a control point chose become markup', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const { text: shown } = html`<b title="${text}">${text}</b>`;
        return /^<b title="[^"<>]*">[^<>]*<\/b>$/s.test(shown) && !/[\u0000-\u001f\u202e]/.test(shown);
      }),
      { numRuns: 100, seed: 8 },
    );
  });

  it('escapes once, and leaves its own work alone', () => {
    expect(html`<p>${html`<b>${'a<b>&"\''}</b>`}${['x', 1, undefined]}</p>`.text).toBe(
      '<p><b>a&lt;b&gt;&amp;&quot;&#39;</b>x1</p>',
    );
  });
});

describe('the status page', () => {
  const source = new SampleSource();
  const page = statusPage(source.snapshot(), source.lastDay(), READER);

  it('puts the health sentence first, then who has what', () => {
    const text = page
      .replace(/<(style|script)[\s\S]*?<\/\1>/g, '')
      .replace(/<[^>]+>/g, ' ')
      .replace(/\s+/g, ' ');
    const order = [
      '1 port is open under another number',
      '198.51.100.7',
      'TCP 6881',
      'desk-pc',
      '192.168.1.10:6881',
      'MiniUPnPc',
      '47 min',
      'renews in 29 min',
      'cannot FILTER',
      'renew TCP 6881',
    ];
    let from = 0;
    for (const words of order) {
      const at = text.indexOf(words, from);
      expect(at, `${words} after ${text.slice(from, from + 80)}`).toBeGreaterThanOrEqual(0);
      if (words !== order.at(-1)) from = at;
    }
  });

  it('escapes descriptions', () => {
    expect(page).toContain('Teredo &lt;Xbox&gt; &amp; friends');
  });

  it('has ids once only, and a label for every field', () => {
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, id] of page.matchAll(/<input id="([^"]+)"/g)) expect(page).toContain(`<label for="${id}">`);
  });

  it('survives a snapshot with hostile texts everywhere', () => {
    const evil = '"><script>alert(1)</script>';
    const mappings = [
      sampleMapping({ description: evil, userAgent: evil, hostName: evil, remoteHost: evil, reason: evil }),
    ];
    const wakes = [{ who: evil, why: evil, in: minutes(1) }];
    const hostile = statusPage(sampleSnapshot({ mappings, wakes, externalAddress: evil }), source.lastDay(), {
      ...READER,
      access: { kind: 'operator', formToken: 'ff' },
    });
    expect(hostile).not.toContain('<script>alert');
    expect(hostile.match(/<script/g)).toHaveLength(1);
  });
});

describe('the presentation page', () => {
  const page = presentationPage(sampleSnapshot(), '192.168.1.10', 'Home router', 'n0nce');

  it("shows the asker's own mappings and nobody else's", () => {
    expect(page).toContain('TCP 6881');
    for (const foreign of ['3074', 'XBOX', '8443', 'NAS', '192.168.1.23', 'degraded'])
      expect(page).not.toContain(foreign);
  });

  it('runs no script', () => {
    expect(page).not.toContain('<script');
  });
});

describe('chartSvg', () => {
  const at = (ago: number) => wallTime(TEN_OCLOCK - minutes(ago));

  it('draws steps up to now, and leaves gaps where nothing was measured', () => {
    const points = [
      { at: at(24 * 60), value: 0 },
      { at: at(12 * 60), value: 4 },
    ];
    const steps = chartSvg({ points, now: TEN_OCLOCK, shape: 'steps', description: 'x' }).text;
    expect(steps).toContain('d="M0 100H500V4H1000V4"');
    const broken = [
      { at: at(30), value: 1 },
      { at: at(25), value: undefined },
      { at: at(20), value: 1 },
    ];
    const line = chartSvg({ points: broken, now: TEN_OCLOCK, shape: 'line', description: 'x' }).text;
    expect(line.match(/class="curve"/g)).toHaveLength(2);
  });

  it('is well-formed whatever was sampled', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -100, max: 3000 }), fc.option(fc.nat(5000), { nil: undefined })), {
          maxLength: 30,
        }),
        (samples) => {
          const points = samples.map(([ago, value]) => ({
            at: at(ago),
            value: value === undefined ? undefined : milliseconds(value),
          }));
          const svg = chartSvg({ points, now: TEN_OCLOCK, shape: 'line', description: '"<' }).text;
          return (
            XMLValidator.validate(svg) === true && new XMLParser().parse(svg) !== undefined && !svg.includes('NaN')
          );
        },
      ),
      { numRuns: 100, seed: 8 },
    );
  });
});
