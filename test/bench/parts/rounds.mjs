// Rounds: every subject once per round, one after the other, so that a busy minute of the machine hits all alike.

import { withScene } from './scene.mjs';
import { median } from './statistics.mjs';

/** → { [subject]: { [figure]: { median, all } } } */
export async function inRounds(bench, scenario) {
  const results = {};
  for (let round = 1; round <= bench.rounds; round += 1) {
    for (const [name, subject] of Object.entries(scenario.subjects)) {
      if (bench.only.subject !== undefined && bench.only.subject !== name) continue;
      bench.tell(`${scenario.name}: round ${round} of ${bench.rounds}, ${name}`);
      const context = { subject, isQuick: bench.isQuick, bench };
      const figures = await withScene(bench, subject.make, (scene) => scenario.measure(scene, context));
      for (const [figure, value] of Object.entries(figures)) {
        results[name] ??= {};
        results[name][figure] ??= { median: undefined, all: [] };
        results[name][figure].all.push(value);
      }
    }
  }
  for (const figures of Object.values(results)) {
    for (const row of Object.values(figures)) row.median = median(row.all);
  }
  return results;
}
