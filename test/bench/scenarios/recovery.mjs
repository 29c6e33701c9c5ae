// The carrier reboots and has forgotten everything: how long until every mapping carries a stranger's packet again.

import { sleep, startStranger } from '../parts/child.mjs';
import { igd2pcpGateway } from '../parts/igd2pcp.mjs';
import { add, mustSucceed, range } from '../parts/load.mjs';
import { miniupnpdCarrier } from '../parts/miniupnpd.mjs';
import { CARRIER_OUTSIDE } from '../parts/network.mjs';
import { datagramsReceived } from '../parts/process-figures.mjs';
import { theirs } from '../parts/scene.mjs';

const MAPPINGS = 500;
const KNOCK_EVERY_MS = 250;
const GIVE_UP_MS = 120_000;
const CARRIER_AGES_MS = 10_000;
/** The shortest miniupnpd grants. A silent loss is noticed by the next renewal, at half of it, or by asking. */
const LIFETIME_SECONDS = 121;

const ours = () => ({
  gateway: igd2pcpGateway({ nat: 'nftables' }),
  carrier: miniupnpdCarrier({ longestLifetime: LIFETIME_SECONDS }),
});

export const recovery = {
  name: 'recovery',
  title: `Recovery of ${MAPPINGS} mappings until each carries a stranger's packet`,
  subjects: {
    'miniupnpd restarts without lease file': { make: theirs, isPeer: true },
    'carrier announces': { make: ours, announces: true },
    'carrier is silent': { make: ours, announces: false },
  },
  async measure({ generator, target, gateway, carrier }, { subject, isQuick }) {
    if (subject.isPeer) return measurePeer({ generator, target, gateway });
    const size = isQuick ? 50 : MAPPINGS;
    const calls = range(0, size).map((index) => ({ ...add(index), protocol: 'UDP' }));
    await mustSucceed(generator, target, calls, 8);
    await generator.ask('hear', { places: calls });
    const stranger = startStranger();
    try {
      const walk = new Rounds(
        generator,
        stranger,
        calls.map(({ port }) => port),
      );
      if (!(await walk.until(size)))
        throw new Error(`only ${walk.carrying} of ${size} mappings carry before anything broke`);
      // Clocks may differ by a second or two: a carrier that has just started cannot be seen to start again.
      await sleep(CARRIER_AGES_MS);
      const peak = watchPeak(() => carrier.pid());
      const rebootedAt = performance.now();
      await carrier.reboot(subject);
      const isWhole = await walk.until(size);
      return {
        'all carry again, s': isWhole ? (performance.now() - rebootedAt) / 1000 : Number.NaN,
        'carrying at the end': walk.carrying,
        'peak, packets/s': peak.stop(),
      };
    } finally {
      await stranger.stop();
    }
  },
  goals: [
    {
      text: 'every mapping carries again after an announced restart',
      met: (of) => of('carrier announces', 'carrying at the end') === MAPPINGS,
    },
    {
      text: 'and after a silent one',
      met: (of) => of('carrier is silent', 'carrying at the end') === MAPPINGS,
    },
  ],
};

class Rounds {
  #round = 0;
  carrying = 0;

  constructor(generator, stranger, ports) {
    this.generator = generator;
    this.stranger = stranger;
    this.ports = ports;
  }

  /** Knocks until all of a round carried; false when that does not happen. */
  async until(size) {
    const since = this.#round + 1;
    const end = performance.now() + GIVE_UP_MS;
    while (performance.now() < end) {
      this.#round += 1;
      await this.stranger.ask('knock', { host: CARRIER_OUTSIDE, ports: this.ports, round: this.#round });
      await sleep(KNOCK_EVERY_MS);
      this.carrying = (await this.generator.ask('heard', { since })).count;
      if (this.carrying >= size) return true;
    }
    return false;
  }
}

/** Most PCP packets that reached the carrier in any second. */
function watchPeak(pid) {
  const samples = [];
  const timer = setInterval(() => {
    try {
      samples.push([performance.now(), datagramsReceived(pid())]);
    } catch {
      // Between its death and its return there is nobody to ask.
    }
  }, 100);
  return {
    stop() {
      clearInterval(timer);
      return Math.max(0, ...samples.map(([at, count]) => mostWithin(samples, at, count)));
    },
  };
}

function mostWithin(samples, at, count) {
  const last = samples.filter(([time]) => time >= at && time <= at + 1000).at(-1);
  return last === undefined ? 0 : last[1] - count;
}

/** Its own restart, which is the loss a home with it knows: what a control point asked for is gone until it asks again. */
async function measurePeer({ generator, target, gateway }) {
  await mustSucceed(generator, target, range(0, MAPPINGS).map(add), 4);
  await gateway.stop('SIGKILL');
  await gateway.resume();
  await sleep(2000);
  const entry = { action: 'GetGenericPortMappingEntry', from: add(0).from, index: 0 };
  const listed = await generator.ask('calls', { target, lanes: [[entry]] });
  return { 'carrying at the end': listed.latencies.length, 'all carry again, s': Number.NaN };
}
