// The table people read, and the goals beside it.

/** Ratios are against the first subject, where the figure is a time or a rate. */
export function printScenario(scenario, results) {
  const subjects = Object.keys(results);
  const figures = [...new Set(subjects.flatMap((subject) => Object.keys(results[subject])))];
  const rows = figures.map((figure) => [
    figure,
    ...subjects.map((subject, index) => cell(results, subjects, index, figure, subject)),
  ]);
  console.log(`\n${scenario.title}`);
  printTable([['', ...subjects], ...rows]);
}

export function judge(scenario, results) {
  const of = (subject, figure) => {
    const row = results[subject]?.[figure];
    if (row === undefined) throw new NotMeasured();
    return row.median;
  };
  return scenario.goals.map((goal) => ({ scenario: scenario.name, text: goal.text, met: verdict(goal, of) }));
}

export function printGoals(goals) {
  const words = { true: 'met', false: 'MISSED', undefined: 'not measured' };
  console.log('\nGoals');
  printTable(goals.map((goal) => [words[goal.met], goal.scenario, goal.text]));
}

class NotMeasured extends Error {}

function verdict(goal, of) {
  try {
    return goal.met(of);
  } catch (error) {
    if (error instanceof NotMeasured) return undefined;
    throw error;
  }
}

function cell(results, subjects, index, figure, subject) {
  const value = results[subject][figure]?.median;
  if (value === undefined || Number.isNaN(value)) return '–';
  const reference = results[subjects[0]][figure]?.median;
  const hasRatio = index > 0 && reference > 0 && value > 0 && /(ms|, s|\/s)$/.test(figure);
  return hasRatio ? `${short(value)} (${short(value / reference)}×)` : short(value);
}

function short(value) {
  if (Number.isInteger(value)) return String(value);
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

function printTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  for (const row of rows) {
    const cells = row.map((text, column) =>
      column === 0 ? String(text).padEnd(widths[column]) : `  ${String(text).padStart(widths[column])}`,
    );
    console.log(`  ${cells.join('')}`.trimEnd());
  }
}
