// The full status page of the admin listener, drawn on the server from one snapshot. `data-live` marks the parts that
// the script swaps. The parts about mappings are in mapping-section.ts.

import { type Duration, days, durationInWords, type WallTime, wallTimeBetween } from '../base/time.ts';
import type { DayView, OperatorEvent } from './event-history.ts';
import { countText, healthOf, nextRenewalOf, serverName } from './health.ts';
import { Html, html, page } from './html.ts';
import { mappingSection } from './mapping-section.ts';
import type { ServerView, Snapshot } from './operator-source.ts';
import { PAGE_SCRIPT } from './page-script.ts';
import { PAGE_STYLE } from './page-style.ts';
import { refusalInWords } from './refusal-words.ts';
import { roundTripText, timeText } from './status-json.ts';

/** Who looks. */
export interface PageVisitor {
  readonly nonce: string;
  /** "none": no token is set, so nobody can sign in. */
  readonly access:
    | { readonly kind: 'none' }
    | { readonly kind: 'reader' }
    | { readonly kind: 'operator'; readonly formToken: string };
  /** What came of the last form, in words. */
  readonly notice: string | undefined;
}

export function statusPage(snapshot: Snapshot, day: DayView, visitor: PageVisitor): string {
  const health = healthOf(snapshot);
  const title = `${{ good: '✓', attention: '!', bad: '✗' }[health.level]} igd2pcp`;
  const body = html`<a class="skip" href="#mappings">To the mappings</a>
<header class="top"><h1>igd2pcp${snapshot.isDemo ? ' demo' : ''}</h1>${accessForm(visitor)}</header>
<main>
${visitor.notice === undefined ? undefined : html`<p role="alert">${visitor.notice}</p>`}
<p id="offline" class="offline" role="alert" hidden>The daemon does not answer: what you see is old.</p>
<div id="health" class="health ${health.level}" role="status" data-live>${health.sentence}</div>
<dl id="facts" class="facts" data-live>${facts(snapshot)}</dl>
${mappingSection(snapshot, visitor.access.kind === 'operator' ? visitor.access.formToken : undefined)}
<h2>The last day</h2>
<div id="charts" class="cards" data-live>${charts(snapshot, day)}</div>
<ul id="events" class="plain events" data-live>${events(snapshot, day)}</ul>
<h2>PCP servers</h2>
<div id="servers" class="cards" data-live>${servers(snapshot)}</div>
<h2>This box</h2>
<dl id="box" class="cards" data-live>${box(snapshot)}</dl>
</main>
<footer>igd2pcp ${snapshot.version} · <a href="api/status">status</a> · <a href="api/mappings">mappings</a> · <a href="api/tr181">TR-181</a> · <a href="metrics">metrics</a></footer>`;
  return page({ title, nonce: visitor.nonce, style: PAGE_STYLE, script: PAGE_SCRIPT }, body);
}

function accessForm({ access }: PageVisitor): Html | undefined {
  if (access.kind === 'none') return undefined;
  if (access.kind === 'operator') {
    return html`<form class="inline" method="post" action="logout"><input type="hidden" name="form_token" value="${access.formToken}"><button>Sign out</button></form>`;
  }
  return html`<form class="inline" method="post" action="login"><label for="token">Token</label><input id="token" name="token" type="password" autocomplete="current-password" required><button>Sign in</button></form>`;
}

const fact = (name: string, value: Html | string): Html => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;

function facts(snapshot: Snapshot): readonly Html[] {
  const address = snapshot.externalAddress ?? 'not known yet';
  const remark =
    snapshot.externalAddress !== undefined && !snapshot.externalAddressIsPublic
      ? html`<span class="soft">not a public address</span>`
      : undefined;
  const server = snapshot.servers.find((one) => one.isCurrent);
  const next = nextRenewalOf(snapshot);
  return [
    fact('External address', html`${address}${remark}`),
    fact('Mappings', html`${snapshot.mappings.length} <span class="soft">of ${snapshot.maxMappings}</span>`),
    fact(
      'PCP server',
      server === undefined ? 'none' : html`${serverName(server)}<span class="soft">${speechOf(server)}</span>`,
    ),
    fact(
      'Next renewal',
      next === undefined
        ? 'none'
        : html`${next.protocol} ${next.externalPort}<span class="soft">in ${durationInWords(next.renewIn)}</span>`,
    ),
  ];
}

const speechOf = (server: ServerView): string =>
  [server.version, server.roundTrip === undefined ? undefined : roundTripText(server.roundTrip)]
    .filter((part) => part !== undefined)
    .join(', ') || 'has not answered yet';

function charts({ takenAt, mappings: present }: Snapshot, { samples }: DayView): readonly Html[] {
  const sampled = samples.map(({ at, mappings }) => ({ at, value: mappings }));
  // The last sample may be minutes old.
  const counts = [...sampled, { at: takenAt, value: present.length }];
  const trips = samples.map(({ at, roundTrip }) => ({ at, value: roundTrip }));
  const mostMappings = Math.max(0, ...counts.map(({ value }) => value));
  const longest = Math.max(0, ...trips.map(({ value }) => value ?? 0));
  const mappingWords = `at most ${countText(mostMappings, 'mapping')}`;
  const tripWords = longest === 0 ? 'no answer yet' : `longest ${roundTripText(longest)}`;
  const figure = (title: string, words: string, svg: Html): Html =>
    html`<figure><figcaption><b>${title}</b><span>${words}</span></figcaption>${svg}<div class="axis"><span>a day ago</span><span>now</span></div></figure>`;
  return [
    figure(
      'Mappings',
      mappingWords,
      chartSvg({
        points: counts,
        now: takenAt,
        shape: 'steps',
        description: `Mappings over the last day, ${mappingWords}`,
      }),
    ),
    figure(
      'PCP round trip',
      tripWords,
      chartSvg({
        points: trips,
        now: takenAt,
        shape: 'line',
        description: `PCP round trips over the last day, ${tripWords}`,
      }),
    ),
  ];
}

/** What a person reads; the API has them all. */
const EVENTS_ON_PAGE = 50;

function events({ takenAt }: Snapshot, day: DayView): readonly Html[] {
  if (day.events.length === 0) return [html`<li><span>Nothing happened.</span></li>`];
  const row = ({ at, level, text }: OperatorEvent): Html =>
    html`<li class="${level}"><time datetime="${timeText(at)}">${durationInWords(wallTimeBetween(at, takenAt))} ago</time><span>${text}</span></li>`;
  const shown = day.events.slice(0, EVENTS_ON_PAGE).map(row);
  const rest = day.events.length - shown.length + day.forgotten;
  return rest === 0 ? shown : [...shown, html`<li><span class="soft">${countText(rest, 'earlier event')}</span></li>`];
}

const HEALTH_WORDS: Readonly<Record<ServerView['health'], readonly [string, string]>> = {
  up: ['good', 'answers'],
  unknown: ['attention', 'has not answered yet'],
  down: ['bad', 'does not answer'],
};

function servers(snapshot: Snapshot): readonly Html[] {
  if (snapshot.servers.length === 0) return [html`<p>${snapshot.noServerBecause ?? 'None is known.'}</p>`];
  return snapshot.servers.map((server) => {
    const [level, words] = HEALTH_WORDS[server.health];
    const abilities = Object.entries(server.abilities).map(
      ([name, can]) =>
        html`<li><span class="${can}">${can === 'yes' ? '✓' : '✗'}</span> ${can === 'yes' ? 'can' : 'cannot'} ${name}</li>`,
    );
    return html`<section class="card"><h3>${server.addresses.join(', ')}${server.isCurrent ? '' : ' (spare)'}</h3>
<p><span class="state ${level}">${words}</span> for ${durationInWords(server.healthFor)}<span class="soft">${speechOf(server)}</span></p>
<ul class="plain">${abilities}</ul>${refusalNote(server)}</section>`;
  });
}

const refusalNote = ({ lastRefusal }: ServerView): Html | undefined =>
  lastRefusal === undefined
    ? undefined
    : html`<p class="soft">${durationInWords(lastRefusal.ago)} ago it refused: ${refusalInWords(lastRefusal.code)}</p>`;

function box(snapshot: Snapshot): readonly Html[] {
  const { wan } = snapshot;
  const nat = wan.nat === 'none' ? 'does not translate' : 'translates with nftables';
  const entry = (name: string, ...lines: readonly string[]): Html =>
    html`<div class="card"><dt>${name}</dt>${lines.map((line) => html`<dd>${line}</dd>`)}</div>`;
  const lan = snapshot.lan.map((one) =>
    entry(
      `LAN ${one.name}`,
      one.address,
      ...(one.problem === undefined ? one.descriptionUrls : [`not served: ${one.problem}`]),
    ),
  );
  const waiting = snapshot.wakes.slice(0, 6).map((wake) => `${wake.why} in ${durationInWords(wake.in)}`);
  return [
    ...lan,
    entry(
      'WAN',
      wan.interfaceName === '' ? 'no default route' : wan.interfaceName,
      `this box ${nat}`,
      ...(wan.natProblem === undefined ? [] : [wan.natProblem]),
    ),
    entry(
      'Running',
      `for ${durationInWords(wallTimeBetween(snapshot.startedAt, snapshot.takenAt))}`,
      countText(snapshot.subscribers, 'event subscriber'),
    ),
    entry('Next', ...(waiting.length === 0 ? ['nothing to do'] : waiting)),
  ];
}

// A curve of the last day as inline SVG. Only the curve is in it: captions are HTML, so that letters keep their size.

interface ChartPoint {
  readonly at: WallTime;
  /** Undefined: a gap. */
  readonly value: number | undefined;
}

interface Chart {
  /** For those who cannot see it. */
  readonly description: string;
  readonly points: readonly ChartPoint[];
  readonly now: WallTime;
  /** Counts stay until they change; measurements lie on a line between. */
  readonly shape: 'steps' | 'line';
}

const WIDTH = 1000;
const HEIGHT = 100;
const SPAN: Duration = days(1);

export function chartSvg(chart: Chart): Html {
  const most = Math.max(1, ...chart.points.map(({ value }) => value ?? 0));
  const runs = runsOf(chart).map((run) =>
    run.map(({ at, value }) => ({ x: xOf(at, chart.now), y: HEIGHT - (value / most) * (HEIGHT - 4) })),
  );
  const curves = runs.map((run) => pathOf(run, chart.shape));
  const areas = runs.map((run, index) => {
    const [first] = run;
    const last = run.at(-1);
    if (first === undefined || last === undefined) return html``;
    return new Html(`<path class="area" d="${curves[index]}L${last.x} ${HEIGHT}L${first.x} ${HEIGHT}Z"/>`);
  });
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${chart.description}">
<path class="base" d="M0 ${HEIGHT}H${WIDTH}"/>${areas}${curves.map((d) => new Html(`<path class="curve" d="${d}"/>`))}
</svg>`;
}

const xOf = (at: WallTime, now: WallTime): number =>
  Math.round(Math.min(1, Math.max(0, 1 - wallTimeBetween(at, now) / SPAN)) * WIDTH * 10) / 10;

interface KnownPoint {
  readonly at: WallTime;
  readonly value: number;
}

function runsOf({ points, shape, now }: Chart): readonly KnownPoint[][] {
  const runs: KnownPoint[][] = [[]];
  for (const { at, value } of points) {
    if (value === undefined) runs.push([]);
    else runs.at(-1)?.push({ at, value });
  }
  const last = runs.at(-1)?.at(-1);
  if (shape === 'steps' && last !== undefined) runs.at(-1)?.push({ at: now, value: last.value });
  return runs.filter((run) => run.length > 0);
}

function pathOf(run: readonly { readonly x: number; readonly y: number }[], shape: Chart['shape']): string {
  const parts = run.map(({ x, y }, index) => {
    const height = Math.round(y * 10) / 10;
    if (index === 0) return `M${x} ${height}`;
    return shape === 'steps' ? `H${x}V${height}` : `L${x} ${height}`;
  });
  // A single measurement would be invisible as a line of no length.
  return parts.length === 1 ? `${parts.join('')}h2` : parts.join('');
}
