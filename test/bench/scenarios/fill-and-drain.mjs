// Two thousand mappings made and deleted, by one client after the other and by sixteen at once.

import { add, mustSucceed, range, remove } from '../parts/load.mjs';
import { oursWithNft, oursWithoutNat, theirs } from '../parts/scene.mjs';

const SIZE = 2000;

export const fillAndDrain = {
  name: 'fill',
  title: `Fill and drain ${SIZE} mappings`,
  subjects: {
    miniupnpd: { make: theirs },
    nftables: { make: oursWithNft },
    'none, 0 ms': { make: oursWithoutNat(0) },
  },
  async measure({ generator, target }, { isQuick }) {
    const indexes = range(0, isQuick ? 100 : SIZE);
    const figures = {};
    for (const connections of [1, 16]) {
      const fill = await mustSucceed(generator, target, indexes.map(add), connections);
      const drain = await mustSucceed(generator, target, indexes.map(remove), connections);
      figures[`fill, ${connections} conn., s`] = fill.wallMs / 1000;
      figures[`drain, ${connections} conn., s`] = drain.wallMs / 1000;
    }
    return figures;
  },
  goals: ['fill', 'drain'].map((what) => ({
    text: `nftables: ${what} with 16 connections at least 20 times as fast as miniupnpd`,
    met: (of) => of('nftables', `${what}, 16 conn., s`) * 20 <= of('miniupnpd', `${what}, 16 conn., s`),
  })),
};
